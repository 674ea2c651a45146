// How timeouts, sizes, attempts and server names are written wherever a user sets them: in annotations and in policies.
// Each has its reader, its bounds, and the words that say what is allowed.
import { parseByteSize } from "./byte-size.ts";
import { isDnsName } from "./dns-name.ts";
import { parseDurationText } from "./duration-text.ts";

/** How a kind of value is written. */
export interface ValueRule<Value> {
  /** What is allowed, to stand after "Write". */
  readonly allowed: string;
  /** Null where the text is not allowed. */
  readonly read: (text: string) => Value | null;
}

const MIN_TIMEOUT_MS = 1;
const MAX_TIMEOUT_MS = 24 * 3_600_000;

/** The most attempts that one request may cost the upstream. */
export const MAX_ATTEMPTS = 3;

/** Milliseconds, 1 to 24 hours. */
export const TIMEOUT_VALUE: ValueRule<number> = {
  allowed: "a number with ms, s, m or h, from 1ms to 24h, for example 5s",
  read(text) {
    const timeoutMs = parseDurationText(text);
    return timeoutMs === null || timeoutMs < MIN_TIMEOUT_MS || timeoutMs > MAX_TIMEOUT_MS ? null : timeoutMs;
  },
};

/** Bytes; 0 for no limit. */
export const BODY_SIZE_VALUE: ValueRule<number> = {
  allowed: "a size such as 512Ki, 10Mi, 1G or 8m (as in nginx), or 0 for no limit",
  read: parseByteSize,
};

/** Attempts in all. */
export const ATTEMPTS_VALUE: ValueRule<number> = {
  allowed: `the attempts in all, 1 to ${MAX_ATTEMPTS}; 1 for no retry`,
  read: (text) => (/^[1-3]$/.test(text) ? Number(text) : null),
};

/** Sent as SNI; lower case. */
export const SERVER_NAME_VALUE: ValueRule<string> = {
  allowed: "a DNS name, for example api.internal.example",
  read(text) {
    const name = text.toLowerCase();
    // A name of digits only at its end would be taken for an IP address, which SNI cannot carry (RFC 6066 §3).
    return isDnsName(name) && !/(?:^|\.)\d+$/.test(name) ? name : null;
  },
};

/** The name of a Secret in the object's own namespace. */
export const CA_SECRET_VALUE: ValueRule<string> = {
  allowed: "the name of a Secret in the same namespace, with the key ca.crt",
  read: (text) => (isDnsName(text) ? text : null),
};
