// Shows text that somebody else wrote inside a message: on one line, bounded, with nothing that a terminal obeys and nothing
// that reads as something else than it is.

/** Longer strings are cut; enough to recognise the value, too little to flood a log. */
const MAX_QUOTED_LENGTH = 120;

/**
 * C0 and C1 controls, DEL, line separators, characters without width, and those that turn the direction of writing
 * (CVE-2021-42574).
 */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The text with unsafe characters as `\u001b`, cut to `maxLength` characters. */
export function printable(text: string, maxLength: number = Number.POSITIVE_INFINITY): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut.replaceAll(UNSAFE, escapeCharacter);
}

/** The text in double quotes, escaped as in JSON; what is longer than 120 characters ends in `…`. */
export function quoteText(text: string): string {
  const shown = text.length <= MAX_QUOTED_LENGTH ? text : `${text.slice(0, MAX_QUOTED_LENGTH)}…`;
  // JSON has escapes for quotes, backslashes and C0, and leaves the others alone.
  return printable(JSON.stringify(shown));
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
