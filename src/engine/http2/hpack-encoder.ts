// Writes header blocks (RFC 7541) as latin1 text, from the static table and literals alone: there is no state to keep,
// to bound or to leak by, and none to agree on. Measured in docs/adr/0007-own-http2-framing.md.
import { isFieldName } from "./field-syntax.ts";
import { STATIC_TABLE } from "./hpack-static-table.ts";
import { byteText } from "./protocol.ts";

/** Goes before the first block of a connection: our dynamic table is empty and stays so (RFC 7541 §4.2, §6.3). */
export const EMPTY_TABLE_UPDATE = "\u0020";

const LITERAL_FLAGS = 0x00;
const NEVER_INDEXED_FLAGS = 0x10;
/** Nobody on the way may put these into a table (RFC 7541 §7.1.3). */
const SENSITIVE: ReadonlySet<string> = new Set([
  "set-cookie",
  "authorization",
  "proxy-authorization",
  "cookie",
  "www-authenticate",
  "proxy-authenticate",
]);
/** Upstreams choose names: so many, and so long ones, are remembered. */
const MAX_KNOWN_NAMES = 2048;
const MAX_KNOWN_LENGTH = 64;

const staticIndexes = new Map<string, number>();
const statusBlocks: string[] = [];
for (let index = STATIC_TABLE.length - 1; index > 0; index--) {
  const entry = STATIC_TABLE[index];
  if (entry === undefined || entry === null) continue;
  staticIndexes.set(entry.name, index);
  if (entry.name === ":status") statusBlocks[Number(entry.value)] = byteText(0x80 | index);
}
const STATUS_NAME = numberText(staticIndexes.get(":status") as number, 0x0f, LITERAL_FLAGS);

/** What a name becomes, by the name in any case. */
const knownNames = new Map<string, string>();

/** `:status`; the first line of a block. */
export function encodeStatus(status: number): string {
  return statusBlocks[status] ?? `${STATUS_NAME}${encodeString(String(status))}`;
}

/** A name in any case as the beginning of a line, which its value completes; `""` where it is no name. */
export function encodeName(name: string): string {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const encoded = isFieldName(lower) && !lower.startsWith(":") ? nameText(lower) : "";
  if (encoded !== "" && name.length <= MAX_KNOWN_LENGTH && knownNames.size < MAX_KNOWN_NAMES) {
    knownNames.set(ownText(name), ownText(encoded));
  }
  return encoded;
}

/** A string of latin1 characters, not compressed. */
export function encodeString(text: string): string {
  return text.length < 0x7f ? byteText(text.length) + text : numberText(text.length, 0x7f, 0) + text;
}

function nameText(lower: string): string {
  const flags = SENSITIVE.has(lower) ? NEVER_INDEXED_FLAGS : LITERAL_FLAGS;
  const index = staticIndexes.get(lower);
  return index === undefined ? byteText(flags) + encodeString(lower) : numberText(index, 0x0f, flags);
}

/** Without a reference to the head that it may be a slice of. */
function ownText(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

/** RFC 7541 §5.1. */
function numberText(value: number, mask: number, flags: number): string {
  if (value < mask) return byteText(flags | value);
  let text = byteText(flags | mask);
  let rest = value - mask;
  for (; rest >= 0x80; rest >>>= 7) text += byteText((rest & 0x7f) | 0x80);
  return text + byteText(rest);
}
