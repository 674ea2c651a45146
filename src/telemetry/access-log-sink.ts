// Where the workers' access-log lines leave the process: one bounded queue before standard output. A reader that stalls
// costs lines, which are counted, never memory.
import { pino } from "pino";

export interface AccessLogSinkOptions {
  /** File descriptor or path. */
  readonly destination: number | string;
  /** Called with the number of lines that were lost. */
  readonly onDropped: (lines: number) => void;
  /** Bytes that may wait to be written. */
  readonly maxQueuedBytes?: number;
}

const DEFAULT_MAX_QUEUED_BYTES = 16 * 1_024 * 1_024;
const NEWLINE = 0x0a;

export class AccessLogSink {
  readonly #stream: ReturnType<typeof pino.destination>;
  readonly #onDropped: (lines: number) => void;
  /** The reader is gone for good. After any other error the next write tries again. */
  #isBroken = false;
  #isClosed = false;

  constructor(options: AccessLogSinkOptions) {
    this.#onDropped = options.onDropped;
    this.#stream = pino.destination({
      dest: options.destination,
      sync: false,
      contentMode: "buffer",
      maxLength: options.maxQueuedBytes ?? DEFAULT_MAX_QUEUED_BYTES,
    });
    this.#stream.on("drop", (lines) => this.#onDropped(countLines(lines as unknown as Uint8Array)));
    this.#stream.on("error", (error: NodeJS.ErrnoException) => (this.#isBroken ||= error.code === "EPIPE"));
  }

  /** @param lines whole lines, which stay unchanged from now on. */
  write(lines: Uint8Array): void {
    if (this.#isBroken || this.#isClosed) this.#onDropped(countLines(lines));
    else this.#stream.write(asBuffer(lines) as unknown as string);
  }

  /**
   * Writes what is queued and ends; lines after that are dropped.
   * @returns false where the reader did not take everything in time. A write then still holds a thread of the pool, for
   * which process.exit would wait as long as the reader likes: only a signal ends the process.
   */
  async close(timeoutMs: number): Promise<boolean> {
    if (this.#isBroken || this.#isClosed) return true;
    this.#isClosed = true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), timeoutMs);
    this.#stream.once("close", () => resolve(true));
    this.#stream.once("error", () => resolve(true));
    this.#stream.end();
    const isFlushed = await promise;
    clearTimeout(timer);
    return isFlushed;
  }
}

function asBuffer(lines: Uint8Array): Buffer {
  return Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
}

function countLines(lines: Uint8Array): number {
  let count = 0;
  for (let at = lines.indexOf(NEWLINE); at !== -1; at = lines.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}
