// What was made of a text before, for texts that come again and again in every request. Both caches are bounded; what
// they save was measured in bench/micro/access-log.ts.

export type RenderText = (text: string) => string;

/** Longer texts are rendered each time: they would take memory that many short ones can use. */
const MAX_CACHED_LENGTH = 512;
/** Entries before a cache starts anew. */
const MAX_ENTRIES = 4_096;

export interface CachedText {
  readonly text: string;
  readonly rendered: string;
}

/** For texts that are short, or the same string object for long (V8 keeps its hash): ids, addresses, methods. */
export class WordCache {
  readonly #render: RenderText;
  readonly #entries = new Map<string, CachedText>();

  constructor(render: RenderText) {
    this.#render = render;
  }

  get(word: string): string {
    return this.find(word).rendered;
  }

  find(word: string): CachedText {
    return this.#entries.get(word) ?? this.#add(word);
  }

  #add(word: string): CachedText {
    if (word.length > MAX_CACHED_LENGTH) return { text: "", rendered: this.#render(word) };
    if (this.#entries.size >= MAX_ENTRIES) this.#entries.clear();
    const text = detach(word);
    const entry = { text, rendered: flatten(this.#render(text)) };
    this.#entries.set(text, entry);
    return entry;
  }
}

/** A power of two. */
const SLOTS = 256;

/**
 * For long texts that are new slices of a request's head each time, such as user agents. Comparing with the one that was
 * asked for last at its place costs less than hashing; where another one stands there, the hash decides.
 */
export class SliceCache {
  readonly #words: WordCache;
  readonly #slots: CachedText[];

  constructor(render: RenderText) {
    this.#words = new WordCache(render);
    const empty = this.#words.find("");
    this.#slots = Array.from({ length: SLOTS }, () => empty);
  }

  get(text: string): string {
    const slot = slotOf(text);
    const known = this.#slots[slot] as CachedText;
    if (known.text === text) return known.rendered;
    const entry = this.#words.find(text);
    if (text.length <= MAX_CACHED_LENGTH) this.#slots[slot] = entry;
    return entry.rendered;
  }
}

/** Mixes the length and four characters. */
function slotOf(text: string): number {
  const { length } = text;
  if (length === 0) return 0;
  const mixed =
    length * 31 +
    text.charCodeAt(length - 1) * 17 +
    text.charCodeAt(length >> 1) * 131 +
    text.charCodeAt(length >> 2) * 1_031 +
    text.charCodeAt((length * 3) >> 2) * 8_191;
  return mixed & (SLOTS - 1);
}

/** A slice of a request's head keeps the whole head alive; a copy does not. */
function detach(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}

/** In one piece of memory, one byte a character where that is possible: it is appended to lines a million times. */
function flatten(text: string): string {
  const flat = Buffer.from(text, "latin1").toString("latin1");
  return flat === text ? flat : text;
}
