// The fields that both sides know from the start (RFC 7541 Appendix A).
import { isFieldName, isFieldValue } from "./field-syntax.ts";

/** A line of either table. */
export interface HpackEntry {
  readonly name: string;
  readonly value: string;
  /** As RFC 7541 §4.1 counts: bytes of name and value, and 32. */
  readonly size: number;
  /** Name and value are made of characters that HTTP/2 allows; looked at once, however often the line is used. */
  readonly isValid: boolean;
}

/** What a line costs beside its bytes (RFC 7541 §4.1). */
const ENTRY_OVERHEAD_BYTES = 32;

export function makeEntry(name: string, value: string): HpackEntry {
  return {
    name,
    value,
    size: name.length + value.length + ENTRY_OVERHEAD_BYTES,
    isValid: isFieldName(name) && isFieldValue(value),
  };
}

const WITH_VALUES: readonly (readonly [string, string])[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
];

const NAMES =
  "accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control " +
  "content-disposition content-encoding content-language content-length content-location content-range content-type " +
  "cookie date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since " +
  "last-modified link location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after " +
  "server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate";

/** By index; the first is 1. */
export const STATIC_TABLE: readonly (HpackEntry | null)[] = [
  null,
  ...WITH_VALUES.map(([name, value]) => makeEntry(name, value)),
  ...NAMES.split(" ").map((name) => makeEntry(name, "")),
];

/** Entries; dynamic ones follow. */
export const STATIC_TABLE_LENGTH: number = STATIC_TABLE.length - 1;
