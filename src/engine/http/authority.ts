// Reads `host[:port]`, from a Host header, a request target or `:authority`: one reading for both protocols.

const MAX_AUTHORITY_LENGTH = 261;
const COLON = 0x3a;
const DOT = 0x2e;
const OPENING_BRACKET = 0x5b;

/** 1 for a character of a host name or port: letters, digits, `-._:` and, for IPv6 addresses, brackets. */
const AUTHORITY: Uint8Array = new Uint8Array(256);
for (const character of "-._:[]0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  AUTHORITY[character.charCodeAt(0)] = 1;
}

/** The host of `host[:port]` in lower case without a trailing dot; null where it is not valid; `""` for `""`. */
export function hostOf(authority: string): string | null {
  const { length } = authority;
  if (length === 0) return "";
  if (length > MAX_AUTHORITY_LENGTH) return null;
  let hasUpperCase = false;
  let colon = -1;
  for (let i = 0; i < length; i++) {
    const code = authority.charCodeAt(i);
    if (code > 0xff || AUTHORITY[code] !== 1) return null;
    if (code >= 0x41 && code <= 0x5a) hasUpperCase = true;
    else if (code === COLON && colon < 0) colon = i;
  }
  if (authority.charCodeAt(0) === OPENING_BRACKET) return bracketedHost(authority);
  let hostEnd = length;
  if (colon >= 0) {
    if (!isPort(authority, colon + 1)) return null;
    hostEnd = colon;
  }
  if (hostEnd > 1 && authority.charCodeAt(hostEnd - 1) === DOT) hostEnd--;
  if (hostEnd === 0 || authority.charCodeAt(0) === DOT) return null;
  const host = hostEnd === length ? authority : authority.slice(0, hostEnd);
  if (host.includes("..") || host.includes("[") || host.includes("]")) return null;
  return hasUpperCase ? host.toLowerCase() : host;
}

function bracketedHost(authority: string): string | null {
  const match = /^(\[[0-9a-fA-F:.]{2,45}\])(?::(\d{1,5}))?$/.exec(authority);
  if (match === null || (match[2] !== undefined && Number(match[2]) > 65_535)) return null;
  return (match[1] as string).toLowerCase();
}

/** Whether everything from `start` on is a port number. */
function isPort(authority: string, start: number): boolean {
  const digits = authority.length - start;
  if (digits < 1 || digits > 5) return false;
  let value = 0;
  for (let i = start; i < authority.length; i++) {
    const code = authority.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
    value = value * 10 + code - 0x30;
  }
  return value <= 65_535;
}
