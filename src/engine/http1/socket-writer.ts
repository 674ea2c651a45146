// Writes one message after the other to a socket: heads, chunk sizes and small bodies are gathered into one text, so that
// most messages cost one write. The other side of a connection is socket-reader.ts.
import type { Socket } from "node:net";
import { COPY_BYTES } from "../proxy/downstream.ts";

/** Text that waits is written at this size at the latest. */
const MAX_TEXT_LENGTH = COPY_BYTES * 2;

export class SocketWriter {
  readonly #socket: Socket;
  #text = "";
  #isChunked = false;

  constructor(socket: Socket) {
    this.#socket = socket;
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
    } else {
      socket.cork();
      if (this.#isChunked) this.#text += `${length.toString(16)}\r\n`;
      this.flush();
      socket.write(chunk);
      if (this.#isChunked) this.#text = "\r\n";
      socket.uncork();
    }
    return socket.writableLength < socket.writableHighWaterMark;
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

  /** Memory of chunks still waits to be written. */
  get isPending(): boolean {
    return this.#socket.writableLength > 0;
  }
}
