// Compares our reading of damaged HTTP/1 messages with llhttp's: ours may be stricter, never looser, never different.
import { METHODS } from "node:http";
import { Dice, makeCase, makeResponseCase } from "./http1-cases.ts";
import { compareReadings, type Reading } from "./http1-reading.ts";
import { ConnectionReader, LlhttpRequestReader, readWithParser } from "./http1-request-readers.ts";
import { ConnectionResponseReader, readResponseWithLlhttp, readResponseWithParser } from "./http1-response-readers.ts";

export interface FuzzResult {
  readonly cases: number;
  /** Of them, those that went through a real connection as well. */
  readonly connections: number;
  /** Cases in which at least one message was understood whole by both. */
  readonly understood: number;
  /** Cases that we refused and llhttp did not. */
  readonly stricter: number;
}

/** One case, read by everyone. */
interface Readings {
  readonly bytes: Buffer;
  /** What else decided the case, for the report of a failure. */
  readonly setting: string;
  readonly parser: Reading;
  readonly llhttp: Reading;
  /** Null where the case was spared the connection. */
  readonly connection: Reading | null;
  /** The connection may have stopped before the parser's last message. */
  readonly mayStopEarly: boolean;
}

/** A connection costs as much as llhttp's: one case in so many goes through one. */
const CONNECTION_SHARE = 3;
const RESPONSE_METHODS = ["GET", "GET", "GET", "POST", "HEAD"];

/** Runs until `isOver` says so; throws an Error with the bytes on the first looser or different reading. */
export async function fuzzRequests(dice: Dice, isOver: (cases: number) => boolean): Promise<FuzzResult> {
  const llhttpReader = new LlhttpRequestReader();
  const connectionReader = new ConnectionReader();
  return run(isOver, connectionReader, async (index) => {
    const bytes = makeCase(dice);
    const mayAnswerEarly = dice.chance(30);
    const temper = { dice: new Dice(dice.roll(2 ** 32)), mayAnswerEarly };
    return {
      bytes,
      setting: "",
      parser: readWithParser(bytes),
      llhttp: await llhttpReader.read(bytes),
      connection: index % CONNECTION_SHARE === 0 ? await connectionReader.read(bytes, temper) : null,
      mayStopEarly: mayAnswerEarly,
    };
  });
}

/** As `fuzzRequests`, for responses of upstreams. */
export async function fuzzResponses(dice: Dice, isOver: (cases: number) => boolean): Promise<FuzzResult> {
  const connectionReader = new ConnectionResponseReader();
  return run(isOver, connectionReader, async (index) => {
    const bytes = makeResponseCase(dice);
    const method = dice.pick(RESPONSE_METHODS);
    const ownDice = new Dice(dice.roll(2 ** 32));
    return {
      bytes,
      setting: method,
      parser: readResponseWithParser(bytes, method),
      llhttp: await readResponseWithLlhttp(bytes, method),
      connection: index % CONNECTION_SHARE === 0 ? await connectionReader.read(bytes, method, ownDice) : null,
      mayStopEarly: false,
    };
  });
}

async function run(
  isOver: (cases: number) => boolean,
  reader: { stop(): void },
  readNext: (index: number) => Promise<Readings>,
): Promise<FuzzResult> {
  let cases = 0;
  let connections = 0;
  let understood = 0;
  let stricter = 0;
  try {
    while (!isOver(cases)) {
      const readings = await readNext(cases++);
      const difference = compareAll(readings);
      if (difference !== null) throw new Error(describe(difference, readings));
      const { parser, llhttp, connection } = readings;
      if (connection !== null) connections++;
      if (countWhole(parser) > 0) understood++;
      if (parser.isRefused && !llhttp.isRefused) stricter++;
    }
  } finally {
    reader.stop();
  }
  return { cases, connections, understood, stricter };
}

function compareAll({ parser, llhttp, connection, mayStopEarly }: Readings): string | null {
  const difference = compareToLlhttp(parser, llhttp);
  if (difference !== null || connection === null) return difference;
  const ofConnection = compareToLlhttp(connection, llhttp) ?? compareReadings(sharedPart(connection, parser), parser);
  if (ofConnection !== null) return `connection: ${ofConnection}`;
  const isComplete = mayStopEarly || countWhole(connection) >= countWhole(parser);
  return isComplete ? null : "the connection read fewer messages than the parser";
}

function compareToLlhttp(ours: Reading, llhttp: Reading): string | null {
  const messages = ours.messages.slice(0, countComparable(ours));
  return compareReadings({ ...ours, messages }, llhttp);
}

/** How many messages llhttp reads by the rules that we follow. */
function countComparable(ours: Reading): number {
  // It knows a list of methods; RFC 9110 §9.1 does not close it.
  const unknown = ours.messages.findIndex(({ start }) => {
    return start["method"] !== undefined && !METHODS.includes(String(start["method"]));
  });
  return unknown < 0 ? ours.messages.length : unknown;
}

/** Which request is a connection's last is decided by the connection, not by the parser. */
function sharedPart(connection: Reading, parser: Reading): Reading {
  return { ...connection, messages: connection.messages.slice(0, parser.messages.length) };
}

function countWhole({ messages }: Reading): number {
  return messages.filter(({ body }) => body !== null).length;
}

function describe(difference: string, { bytes, setting, parser, llhttp, connection }: Readings): string {
  return [
    difference,
    `bytes: ${JSON.stringify(bytes.toString("latin1"))} ${setting}`,
    `parser: ${JSON.stringify(parser)}`,
    `connection: ${JSON.stringify(connection)}`,
    `llhttp: ${JSON.stringify(llhttp)}`,
  ].join("\n");
}
