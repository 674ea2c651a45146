// Values of a Secret's data, decoded and bounded.
import { asRecord, asText } from "../untyped.ts";

/** The API server's bound on a whole Secret. */
const MAX_VALUE_BYTES = 1024 * 1024;

/** Null where the key is missing, empty or larger than a Secret can be. */
export function readSecretValue(data: unknown, key: string): Buffer | null {
  const text = asText(asRecord(data)[key]);
  if (text === null || text.length > (MAX_VALUE_BYTES * 4) / 3 + 4) return null;
  const value = Buffer.from(text, "base64");
  return value.length === 0 ? null : value;
}
