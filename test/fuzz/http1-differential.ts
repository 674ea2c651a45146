// Compares our reading of damaged requests with llhttp's: ours may be stricter, never looser, and never different.
import { METHODS } from "node:http";
import { type Dice, makeCase } from "./http1-cases.ts";
import { LlhttpReader, type Reading, readWithOurs } from "./http1-reading.ts";

export interface FuzzResult {
  readonly cases: number;
  /** Cases in which at least one request was understood by both. */
  readonly understood: number;
  /** Cases that we refused and llhttp did not. */
  readonly stricter: number;
}

/** Runs until `isOver` says so; throws an Error with the bytes on the first looser or different reading. */
export async function runDifferential(dice: Dice, isOver: (cases: number) => boolean): Promise<FuzzResult> {
  const llhttp = new LlhttpReader();
  let cases = 0;
  let understood = 0;
  let stricter = 0;
  while (!isOver(cases)) {
    cases++;
    const bytes = makeCase(dice);
    const ours = readWithOurs(bytes);
    const theirs = await llhttp.read(bytes);
    const difference = compareReadings(ours, theirs);
    if (difference !== null) {
      throw new Error(
        `${difference}\nbytes: ${JSON.stringify(bytes.toString("latin1"))}\n` +
          `ours: ${JSON.stringify(ours)}\nllhttp: ${JSON.stringify(theirs)}`,
      );
    }
    if (ours.requests.length > 0) understood++;
    if (ours.isRefused && !theirs.isRefused) stricter++;
  }
  return { cases, understood, stricter };
}

/** What is wrong with our reading; null where it is the same as llhttp's, or stops earlier. */
export function compareReadings(ours: Reading, theirs: Reading): string | null {
  for (const [index, own] of ours.requests.entries()) {
    const other = theirs.requests[index];
    // llhttp knows a list of methods; RFC 9110 §9.1 does not close it.
    if (other === undefined && !METHODS.includes(own.method)) return null;
    if (other === undefined) return `request ${index} was understood by us alone`;
    if (own.method !== other.method) return `request ${index} has another method`;
    if (own.body !== other.body) return `request ${index} has another body`;
    if (own.target !== originForm(other.target)) return `request ${index} has another target`;
    if (own.host !== other.host) return `request ${index} has another host`;
  }
  return null;
}

/** llhttp leaves absolute targets as they are. */
function originForm(target: string): string {
  const match = /^https?:\/\/[^/?]+(.*)$/i.exec(target);
  if (match === null) return target;
  const rest = match[1] as string;
  return rest.startsWith("/") ? rest : `/${rest}`;
}
