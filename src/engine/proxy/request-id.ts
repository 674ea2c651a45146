// Request ids: 128 random bits in hexadecimal, drawn from a pool that is filled in one call for many requests.
import { randomFillSync } from "node:crypto";

const ID_BYTES = 16;
const pool = Buffer.alloc(ID_BYTES * 256);
let position = pool.length;

/** 32 hexadecimal digits. */
export function nextRequestId(): string {
  if (position >= pool.length) {
    randomFillSync(pool);
    position = 0;
  }
  const id = pool.toString("hex", position, position + ID_BYTES);
  position += ID_BYTES;
  return id;
}
