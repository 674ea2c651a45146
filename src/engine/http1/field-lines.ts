// Parses the field lines of an HTTP/1 head (RFC 9112 §5), the same for requests, responses and trailers: strict, one
// pass over the bytes, names recognised as integers. What it refuses is listed in test/security.
import { SPAN_REWRITE } from "../http/header-list.ts";
import { isUnderscoreAlias, KNOWN_HEADER_NAMES } from "../http/known-headers.ts";
import { COLON, CR, FIELD_VALUE, LF, SPACE, TAB, TOKEN, UNDERSCORE } from "./char-class.ts";

export const INCOMPLETE = -1;
const MALFORMED = -2;
export const TOO_LARGE = -3;

/** Ids of known names by length: the lower-case bytes to compare with. */
const candidatesByLength: { readonly id: number; readonly codes: Uint8Array }[][] = [];
for (const [id, name] of KNOWN_HEADER_NAMES.entries()) {
  if (id === 0) continue;
  (candidatesByLength[name.length] ??= []).push({ id, codes: Buffer.from(name, "latin1") });
}
for (let length = 0; length < candidatesByLength.length; length++) candidatesByLength[length] ??= [];

/** The lines parsed last; overwritten by the next call. `spans` is handed over to a HeaderList. */
export class FieldLines {
  spans: number[] = [];
  /** Mask of known ids seen. */
  seen = 0;
  /** Mask of known ids seen more than once. */
  repeated = 0;

  /**
   * Reads lines from `position` up to and including the empty line.
   * @param base offset that spans are relative to: the start of the head's text.
   * @returns the position after the empty line, or INCOMPLETE, MALFORMED, TOO_LARGE (more than `maxCount` lines).
   */
  // oxlint-disable-next-line max-params -- the innermost loop of the hot path
  parse(bytes: Buffer, position: number, end: number, base: number, maxCount: number): number {
    const spans: number[] = [];
    this.spans = spans;
    this.seen = 0;
    this.repeated = 0;
    let pos = position;
    let count = 0;
    for (;;) {
      if (pos >= end) return INCOMPLETE;
      if (bytes[pos] === CR) {
        if (pos + 1 >= end) return INCOMPLETE;
        return bytes[pos + 1] === LF ? pos + 2 : MALFORMED;
      }
      if (++count > maxCount) return TOO_LARGE;
      const nameStart = pos;
      let kinds = 0;
      while (pos < end) {
        const kind = TOKEN[bytes[pos] as number] as number;
        if (kind === 0) break;
        kinds |= kind;
        pos++;
      }
      if (pos >= end) return INCOMPLETE;
      // Also refuses a space before the colon, obs-fold (a line that begins with a space) and an empty name.
      if (bytes[pos] !== COLON || pos === nameStart) return MALFORMED;
      const nameEnd = pos;
      pos++;
      let flags = 0;
      if (pos < end && bytes[pos] === SPACE) pos++;
      else flags = SPAN_REWRITE;
      while (pos < end && (bytes[pos] === SPACE || bytes[pos] === TAB)) {
        pos++;
        flags = SPAN_REWRITE;
      }
      const valueStart = pos;
      while (pos < end && FIELD_VALUE[bytes[pos] as number] === 1) pos++;
      if (pos + 1 >= end) return pos < end && bytes[pos] !== CR ? MALFORMED : INCOMPLETE;
      if (bytes[pos] !== CR || bytes[pos + 1] !== LF) return MALFORMED;
      let valueEnd = pos;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)) {
        valueEnd--;
        flags = SPAN_REWRITE;
      }
      pos += 2;
      if (kinds === UNDERSCORE && isUnderscoreAlias(bytes.toString("latin1", nameStart, nameEnd).toLowerCase())) {
        continue;
      }
      const id = identify(bytes, nameStart, nameEnd);
      const bit = 1 << id;
      if ((this.seen & bit) !== 0) this.repeated |= bit;
      this.seen |= bit;
      spans.push(id | flags, nameStart - base, nameEnd - base, valueStart - base, valueEnd - base);
    }
  }

  /** Whether there is a tab around the value of the first line with a known id. @param text that the spans point into. */
  hasTab(id: number, text: string): boolean {
    const index = this.indexOf(id);
    if (index < 0 || ((this.spans[index] as number) & SPAN_REWRITE) === 0) return false;
    const nameEnd = this.spans[index + 2] as number;
    return text.slice(nameEnd, text.indexOf("\r", nameEnd)).includes("\t");
  }

  /** Index into `spans` of the first line with a known id; -1 where there is none. */
  indexOf(id: number): number {
    if ((this.seen & (1 << id)) === 0) return -1;
    const { spans } = this;
    for (let i = 0; i < spans.length; i += 5) {
      if (((spans[i] as number) & 0xff) === id) return i;
    }
    return -1;
  }
}

function identify(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  if (length >= candidatesByLength.length) return 0;
  const candidates = candidatesByLength[length] as { readonly id: number; readonly codes: Uint8Array }[];
  for (let c = 0; c < candidates.length; c++) {
    const candidate = candidates[c] as { readonly id: number; readonly codes: Uint8Array };
    const { codes } = candidate;
    let i = 0;
    // `| 0x20` folds case; the few token characters that it maps onto others (`^`→`~`, `@` is none) meet no known name.
    while (i < length && ((bytes[start + i] as number) | 0x20) === codes[i]) i++;
    if (i === length) return candidate.id;
  }
  return 0;
}
