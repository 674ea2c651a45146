// What the `Connection` header of a message says (RFC 9110 §7.6.1): the options that we act on, and the names of
// headers that end at this hop.

export interface ConnectionOptions {
  readonly hasClose: boolean;
  readonly hasKeepAlive: boolean;
  readonly hasUpgrade: boolean;
  /** Lower-case names of other headers that the sender wants removed; null for none. */
  readonly nominated: readonly string[] | null;
}

export const NO_CONNECTION_OPTIONS: ConnectionOptions = {
  hasClose: false,
  hasKeepAlive: false,
  hasUpgrade: false,
  nominated: null,
};
const KEEP_ALIVE_ONLY: ConnectionOptions = { ...NO_CONNECTION_OPTIONS, hasKeepAlive: true };
const CLOSE_ONLY: ConnectionOptions = { ...NO_CONNECTION_OPTIONS, hasClose: true };

/**
 * Headers that an attacker may not have removed by naming them in `Connection`: routing, framing and forwarding
 * headers stay (or are removed) by our own rules.
 */
const PROTECTED: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-real-ip",
  "x-request-id",
  "authorization",
  "cookie",
  "set-cookie",
  "cache-control",
]);

/** More options than that are no message but an attempt to keep us busy. */
const MAX_OPTIONS = 32;

/** @param value all values of the header, joined by commas. Null where there are too many options. */
export function parseConnectionOptions(value: string): ConnectionOptions | null {
  if (value === "keep-alive" || value === "Keep-Alive") return KEEP_ALIVE_ONLY;
  if (value === "close") return CLOSE_ONLY;
  let hasClose = false;
  let hasKeepAlive = false;
  let hasUpgrade = false;
  let nominated: string[] | null = null;
  const parts = value.toLowerCase().split(",", MAX_OPTIONS + 1);
  if (parts.length > MAX_OPTIONS) return null;
  for (const part of parts) {
    const option = part.trim();
    if (option === "") continue;
    if (option === "close") hasClose = true;
    else if (option === "keep-alive") hasKeepAlive = true;
    else if (option === "upgrade") hasUpgrade = true;
    else if (!PROTECTED.has(option)) (nominated ??= []).push(option);
  }
  return { hasClose, hasKeepAlive, hasUpgrade, nominated };
}
