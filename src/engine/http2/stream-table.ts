// The streams of one connection: which are open, which wait for room, and what became of those that are not open
// (RFC 9113 §5.1). It sends nothing.
import { ClosedStreams, type StreamEnd } from "./closed-streams.ts";
import { MAX_INT31 } from "./protocol.ts";
import type { Http2ServerStream } from "./server-stream.ts";
import type { CarriedStream } from "./stream-owner.ts";

/** `passed`: the client opened it after it could know of our GOAWAY, or before: it is not looked at. */
export type StreamState = "idle" | "passed" | StreamEnd;

export class StreamTable {
  readonly #open = new Map<number, Http2ServerStream>();
  readonly #closed = new ClosedStreams();
  /** In the order in which they asked. */
  readonly #waiting = new Set<CarriedStream>();
  /** The highest id that the client used. */
  #highestId = 0;
  /** The last stream that is served: as GOAWAY says. */
  #lastServedId = MAX_INT31;

  get size(): number {
    return this.#open.size;
  }

  get highestId(): number {
    return this.#highestId;
  }

  get(streamId: number): Http2ServerStream | undefined {
    return this.#open.get(streamId);
  }

  /** Of an id that is not open. */
  stateOf(streamId: number): StreamState {
    if (streamId > this.#lastServedId) return "passed";
    if (streamId > this.#highestId || streamId % 2 === 0) return "idle";
    return this.#closed.endOf(streamId);
  }

  /** The client opened a stream, whatever becomes of it; lower ids that it passed over are closed. */
  use(streamId: number): void {
    this.#highestId = streamId;
  }

  add(stream: Http2ServerStream): void {
    this.#open.set(stream.id, stream);
  }

  remove(stream: CarriedStream, isResetByUs: boolean): void {
    this.#open.delete(stream.id);
    this.#waiting.delete(stream);
    this.#closed.add(stream.id, isResetByUs);
  }

  /** A stream was refused before it was opened. */
  noteRefused(streamId: number): void {
    this.#closed.add(streamId, true);
  }

  /** Streams that the client opens from now on are passed. @returns the last that is served. */
  close(): number {
    if (this.#lastServedId === MAX_INT31) this.#lastServedId = this.#highestId;
    return this.#lastServedId;
  }

  wait(stream: CarriedStream): void {
    this.#waiting.add(stream);
  }

  /** Lets each stream that waits send one turn's worth, as long as `hasRoom`. */
  pumpWaiting(hasRoom: () => boolean): void {
    while (this.#waiting.size > 0 && hasRoom()) {
      const [stream] = this.#waiting;
      if (stream === undefined) return;
      this.#waiting.delete(stream);
      stream.pump();
    }
  }

  /** A copy: what is done with a stream may close it. */
  list(): Http2ServerStream[] {
    return [...this.#open.values()];
  }
}
