// The part of a request body that was already sent, kept for another attempt; gives up beyond 64 KiB.
import type { UpstreamStream } from "./upstream-stream.ts";

const MAX_REPLAY_BYTES = 64 * 1024;

export class ReplayBuffer {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Everything that was sent is here. */
  isWhole = true;

  keep(chunk: Buffer): void {
    if (!this.isWhole) return;
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_REPLAY_BYTES) {
      this.isWhole = false;
      this.#chunks = [];
    } else this.#chunks.push(Buffer.from(chunk));
  }

  sendTo(upstream: UpstreamStream): void {
    for (const chunk of this.#chunks) upstream.sendBody(chunk);
  }
}
