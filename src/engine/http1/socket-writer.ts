// Writes one message after the other to a socket: heads, chunk sizes and small bodies are gathered into one text, so that
// most messages cost one write. The other side of a connection is socket-reader.ts.
import { TLSSocket } from "node:tls";
import { COPY_BYTES } from "../transport/copy-bytes.ts";
import type { ByteSocket } from "../transport/byte-socket.ts";
import { READ_BUFFER_BYTES } from "../transport/socket-reader.ts";

/** Text that waits is written at this size at the latest. */
const MAX_TEXT_LENGTH = COPY_BYTES * 2;

/** Where text and chunk are joined for one write over TLS; its bytes are encrypted, so free again, within the call. */
const joined = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES + MAX_TEXT_LENGTH);

export class SocketWriter {
  readonly #socket: ByteSocket;
  readonly #isTls: boolean;
  #text = "";
  #isChunked = false;
  /** Memory of a chunk was given to the stream while it was busy. Only counted over TLS. */
  #hasQueued = false;

  constructor(socket: ByteSocket) {
    this.#socket = socket;
    this.#isTls = socket instanceof TLSSocket;
  }

  /** Begins a message. @param head complete, with its empty line. */
  begin(head: string, isChunked: boolean): void {
    this.#text = head;
    this.#isChunked = isChunked;
  }

  /** Part of the body; see DownstreamStream.sendBody for who may use the chunk's memory. False: the socket is full. */
  body(chunk: Buffer): boolean {
    const { length } = chunk;
    const socket = this.#socket;
    if (length === 0) return true;
    if (length <= COPY_BYTES) {
      const data = chunk.toString("latin1");
      this.#text += this.#isChunked ? `${length.toString(16)}\r\n${data}\r\n` : data;
      if (this.#text.length > MAX_TEXT_LENGTH) this.flush();
    } else if (this.#isTls && socket.writableLength === 0) {
      this.#encrypt(chunk);
      // Node tells of a write over TLS in the next turn, although it was done in this one: no reason to pause.
      return true;
    } else {
      this.#hasQueued = true;
      socket.cork();
      if (this.#isChunked) this.#text += `${length.toString(16)}\r\n`;
      this.flush();
      socket.write(chunk);
      if (this.#isChunked) this.#text = "\r\n";
      socket.uncork();
    }
    return socket.writableLength < socket.writableHighWaterMark;
  }

  /**
   * An idle TLS socket encrypts what it is given within the call, so the chunk's memory is free after it. Given text and
   * chunk apart, node would copy both to memory of its own to join them.
   */
  #encrypt(chunk: Buffer): void {
    const { length } = chunk;
    const text = this.#isChunked ? `${this.#text}${length.toString(16)}\r\n` : this.#text;
    this.#text = this.#isChunked ? "\r\n" : "";
    this.#hasQueued = false;
    const total = text.length + length;
    if (text === "") this.#socket.write(chunk);
    else if (total <= joined.length) {
      joined.write(text, "latin1");
      joined.set(chunk, text.length);
      this.#socket.write(joined.subarray(0, total));
    } else this.#socket.write(Buffer.concat([Buffer.from(text, "latin1"), chunk]));
  }

  /** The end of the message. @param trailers field lines, each with its CRLF; only chunked messages have them. */
  end(trailers: string): void {
    if (this.#isChunked) this.#text += `0\r\n${trailers}\r\n`;
    this.flush();
  }

  /** Text outside of any message: an interim response. */
  write(text: string): void {
    this.#socket.write(text, "latin1");
  }

  flush(): void {
    if (this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    this.#socket.write(text, "latin1");
  }

  /** Bytes are not written yet. */
  get isPending(): boolean {
    return this.#socket.writableLength > 0;
  }

  /** Memory of chunks still waits to be written. */
  get holdsChunks(): boolean {
    return this.#socket.writableLength > 0 && (this.#hasQueued || !this.#isTls);
  }
}
