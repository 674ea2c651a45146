// Tells HTTP/2 with prior knowledge from HTTP/1 on cleartext connections by the first bytes (RFC 9113 §3.4).

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** `h2`, `http/1.1`, or null while the bytes so far could be the beginning of either. */
export function detectProtocol(bytes: Buffer): "h2" | "http/1.1" | null {
  const length = Math.min(bytes.length, PREFACE.length);
  for (let i = 0; i < length; i++) {
    if (bytes[i] !== PREFACE[i]) return "http/1.1";
  }
  return length === PREFACE.length ? "h2" : null;
}
