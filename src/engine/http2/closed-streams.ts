// Remembers the ids of streams that ended lately: what still comes for them means different things (RFC 9113 §5.1).

const CAPACITY = 256;

/** `unknown`: it ended long ago, or was passed over. */
export type StreamEnd = "ended" | "reset" | "unknown";

export class ClosedStreams {
  /** Ids; negative: we reset the stream, and frames may be on their way that the client sent before it knew. */
  #ids: Int32Array | null = null;
  #next = 0;

  add(streamId: number, isResetByUs: boolean): void {
    this.#ids ??= new Int32Array(CAPACITY);
    this.#ids[this.#next] = isResetByUs ? -streamId : streamId;
    this.#next = (this.#next + 1) % CAPACITY;
  }

  endOf(streamId: number): StreamEnd {
    if (this.#ids === null) return "unknown";
    if (this.#ids.includes(-streamId)) return "reset";
    return this.#ids.includes(streamId) ? "ended" : "unknown";
  }
}
