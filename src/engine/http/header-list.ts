// The headers of one message, in order, names in the case they came in. Lines parsed from HTTP/1 stay ranges of the
// head's text until somebody asks; lines that were added are pairs. Every value in here is already free of CR, LF and NUL.
import { knownHeaderId } from "./known-headers.ts";

/** Integers a parsed line takes in `spans`: id (with flags), name start, name end, value start, value end. */
export const SPAN_WIDTH = 5;
/** Flag on a span's id: the line is not exactly `name: value CRLF` and has to be written anew. */
export const SPAN_REWRITE = 0x100;
/** A span's id after removal. */
export const SPAN_REMOVED = -1;

export class HeaderList {
  /** The text that `spans` points into. */
  readonly text: string;
  readonly spans: number[];
  /** Mask of the known ids among all lines. */
  seen: number;
  /** The part of `seen` that stands in `added`. */
  addedSeen: number;
  /** Added lines: name, value, name, value… null until the first. */
  added: string[] | null;

  constructor(text: string, spans: number[], seen: number) {
    this.text = text;
    this.spans = spans;
    this.seen = seen;
    this.addedSeen = 0;
    this.added = null;
  }

  static empty(): HeaderList {
    return new HeaderList("", [], 0);
  }

  /** @param pairs flat: name, value, name, value… as a header block gives them; kept, not copied. */
  static fromPairs(pairs: string[]): HeaderList {
    const list = new HeaderList("", [], 0);
    let seen = 0;
    for (let i = 0; i < pairs.length; i += 2) {
      seen |= 1 << knownHeaderId((pairs[i] as string).toLowerCase());
    }
    list.seen = seen;
    list.addedSeen = seen;
    list.added = pairs;
    return list;
  }

  /** The first value of a name (given in lower case), or null. */
  get(name: string): string | null {
    const id = knownHeaderId(name);
    if (id !== 0 && (this.seen & (1 << id)) === 0) return null;
    const { spans, text } = this;
    for (let i = 0; i < spans.length; i += SPAN_WIDTH) {
      if (this.#spanIs(i, id, name)) return text.slice(spans[i + 3], spans[i + 4]);
    }
    const { added } = this;
    if (added !== null) {
      for (let i = 0; i < added.length; i += 2) {
        if (equalsIgnoringCase(added[i] as string, name)) return added[i + 1] as string;
      }
    }
    return null;
  }

  /** Every value of a name (given in lower case), in order. */
  getAll(name: string): string[] {
    const values: string[] = [];
    this.forEach((lineName, value) => {
      if (equalsIgnoringCase(lineName, name)) values.push(value);
    });
    return values;
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  /** Replaces every line of that name by one. */
  set(name: string, value: string): void {
    this.remove(name.toLowerCase());
    this.append(name, value);
  }

  /** Adds a line at the end. Throws a TypeError on a name or value that HTTP does not allow. */
  append(name: string, value: string): void {
    if (!isToken(name)) throw new TypeError(`"${name}" is not a header name`);
    if (!isFieldValue(value)) {
      throw new TypeError(`the value of header ${name} has a character that HTTP does not allow`);
    }
    this.appendTrusted(name, value, knownHeaderId(name.toLowerCase()));
  }

  /** As `append`, for names and values that are known to be valid; `id` is the name's known id. */
  appendTrusted(name: string, value: string, id: number): void {
    this.seen |= 1 << id;
    this.addedSeen |= 1 << id;
    if (this.added === null) this.added = [name, value];
    else this.added.push(name, value);
  }

  /** Removes every line of a name (given in lower case). */
  remove(name: string): void {
    const id = knownHeaderId(name);
    if (id !== 0) {
      this.removeMask(1 << id);
      return;
    }
    const { spans } = this;
    for (let i = 0; i < spans.length; i += SPAN_WIDTH) {
      if (this.#spanIs(i, id, name)) spans[i] = SPAN_REMOVED;
    }
    const { added } = this;
    if (added === null) return;
    for (let i = added.length - 2; i >= 0; i -= 2) {
      if (equalsIgnoringCase(added[i] as string, name)) added.splice(i, 2);
    }
  }

  /** Removes every line whose known id is in `mask`. */
  removeMask(mask: number): void {
    if ((this.seen & mask & ~1) === 0) return;
    this.seen &= ~mask | 1;
    const { spans } = this;
    for (let i = 0; i < spans.length; i += SPAN_WIDTH) {
      const id = spans[i] as number;
      if (id !== SPAN_REMOVED && ((1 << (id & 0xff)) & mask & ~1) !== 0) spans[i] = SPAN_REMOVED;
    }
    const { added } = this;
    if (added === null || (this.addedSeen & mask & ~1) === 0) return;
    this.addedSeen &= ~mask | 1;
    for (let i = added.length - 2; i >= 0; i -= 2) {
      const id = knownHeaderId((added[i] as string).toLowerCase());
      if (((1 << id) & mask & ~1) !== 0) added.splice(i, 2);
    }
  }

  /** Calls back for each line in order. */
  forEach(visit: (name: string, value: string) => void): void {
    const { spans, text, added } = this;
    for (let i = 0; i < spans.length; i += SPAN_WIDTH) {
      if (spans[i] === SPAN_REMOVED) continue;
      visit(text.slice(spans[i + 1], spans[i + 2]), text.slice(spans[i + 3], spans[i + 4]));
    }
    if (added !== null) {
      for (let i = 0; i < added.length; i += 2) visit(added[i] as string, added[i + 1] as string);
    }
  }

  /** A flat copy: name, value, name, value… */
  toPairs(): string[] {
    const pairs: string[] = [];
    this.forEach((name, value) => {
      pairs.push(name, value);
    });
    return pairs;
  }

  #spanIs(index: number, id: number, name: string): boolean {
    const { spans } = this;
    const spanId = spans[index] as number;
    if (spanId === SPAN_REMOVED) return false;
    if (id !== 0) return (spanId & 0xff) === id;
    if ((spanId & 0xff) !== 0) return false;
    const start = spans[index + 1] as number;
    if ((spans[index + 2] as number) - start !== name.length) return false;
    return regionEqualsIgnoringCase(this.text, start, name);
  }
}

/** Whether `text` from `start` on equals the lower-case `name`, ASCII case ignored. */
function regionEqualsIgnoringCase(text: string, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    let code = text.charCodeAt(start + i);
    if (code >= 0x41 && code <= 0x5a) code |= 0x20;
    if (code !== name.charCodeAt(i)) return false;
  }
  return true;
}

function equalsIgnoringCase(text: string, lowerCaseName: string): boolean {
  return text.length === lowerCaseName.length && regionEqualsIgnoringCase(text, 0, lowerCaseName);
}

/** RFC 9110 §5.6.2. */
function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

/** RFC 9110 §5.5, as latin1: visible characters, obs-text, space and tab; no space at either end. */
export function isFieldValue(text: string): boolean {
  return /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/.test(text);
}
