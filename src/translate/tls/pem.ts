// Certificates in PEM text. Takes out the certificate blocks and nothing else: a key in the same file must not travel on.
import { X509Certificate } from "node:crypto";

const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";

/** The text of each certificate block, in order, without what stands between them; at most `limit`. */
export function splitCertificates(text: string, limit: number): readonly string[] {
  const blocks: string[] = [];
  let position = 0;
  while (blocks.length < limit) {
    const start = text.indexOf(BEGIN, position);
    const end = start === -1 ? -1 : text.indexOf(END, start);
    if (end === -1) break;
    position = end + END.length;
    blocks.push(`${text.slice(start, position)}\n`);
  }
  return blocks;
}

/** Null where the block is not a certificate. */
export function parseCertificate(block: string): X509Certificate | null {
  try {
    return new X509Certificate(block);
  } catch {
    return null;
  }
}
