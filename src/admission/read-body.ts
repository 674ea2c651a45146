// Collects the body of one request within bounds of size and time. The bytes of all requests together are bounded as well.
import type { IncomingMessage } from "node:http";
import type { Clock } from "../lib/clock.ts";
import { addressOf } from "./connection-room.ts";

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

export interface BodyRoomLimits {
  readonly totalBytes: number;
  /** Of one source address. */
  readonly perAddressBytes: number;
  /** Of the total, for small bodies only. */
  readonly reservedBytes: number;
}

/** Nearly all reviews are as small; whoever sends large ones must not keep these out. */
const SMALL_BODY_BYTES = 64 * 1_024;

/** The room for bodies that all requests share. */
export class BodyRoom {
  readonly #limits: BodyRoomLimits;
  readonly #byAddress = new Map<string, number>();
  #takenBytes = 0;

  constructor(limits: BodyRoomLimits) {
    this.#limits = limits;
  }

  /** False where there is not that much left for it. */
  take(address: string, bytes: number, isSmall: boolean): boolean {
    const { totalBytes, perAddressBytes, reservedBytes } = this.#limits;
    const ofAddress = (this.#byAddress.get(address) ?? 0) + bytes;
    const availableBytes = isSmall ? totalBytes : totalBytes - reservedBytes;
    if (ofAddress > perAddressBytes || this.#takenBytes + bytes > availableBytes) return false;
    this.#byAddress.set(address, ofAddress);
    this.#takenBytes += bytes;
    return true;
  }

  release(address: string, bytes: number): void {
    this.#takenBytes -= bytes;
    const rest = (this.#byAddress.get(address) ?? 0) - bytes;
    if (rest > 0) this.#byAddress.set(address, rest);
    else this.#byAddress.delete(address);
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
  const address = addressOf(request.socket);
  let length = 0;
  let isFinished = false;
  const finish = (reading: BodyReading): void => {
    if (isFinished) return;
    isFinished = true;
    timer.cancel();
    request.removeListener("data", onData);
    if (reading.outcome !== "whole") room.release(address, length);
    resolve(reading);
  };
  const onData = (chunk: Buffer): void => {
    if (length + chunk.length > limits.maxBytes) finish({ outcome: "too-large" });
    else if (!room.take(address, chunk.length, length + chunk.length <= SMALL_BODY_BYTES)) {
      finish({ outcome: "no-room" });
    } else {
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
    finish({ outcome: "whole", bytes: Buffer.concat(chunks, length), release: () => room.release(address, length) });
  });
  return promise;
}
