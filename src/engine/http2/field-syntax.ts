// Which characters a field of HTTP/2 may have (RFC 9113 §8.2.1). What breaks these rules could become two lines, or
// another line, once it is written as HTTP/1.

const NAME = 1;
const VALUE = 2;
const COLON = 0x3a;
const SPACE = 0x20;
const TAB = 0x09;

const classes: Uint8Array = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") classes[character.charCodeAt(0)] = NAME;
for (let code = 0x20; code < 256; code++) if (code !== 0x7f) classes[code] = (classes[code] as number) | VALUE;
classes[TAB] = VALUE;

/** A token in lower case; with a colon before it where it is a pseudo-header. */
export function isFieldName(name: string): boolean {
  const { length } = name;
  const start = name.charCodeAt(0) === COLON ? 1 : 0;
  if (length === start) return false;
  for (let i = start; i < length; i++) {
    const code = name.charCodeAt(i);
    if (code > 0xff || ((classes[code] as number) & NAME) === 0) return false;
  }
  return true;
}

/** Visible characters, bytes above ASCII, spaces and tabs within: stricter than §8.2.1, as RFC 9110 §5.5. */
export function isFieldValue(value: string): boolean {
  const { length } = value;
  if (length === 0) return true;
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i);
    if (code > 0xff || ((classes[code] as number) & VALUE) === 0) return false;
  }
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(length - 1));
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
