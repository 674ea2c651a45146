// Key material inside the IR. It is plain cloneable data, and it redacts itself: JSON shows an ArrayBuffer as `{}`.
import { createHash } from "node:crypto";

/** Secret bytes with a digest that stands for them in hashes, dumps and comparisons. */
export interface SecretBytes {
  /** Hex SHA-256 of `bytes`. */
  readonly sha256: string;
  /** Never printed: JSON.stringify gives `{}` for it. */
  readonly bytes: ArrayBuffer;
}

export function secretBytes(content: Uint8Array): SecretBytes {
  const bytes = new ArrayBuffer(content.byteLength);
  new Uint8Array(bytes).set(content);
  return { sha256: createHash("sha256").update(content).digest("hex"), bytes };
}

export function revealSecret(secret: SecretBytes): Buffer {
  return Buffer.from(secret.bytes);
}
