// The decoding of bodies (RFC 9112 §6, §7): fixed length, chunked, or until the connection closes.
import { HeaderList } from "../http/header-list.ts";
import { headerBit, KnownHeader } from "../http/known-headers.ts";
import { CR, HEX_VALUE, LF } from "./char-class.ts";
import { ChunkExtensionReader } from "./chunk-extension.ts";
import { FieldLines } from "./field-lines.ts";

export interface BodySink {
  onBody(chunk: Buffer): void;
}

/** A chunk's size line with extensions; RFC 9112 §7.1.1 asks for a limit. */
const MAX_CHUNK_LINE_BYTES = 256;
const MAX_TRAILER_BYTES = 8192;
const MAX_TRAILERS = 64;
/** Fields that would change the framing if a reader took trailers for headers (RFC 9110 §6.5.1). */
const FRAMING_FIELDS =
  headerBit(KnownHeader.contentLength) |
  headerBit(KnownHeader.transferEncoding) |
  headerBit(KnownHeader.connection) |
  headerBit(KnownHeader.upgrade);
const MAX_SIZE_DIGITS = 12;

const State = {
  done: 0,
  failed: 1,
  length: 2,
  untilClose: 3,
  sizeFirst: 4,
  size: 5,
  extension: 6,
  sizeLf: 7,
  data: 8,
  dataCr: 9,
  dataLf: 10,
  trailers: 11,
} as const;

/** Decodes one body at a time; re-used for every message of a connection. */
export class BodyDecoder {
  #state: number = State.done;
  readonly #extension = new ChunkExtensionReader();
  #remaining = 0;
  #lineBytes = 0;
  #trailerText = "";
  /** Of the chunked body that is done; null without any. */
  trailers: HeaderList | null = null;

  /** @param length bytes of the body; 0: none. */
  startLength(length: number): void {
    this.trailers = null;
    this.#remaining = length;
    this.#state = length === 0 ? State.done : State.length;
  }

  startChunked(): void {
    this.trailers = null;
    this.#state = State.sizeFirst;
    this.#remaining = 0;
    this.#lineBytes = 0;
    this.#trailerText = "";
  }

  startUntilClose(): void {
    this.trailers = null;
    this.#state = State.untilClose;
  }

  get isDone(): boolean {
    return this.#state === State.done;
  }

  get hasFailed(): boolean {
    return this.#state === State.failed;
  }

  get isUntilClose(): boolean {
    return this.#state === State.untilClose;
  }

  /** Bytes still to come, where that is known; -1 otherwise. */
  get remaining(): number {
    if (this.#state === State.done) return 0;
    return this.#state === State.length ? this.#remaining : -1;
  }

  /** Gives the body's bytes to `sink`; returns the position of the first byte that is not the body's. */
  decode(bytes: Buffer, position: number, end: number, sink: BodySink): number {
    if (this.#state === State.length) {
      const available = end - position;
      const take = available < this.#remaining ? available : this.#remaining;
      if (take === 0) return position;
      this.#remaining -= take;
      if (this.#remaining === 0) this.#state = State.done;
      sink.onBody(take === bytes.length ? bytes : bytes.subarray(position, position + take));
      return position + take;
    }
    if (this.#state === State.untilClose) {
      if (end > position) sink.onBody(position === 0 && end === bytes.length ? bytes : bytes.subarray(position, end));
      return end;
    }
    return this.#decodeChunked(bytes, position, end, sink);
  }

  #decodeChunked(bytes: Buffer, position: number, end: number, sink: BodySink): number {
    let pos = position;
    while (pos < end) {
      const state = this.#state;
      if (state === State.data) {
        const available = end - pos;
        const take = available < this.#remaining ? available : this.#remaining;
        this.#remaining -= take;
        if (this.#remaining === 0) this.#state = State.dataCr;
        sink.onBody(bytes.subarray(pos, pos + take));
        pos += take;
      } else if (state === State.done || state === State.failed) {
        return pos;
      } else {
        this.#stepLine(state, bytes[pos] as number);
        pos++;
      }
    }
    return pos;
  }

  /** One byte outside of the data. Bare CR and bare LF fail everywhere. */
  #stepLine(state: number, byte: number): void {
    switch (state) {
      case State.sizeFirst: {
        const digit = HEX_VALUE[byte] as number;
        if (digit === 0xff) return this.#fail();
        this.#remaining = digit;
        this.#lineBytes = 1;
        this.#state = State.size;
        return;
      }
      case State.size:
        return this.#stepSize(byte);
      case State.extension:
        if (byte === CR && this.#extension.isComplete) this.#state = State.sizeLf;
        else if (!this.#extension.accept(byte) || ++this.#lineBytes > MAX_CHUNK_LINE_BYTES) this.#fail();
        return;
      case State.sizeLf:
        if (byte !== LF) return this.#fail();
        this.#state = this.#remaining === 0 ? State.trailers : State.data;
        return;
      case State.dataCr:
        if (byte !== CR) return this.#fail();
        this.#state = State.dataLf;
        return;
      case State.dataLf:
        if (byte !== LF) return this.#fail();
        this.#state = State.sizeFirst;
        return;
      default:
        return this.#stepTrailer(byte);
    }
  }

  #stepSize(byte: number): void {
    const digit = HEX_VALUE[byte] as number;
    if (digit !== 0xff) {
      // A bound on digits also refuses endless leading zeros and every overflow.
      if (++this.#lineBytes > MAX_SIZE_DIGITS) return this.#fail();
      this.#remaining = this.#remaining * 16 + digit;
    } else if (byte === CR) this.#state = State.sizeLf;
    else if (byte === 0x3b) {
      this.#extension.start();
      this.#state = State.extension;
    } else this.#fail();
  }

  /** Collects the trailer section and reads it as a whole once its empty line is there. */
  #stepTrailer(byte: number): void {
    this.#trailerText += String.fromCharCode(byte);
    const { length } = this.#trailerText;
    if (length > MAX_TRAILER_BYTES) return this.#fail();
    if (byte !== LF || !(length === 2 || this.#trailerText.endsWith("\n\r\n"))) return;
    const bytes = Buffer.from(this.#trailerText, "latin1");
    const lines = new FieldLines();
    if (lines.parse(bytes, 0, length, 0, MAX_TRAILERS) !== length) return this.#fail();
    if ((lines.seen & FRAMING_FIELDS) !== 0) return this.#fail();
    if (length > 2) this.trailers = new HeaderList(this.#trailerText, lines.spans, lines.seen);
    this.#state = State.done;
  }

  #fail(): void {
    this.#state = State.failed;
  }
}
