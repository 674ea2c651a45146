// Shows a string that somebody else wrote inside a message: bounded, on one line, with nothing that a terminal obeys.

/** Longer strings are cut; enough to recognise the value, too little to flood a log. */
const MAX_QUOTED_LENGTH = 120;

/** What JSON leaves alone although terminals and readers do not: DEL, C1 controls, line separators, bidirectional marks. */
const UNSAFE_IN_MESSAGES = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The text in double quotes, escaped as in JSON; what is longer than 120 characters ends in `…`. */
export function quoteText(text: string): string {
  const shown = text.length <= MAX_QUOTED_LENGTH ? text : `${text.slice(0, MAX_QUOTED_LENGTH)}…`;
  return JSON.stringify(shown).replace(UNSAFE_IN_MESSAGES, escapeCodeUnit);
}

function escapeCodeUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
