// One reading of a request's path, for matching and for what is forwarded, so that the proxy and the upstream cannot be
// made to see different paths. What has no single reading is refused. The query is never touched.

const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
const PERCENT = 0x25;
const SEMICOLON = 0x3b;
const QUESTION_MARK = 0x3f;

/**
 * The question mark, or what needs a closer look; without repetition, so it cannot backtrack. The regular expression takes
 * half the time of a loop over char codes, as targets are slices of a request's head (bench/micro/route-lookup.ts).
 */
const END_OR_ODD = /[?%\\]|\/[/.]/;

/** A path with one reading, or why it has none. */
export type CanonicalTarget = AcceptedTarget | RefusedTarget;

export interface AcceptedTarget {
  /**
   * What routes are matched against: escapes decoded to one latin1 character a byte (`%2F` and `%25` stay escapes),
   * repeated slashes merged, dot segments resolved.
   */
  readonly path: string;
  /** What goes upstream: as received but for dot segments, which are resolved; the query included. */
  readonly target: string;
  readonly refusal: null;
}

export interface RefusedTarget {
  /** A clause for logs and people: `the path climbs above the root`. */
  readonly refusal: string;
}

/**
 * Length of a target's path where path and target can be used as they are, which is nearly always; -1 where
 * `canonicalizeTarget` has to look. A dot segment, disguised or not, needs a `%`, a `\` or a segment that begins with a dot.
 */
export function plainPathLength(target: string): number {
  if (target.length === 1) return target === "/" ? 1 : -1;
  if (target.charCodeAt(0) !== SLASH) return -1;
  const position = target.search(END_OR_ODD);
  if (position === -1) return target.length;
  return target.charCodeAt(position) === QUESTION_MARK ? position : -1;
}

/** @param target origin form as received (RFC 9112 §3.2.1). */
export function canonicalizeTarget(target: string): CanonicalTarget {
  const queryStart = target.indexOf("?");
  const rawPath = queryStart === -1 ? target : target.slice(0, queryStart);
  if (rawPath.charCodeAt(0) !== SLASH) return { refusal: "the target is not a path" };
  const resolved = resolvePath(rawPath, "strict");
  if (typeof resolved === "string") return { refusal: resolved };
  const forwarded = resolved.hadDotSegments ? `/${resolved.raw.join("/")}${target.slice(rawPath.length)}` : target;
  return { path: joinMatchingPath(resolved.decoded), target: forwarded, refusal: null };
}

/**
 * A configured path in the form that requests are matched in; null where no request can ever match it. Text is literal
 * where it cannot be meant otherwise: characters beyond ASCII stand for their UTF-8 bytes, a `%` without two hex digits
 * for itself.
 */
export function canonicalizeConfiguredPath(value: string): string | null {
  if (plainPathLength(value) === value.length && /^[\x20-\x7e]*$/.test(value)) return value;
  const bytes = Buffer.from(value, "utf8").toString("latin1");
  if (bytes.charCodeAt(0) !== SLASH) return null;
  const resolved = resolvePath(bytes, "literal");
  return typeof resolved === "string" ? null : joinMatchingPath(resolved.decoded);
}

/** `strict`: what is no URI is refused; `literal`: it stands for itself. */
type Reading = "strict" | "literal";

interface ResolvedPath {
  /** Segments between slashes as received, without dot segments; empty ones are repeated or trailing slashes. */
  readonly raw: string[];
  /** The same segments, decoded. */
  readonly decoded: string[];
  readonly hadDotSegments: boolean;
}

/** RFC 3986 §5.2.4, but `..` removes a segment and the slashes before it, as if slashes were merged first. */
function resolvePath(rawPath: string, reading: Reading): ResolvedPath | string {
  const raw: string[] = [];
  const decoded: string[] = [];
  let hadDotSegments = false;
  for (let start = 1; start <= rawPath.length;) {
    const slash = rawPath.indexOf("/", start);
    const end = slash === -1 ? rawPath.length : slash;
    const segment = decodeSegment(rawPath.slice(start, end), reading);
    if (segment.refusal !== null) return segment.refusal;
    if (segment.dots === 0) {
      raw.push(rawPath.slice(start, end));
      decoded.push(segment.text);
    } else {
      hadDotSegments = true;
      if (segment.dots === 2 && !removeLastSegment(raw, decoded)) return "the path climbs above the root";
      if (slash === -1) {
        raw.push("");
        decoded.push("");
      }
    }
    start = end + 1;
  }
  return { raw, decoded, hadDotSegments };
}

/** False where there is no segment to remove. */
function removeLastSegment(raw: string[], decoded: string[]): boolean {
  while (decoded.length > 0) {
    raw.pop();
    if (decoded.pop() !== "") return true;
  }
  return false;
}

function joinMatchingPath(decoded: readonly string[]): string {
  const segments = decoded.filter((segment) => segment !== "");
  if (segments.length === 0) return "/";
  return `/${segments.join("/")}${decoded.at(-1) === "" ? "/" : ""}`;
}

interface DecodedSegment {
  readonly text: string;
  /** 1 or 2 for the dot segments `.` and `..`, else 0. */
  readonly dots: number;
  readonly refusal: string | null;
}

/**
 * Decodes one segment, and finds the dot segments in it that an upstream would see if it decoded `%2F`, took a backslash
 * for a slash, or cut path parameters off (`..;x`, as servlet containers do).
 */
function decodeSegment(segment: string, reading: Reading): DecodedSegment {
  if (segment.charCodeAt(0) !== DOT && !segment.includes("%") && !segment.includes("\\")) {
    return { text: segment, dots: 0, refusal: null };
  }
  const pieces = new PieceScanner();
  let text = "";
  for (let i = 0; i < segment.length; i++) {
    let code = segment.charCodeAt(i);
    if (code === BACKSLASH && reading === "strict") return refuse("the path has a backslash");
    const isEscape = code === PERCENT;
    if (isEscape) {
      const value = escapedByte(segment, i);
      if (value !== -1) {
        code = value;
        i += 2;
      } else if (reading === "strict") {
        return refuse("the path has a percent sign without two hex digits");
      }
    }
    if (code === 0) return refuse("the path has a NUL");
    pieces.add(code);
    if (code === PERCENT) text += "%25";
    else if (code === SLASH) text += "%2F";
    else text += String.fromCharCode(code);
  }
  pieces.endPiece();
  if (!pieces.hasDots) return { text, dots: 0, refusal: null };
  return pieces.isWhole ? { text, dots: text.length, refusal: null } : refuse("the path hides a dot segment");
}

function refuse(refusal: string): DecodedSegment {
  return { text: "", dots: 0, refusal };
}

/** Looks for `.` and `..` between whatever some server may take for the end of a segment. */
class PieceScanner {
  /** A piece was `.` or `..`. */
  hasDots = false;
  /** The segment has one piece and no parameters. */
  isWhole = true;
  #length = 0;
  #isOnlyDots = true;
  #isInParameters = false;

  /** @param code a decoded character of the segment; a slash can only come from an escape. */
  add(code: number): void {
    if (code === SLASH || code === BACKSLASH) {
      this.endPiece();
      this.isWhole = false;
    } else if (code === SEMICOLON) {
      this.#isInParameters = true;
      this.isWhole = false;
    } else if (!this.#isInParameters) {
      this.#length++;
      if (code !== DOT) this.#isOnlyDots = false;
    }
  }

  endPiece(): void {
    if (this.#isOnlyDots && (this.#length === 1 || this.#length === 2)) this.hasDots = true;
    this.#length = 0;
    this.#isOnlyDots = true;
    this.#isInParameters = false;
  }
}

/** The byte of the escape at `index`, or -1. */
function escapedByte(text: string, index: number): number {
  const high = hexDigit(text.charCodeAt(index + 1));
  const low = hexDigit(text.charCodeAt(index + 2));
  return high === -1 || low === -1 ? -1 : high * 16 + low;
}

/** NaN, which charCodeAt gives past the end, is no digit. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}
