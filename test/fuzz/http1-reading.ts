// What a reader understood of damaged messages, and how two readings of the same bytes are compared: ours may be
// stricter, never looser, and never different.
import type { HeaderList } from "../../src/engine/http/header-list.ts";
import { isUnderscoreAlias } from "../../src/engine/http/known-headers.ts";

/** Names in lower case and values, in order. */
export type Lines = readonly (readonly [name: string, value: string])[];

export interface ReadMessage {
  /** The start line's parts that have one meaning, by name. */
  readonly start: Readonly<Record<string, string | number | null>>;
  readonly headers: Lines;
  /** As latin1; null where it was not read to its end. */
  body: string | null;
  trailers: Lines;
}

export interface Reading {
  /** Messages whose head was understood, in order. */
  readonly messages: readonly ReadMessage[];
  readonly isRefused: boolean;
}

export function linesOf(list: HeaderList | null): Lines {
  return list === null ? [] : pairUp(list.toPairs());
}

/** @param flat name, value, name, value… */
export function pairUp(flat: readonly string[]): Lines {
  const lines: [string, string][] = [];
  for (let i = 0; i < flat.length; i += 2) lines.push([(flat[i] as string).toLowerCase(), flat[i + 1] as string]);
  return lines;
}

/** What is wrong with our reading; null where it is the same as the other's, or stops earlier. */
export function compareReadings(ours: Reading, theirs: Reading): string | null {
  for (const [index, own] of ours.messages.entries()) {
    const other = theirs.messages[index];
    const what = `message ${index}`;
    if (other === undefined) return `${what} was understood by us alone`;
    for (const [part, value] of Object.entries(own.start)) {
      if (value !== other.start[part]) return `${what} has another ${part}`;
    }
    const inHeaders = compareLines(own.headers, other.headers);
    if (inHeaders !== null) return `${what}: ${inHeaders}`;
    if (own.body === null) continue;
    if (other.body === null) return `${what} has a body that we alone understood`;
    if (own.body !== other.body) return `${what} has another body`;
    const inTrailers = compareLines(own.trailers, other.trailers);
    if (inTrailers !== null) return `${what}, in trailers: ${inTrailers}`;
  }
  return null;
}

/** Headers that nobody may have taken away by naming them in Connection. */
const KEPT = new Set(["host", "content-length", "transfer-encoding", "x-forwarded-for", "authorization"]);

/** Ours are theirs without underscore aliases of headers that proxies set, and without what Connection nominated. */
function compareLines(ours: Lines, theirs: Lines): string | null {
  const nominated = theirs
    .filter(([name]) => name === "connection")
    .flatMap(([, value]) => value.toLowerCase().split(","))
    .map((option) => option.trim())
    .filter((option) => !KEPT.has(option));
  let next = 0;
  for (const [name, value] of theirs) {
    const own = ours[next];
    if (own !== undefined && own[0] === name && own[1] === value) next++;
    else if (!isUnderscoreAlias(name) && !nominated.includes(name)) return `we do not have ${name}: ${value} next`;
  }
  return next === ours.length ? null : `we alone have ${ours[next]?.join(": ")}`;
}
