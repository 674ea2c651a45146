// The bytes of a file as text: strict UTF-8, and only characters that may stand in YAML or JSON.
import { DocumentError } from "./parsed-document.ts";

/** What go-yaml calls "control characters are not allowed" (YAML 1.2 §5.1): all of C0 but tab and line breaks, and DEL. */
const CONTROL_CHARACTER = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** Decodes a file and drops a byte order mark; throws a DocumentError with the line of the first byte that is not text. */
export function decodeText(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const hint = "Save the file as UTF-8.";
    throw new DocumentError("InvalidEncoding", lineOfInvalidByte(bytes), { message: "not valid UTF-8", hint });
  }
  const control = CONTROL_CHARACTER.exec(text);
  if (control !== null) {
    const line = text.slice(0, control.index).split("\n").length;
    const code = control[0].charCodeAt(0).toString(16).padStart(2, "0");
    const message = `control characters are not allowed (found 0x${code})`;
    throw new DocumentError("InvalidEncoding", line, {
      message,
      hint: `Write it as "\\x${code}" in YAML or "\\u00${code}" in JSON.`,
    });
  }
  return text;
}

/** A lenient decoder leaves the same text up to the first byte that a strict one refuses. */
function lineOfInvalidByte(bytes: Uint8Array): number {
  const text = new TextDecoder("utf-8").decode(bytes);
  const replaced = text.indexOf("\ufffd");
  return replaced === -1 ? 1 : text.slice(0, replaced).split("\n").length;
}
