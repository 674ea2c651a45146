// Cuts a YAML file into its documents before any is parsed, so that a broken one cannot take its neighbours along.

/** The text of one document, with the `---` line that begins it. */
export interface DocumentText {
  readonly text: string;
  /** The file's line on which the text begins, counted from 1. */
  readonly firstLine: number;
}

/** A line that holds `---`, alone or followed by white space: never part of a value (YAML 1.2 §9.1.2, c-forbidden). */
const START_MARKER = "---";
/** A line that ends a document in the same way. */
const END_MARKER = "...";

/**
 * The documents of a YAML stream in order, empty ones too where a `---` begins them. One pass, which ends after
 * `maxDocuments`.
 */
export function splitDocuments(text: string, maxDocuments: number = Number.POSITIVE_INFINITY): DocumentText[] {
  const documents: DocumentText[] = [];
  let start = 0;
  let firstLine = 1;
  let line = 1;
  for (let lineStart = 0; lineStart < text.length && documents.length < maxDocuments; line += 1) {
    const newline = text.indexOf("\n", lineStart);
    const nextStart = newline === -1 ? text.length : newline + 1;
    const isStart = lineStart > start && isMarker(text, lineStart, START_MARKER);
    if (isStart || isMarker(text, lineStart, END_MARKER)) {
      const end = isStart ? lineStart : nextStart;
      documents.push(...documentIn(text.slice(start, end), firstLine));
      start = end;
      firstLine = isStart ? line : line + 1;
    }
    lineStart = nextStart;
  }
  if (documents.length < maxDocuments) documents.push(...documentIn(text.slice(start), firstLine));
  return documents;
}

function documentIn(text: string, firstLine: number): DocumentText[] {
  return text.startsWith(START_MARKER) || hasContent(text) ? [{ text, firstLine }] : [];
}

function isMarker(text: string, lineStart: number, marker: string): boolean {
  if (!text.startsWith(marker, lineStart)) return false;
  const next = text[lineStart + marker.length];
  return next === undefined || next === "\n" || next === "\r" || next === " " || next === "\t";
}

/** False for what holds blank lines, comments, directives and document ends only: it belongs to the document behind it. */
function hasContent(part: string): boolean {
  return part.split("\n").some((line) => {
    const trimmed = line.trim();
    return trimmed !== "" && !/^[#%]/.test(line) && !trimmed.startsWith("#") && !isMarker(line, 0, END_MARKER);
  });
}
