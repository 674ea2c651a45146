// Counts what a client makes a connection do without getting anything served: streams that come to nothing, frames that
// ask for nothing, and bytes that are neither heads nor bodies.

/** Streams that may come to nothing at once; RFC 9113 §10.5, CVE-2023-44487, CVE-2025-8671. */
const RESET_BURST = 200;
const RESETS_PER_SECOND = 20;
/** Of exchanges that end well, every second one pays for a reset: a busy client may cancel in proportion. */
const RESETS_PER_EXCHANGE = 0.5;

/** Frames that ask for nothing: PING, SETTINGS, PRIORITY, empty DATA, unknown ones, any on closed streams. */
const FRAME_BURST = 1000;
const FRAMES_PER_SECOND = 100;
/** What a busy client may send of them beside. */
const FRAMES_PER_REQUEST = 4;

/** Bytes of PING, SETTINGS, PRIORITY, WINDOW_UPDATE, unknown and empty frames, padding and refused heads. */
const CONTROL_BURST_BYTES = 1024 * 1024;
const CONTROL_BYTES_PER_SECOND = 64 * 1024;
/** What comes with a request beside its lines: frame heads, PRIORITY, WINDOW_UPDATE. */
const REQUEST_ALLOWANCE_BYTES = 1024;
/** Frame head and moderate padding of a DATA frame that came. */
const DATA_ALLOWANCE_BYTES = 64;
/** Ten WINDOW_UPDATE frames for a DATA frame that was sent, as other proxies allow. */
const WINDOW_ALLOWANCE_BYTES = 130;
/** A DATA frame holds at most 16 KiB: bytes sent, shifted by this, are its share of WINDOW_ALLOWANCE_BYTES. */
const WINDOW_ALLOWANCE_SHIFT = 7;

export class FloodGuard {
  #resetTokens = RESET_BURST;
  #resetsAtMs: number;
  #frameTokens = FRAME_BURST;
  #framesAtMs: number;
  #bytesRead = 0;
  /** Bytes read since the last look that served a purpose. */
  #usefulBytes = 0;
  #controlBytes = 0;
  #readAtMs: number;

  /** @param nowMs of a clock that never goes back. */
  constructor(nowMs: number) {
    this.#resetsAtMs = nowMs;
    this.#framesAtMs = nowMs;
    this.#readAtMs = nowMs;
  }

  noteRequest(headBytes: number): void {
    this.#usefulBytes += headBytes + REQUEST_ALLOWANCE_BYTES;
    this.#frameTokens += FRAMES_PER_REQUEST;
  }

  noteDataReceived(bytes: number): void {
    this.#usefulBytes += bytes + DATA_ALLOWANCE_BYTES;
    this.#frameTokens++;
  }

  /** Bytes that the client may have sent on a stream before it learnt that nobody reads them. */
  noteUnwanted(bytes: number): void {
    this.#usefulBytes += bytes;
  }

  noteDataSent(bytes: number): void {
    this.#usefulBytes += WINDOW_ALLOWANCE_BYTES + (bytes >> WINDOW_ALLOWANCE_SHIFT);
  }

  noteExchange(): void {
    const tokens = this.#resetTokens + RESETS_PER_EXCHANGE;
    this.#resetTokens = tokens < RESET_BURST ? tokens : RESET_BURST;
  }

  /** A stream came to nothing, whoever reset it. False: too many did. */
  allowsReset(nowMs: number): boolean {
    const refilled = this.#resetTokens + ((nowMs - this.#resetsAtMs) * RESETS_PER_SECOND) / 1000;
    this.#resetsAtMs = nowMs;
    this.#resetTokens = Math.min(refilled, RESET_BURST) - 1;
    return this.#resetTokens >= 0;
  }

  /** A frame came that asks for nothing. False: too many did. */
  allowsFrame(nowMs: number): boolean {
    const refilled = this.#frameTokens + ((nowMs - this.#framesAtMs) * FRAMES_PER_SECOND) / 1000;
    this.#framesAtMs = nowMs;
    this.#frameTokens = Math.min(refilled, FRAME_BURST) - 1;
    return this.#frameTokens >= 0;
  }

  /**
   * Bytes over the bound that were read and served no purpose; 0 or less is fine. Called about once a second.
   * @param bytesRead from the connection since its beginning.
   */
  controlExcess(bytesRead: number, nowMs: number): number {
    const drained = ((nowMs - this.#readAtMs) * CONTROL_BYTES_PER_SECOND) / 1000;
    const added = bytesRead - this.#bytesRead - this.#usefulBytes;
    this.#readAtMs = nowMs;
    this.#bytesRead = bytesRead;
    this.#usefulBytes = 0;
    this.#controlBytes = Math.max(0, this.#controlBytes + added - drained);
    return this.#controlBytes - CONTROL_BURST_BYTES;
  }
}
