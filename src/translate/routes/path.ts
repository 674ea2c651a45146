// Paths of rules: which are served, and what they match.
import type { PathMatch } from "../../ir/route-table.ts";
import { compareStrings } from "../../lib/compare-strings.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import { problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import { asText } from "../untyped.ts";

/** `problem` beside a match is a warning: the path is served all the same. */
export type PathReading =
  | { readonly match: PathMatch; readonly problem: Problem | null }
  | { readonly match: null; readonly problem: Problem };

/** Half of the longest request line that the proxy reads. */
const MAX_PATH_LENGTH = 4096;

/** The API server refuses these; a normalised request path never holds them. */
const REFUSED_PARTS = ["//", "/./", "/../", "%2f", "%2F"];
const REFUSED_ENDS = ["/.", "/.."];

/** What no request path can hold: controls, spaces, the marks that end a path. */
const NEVER_IN_PATHS = /[\u0000-\u0020\u007f?#]/;

/** Characters that no URI path holds but regular expressions do, and the usual spellings of "anything". */
const PATTERN_SIGNS = /[\^|\\[\]{}]|\.[*+]|\*$/;

/** A missing path is `""`; one of the wrong type is refused, so that it never becomes every path. */
export function readPath(written: unknown, pathType: string | null): PathReading {
  if (pathType !== "Exact" && pathType !== "Prefix" && pathType !== "ImplementationSpecific") {
    return { match: null, problem: pathTypeInvalid(pathType) };
  }
  const path = asText(written ?? "");
  if (path === null) return { match: null, problem: problem("error", "PathInvalid", "The path is not a string.") };
  // Only ImplementationSpecific may leave the path out, and then it means every path.
  const value = path === "" && pathType === "ImplementationSpecific" ? "/" : path;
  const fault = findFault(value);
  if (fault !== null) return { match: null, problem: fault };
  const match: PathMatch = { kind: pathType === "Exact" ? "exact" : "prefix", value };
  return { match, problem: PATTERN_SIGNS.test(value) ? patternLiteral(value) : null };
}

/** Longest path first, on a tie exact before prefix; then by the text, only to make the order the same every time. */
export function comparePathMatches(left: PathMatch, right: PathMatch): number {
  if (left.value.length !== right.value.length) return right.value.length - left.value.length;
  return compareStrings(left.kind, right.kind) || compareStrings(left.value, right.value);
}

function findFault(path: string): Problem | null {
  if (!path.startsWith("/")) {
    const hint = path === "" ? 'Write "/" to match every path.' : `Write ${quoteText(`/${path}`)}.`;
    return problem("error", "PathInvalid", `${quoteText(path)} must be an absolute path.`, hint);
  }
  if (path.length > MAX_PATH_LENGTH) {
    const message = `The path has ${path.length} characters; at most ${MAX_PATH_LENGTH} are served.`;
    return problem("error", "PathInvalid", message, "Match a shorter prefix.");
  }
  const part =
    REFUSED_PARTS.find((refused) => path.includes(refused)) ?? REFUSED_ENDS.find((refused) => path.endsWith(refused));
  if (part !== undefined) {
    const message = `${quoteText(path)} must not contain '${part}'.`;
    return problem(
      "error",
      "PathInvalid",
      message,
      "Write it without dot segments and without double or encoded slashes.",
    );
  }
  if (NEVER_IN_PATHS.test(path)) {
    const message = `${quoteText(path)} can never match: a request path holds no space, control character, '?' or '#'.`;
    return problem("error", "PathInvalid", message, "Percent-encode the character, or leave the query out.");
  }
  return null;
}

function pathTypeInvalid(pathType: string | null): Problem {
  const message = pathType === null ? "The path has no pathType." : `${quoteText(pathType)} is not a pathType.`;
  return problem("error", "PathTypeInvalid", message, "Write Exact, Prefix or ImplementationSpecific.");
}

function patternLiteral(path: string): Problem {
  const message = `${quoteText(path)} looks like a pattern, but it is matched letter by letter.`;
  return problem("warning", "PathPatternLiteral", message, "Write a plain path; Prefix matches everything below it.");
}
