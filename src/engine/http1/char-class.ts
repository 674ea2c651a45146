// Which byte may stand where in an HTTP/1 head, as tables for the parsers' inner loops.

/** Not 0 for tchar, RFC 9110 §5.6.2; UNDERSCORE for `_`. */
export const TOKEN: Uint8Array = new Uint8Array(256);
/** 1 for field-vchar, SP, HTAB and obs-text, RFC 9110 §5.5. */
export const FIELD_VALUE: Uint8Array = new Uint8Array(256);
/** 1 for what a request target may hold: visible ASCII without `#` (RFC 9112 §3.2 has no fragments). */
export const TARGET: Uint8Array = new Uint8Array(256);
/** 1 for what a method may hold. Methods are tokens; only upper case is served, as lower case is a typing error or a probe. */
export const METHOD: Uint8Array = new Uint8Array(256);
/** Value of a hexadecimal digit, 0xff for every other byte. */
export const HEX_VALUE: Uint8Array = new Uint8Array(256).fill(0xff);

function allow(table: Uint8Array, characters: string): void {
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = 1;
}

const DIGITS = "0123456789";
const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LETTERS = UPPER + UPPER.toLowerCase();

allow(TOKEN, `!#$%&'*+-.^_\`|~${DIGITS}${LETTERS}`);
allow(METHOD, `-_${DIGITS}${UPPER}`);
for (let code = 0x21; code <= 0x7e; code++) TARGET[code] = 1;
TARGET["#".charCodeAt(0)] = 0;
for (let code = 0x20; code <= 0xff; code++) FIELD_VALUE[code] = 1;
FIELD_VALUE[0x7f] = 0;
FIELD_VALUE[0x09] = 1;
for (let i = 0; i < 16; i++) {
  const digit = i.toString(16);
  HEX_VALUE[digit.charCodeAt(0)] = i;
  HEX_VALUE[digit.toUpperCase().charCodeAt(0)] = i;
}

export const UNDERSCORE = 3;
TOKEN["_".charCodeAt(0)] = UNDERSCORE;

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;
