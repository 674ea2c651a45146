// Collects the body of one request within bounds of size and time. The bytes of all requests together are bounded as well.
import type { IncomingMessage } from "node:http";
import type { Clock } from "../lib/clock.ts";

/** The whole body, or why there is none. */
export type BodyReading =
  | {
      readonly outcome: "whole";
      readonly bytes: Buffer;
      /** Gives the room back; call it when the bytes are done with. */
      release(): void;
    }
  | { readonly outcome: "too-large" | "no-room" | "slow" | "broken" };

export interface BodyLimits {
  readonly maxBytes: number;
  /** For the last byte to come, in milliseconds. */
  readonly timeoutMs: number;
}

/** The room for bodies that all requests share. */
export class BodyRoom {
  #freeBytes: number;

  constructor(bytes: number) {
    this.#freeBytes = bytes;
  }

  /** False where there is not that much left. */
  take(bytes: number): boolean {
    if (bytes > this.#freeBytes) return false;
    this.#freeBytes -= bytes;
    return true;
  }

  release(bytes: number): void {
    this.#freeBytes += bytes;
  }
}

/** Room is taken for what has come, not for what was announced: whoever announces much and sends nothing takes none. */
export function readBody(
  request: IncomingMessage,
  room: BodyRoom,
  limits: BodyLimits,
  clock: Clock,
): Promise<BodyReading> {
  const { promise, resolve } = Promise.withResolvers<BodyReading>();
  const chunks: Buffer[] = [];
  let length = 0;
  let isFinished = false;
  const finish = (reading: BodyReading): void => {
    if (isFinished) return;
    isFinished = true;
    timer.cancel();
    request.removeListener("data", onData);
    if (reading.outcome !== "whole") room.release(length);
    resolve(reading);
  };
  const onData = (chunk: Buffer): void => {
    if (length + chunk.length > limits.maxBytes) finish({ outcome: "too-large" });
    else if (!room.take(chunk.length)) finish({ outcome: "no-room" });
    else {
      length += chunk.length;
      chunks.push(chunk);
    }
  };
  const timer = clock.setTimer(() => finish({ outcome: "slow" }), limits.timeoutMs);
  if (Number(request.headers["content-length"] ?? 0) > limits.maxBytes) {
    finish({ outcome: "too-large" });
    return promise;
  }
  request.on("data", onData);
  // Stays for as long as the request, as an error without a listener would end the process.
  request.on("error", () => finish({ outcome: "broken" }));
  request.once("close", () => finish({ outcome: "broken" }));
  request.once("end", () => {
    finish({ outcome: "whole", bytes: Buffer.concat(chunks, length), release: () => room.release(length) });
  });
  return promise;
}
