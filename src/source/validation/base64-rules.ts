// Standard base64 with padding, as the API server decodes the data of a Secret. Never shows what it reads.

/**
 * What is wrong with the text, with the offset that Go's decoder names, or null. Line breaks inside are passed
 * over (RFC 4648 §3.1 leaves that to the application; Go does).
 */
export function base64Error(text: string): string | null {
  const offset = firstIllegalByte(text);
  return offset === -1 ? null : `illegal base64 data at input byte ${offset}`;
}

/** The text without its line breaks. */
export function joinBase64Lines(text: string): string {
  return text.includes("\n") || text.includes("\r") ? text.replaceAll(/[\r\n]+/g, "") : text;
}

const PADDING = 0x3d;

function firstIllegalByte(text: string): number {
  let filled = 0;
  for (let position = 0; position < text.length; position += 1) {
    const code = text.charCodeAt(position);
    if (isLineBreak(code)) continue;
    if (code === PADDING) return checkPadding(text, position, filled);
    if (!isBase64Digit(code)) return position;
    filled = (filled + 1) % 4;
  }
  return filled === 0 ? -1 : text.length - filled;
}

/** Padding ends the text: `==` after two digits, `=` after three. */
function checkPadding(text: string, position: number, filled: number): number {
  if (filled < 2) return position;
  let rest = skipLineBreaks(text, position + 1);
  if (filled === 2) {
    if (rest === text.length) return text.length;
    if (text.charCodeAt(rest) !== PADDING) return rest - 1;
    rest = skipLineBreaks(text, rest + 1);
  }
  return rest === text.length ? -1 : rest;
}

function skipLineBreaks(text: string, from: number): number {
  let position = from;
  while (position < text.length && isLineBreak(text.charCodeAt(position))) position += 1;
  return position;
}

function isLineBreak(code: number): boolean {
  return code === 0x0a || code === 0x0d;
}

function isBase64Digit(code: number): boolean {
  if (code >= 0x61 && code <= 0x7a) return true;
  if (code >= 0x41 && code <= 0x5a) return true;
  return (code >= 0x2f && code <= 0x39) || code === 0x2b;
}
