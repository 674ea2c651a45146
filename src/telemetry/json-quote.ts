// JSON strings built by hand, for the access log. Beyond what JSON demands, DEL and the C1 controls are escaped, because
// terminals obey them. Called for every request: see bench/micro/access-log.ts before changing anything.

/** Longer text is cut: a request line may have 8 KiB, a header 32 KiB, and a log line should not. */
const MAX_LENGTH = 2_048;
const ELLIPSIS = "…";

/** One class, no repetition: cannot backtrack. Faster than a loop over char codes on the slices that parsers hand out. */
const NEEDS_ESCAPE = /["\\\u0000-\u001f\u007f-\u009f]/;

/** A JSON string of `text`, with quotes. Lone surrogates become U+FFFD when the line is encoded as UTF-8. */
export function quoteJson(text: string): string {
  if (text.length > MAX_LENGTH) return quoteJson(text.slice(0, MAX_LENGTH - 1) + ELLIPSIS);
  return NEEDS_ESCAPE.test(text) ? escape(text) : `"${text}"`;
}

function escape(text: string): string {
  let quoted = '"';
  let start = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 0x1f && code !== 0x22 && code !== 0x5c && (code < 0x7f || code > 0x9f)) continue;
    quoted += text.slice(start, i) + escapeOf(code);
    start = i + 1;
  }
  return `${quoted}${text.slice(start)}"`;
}

function escapeOf(code: number): string {
  switch (code) {
    case 0x22:
      return '\\"';
    case 0x5c:
      return "\\\\";
    case 0x0a:
      return "\\n";
    case 0x0d:
      return "\\r";
    case 0x09:
      return "\\t";
    default:
      return `\\u00${code < 0x10 ? "0" : ""}${code.toString(16)}`;
  }
}
