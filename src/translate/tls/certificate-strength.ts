// Which certificates OpenSSL would refuse to serve or every client would refuse to accept. Judged here, so that a worker
// never meets one of them.
import type { X509Certificate } from "node:crypto";

/** OpenSSL's security level 2, Node's default: 112 bits. */
const MIN_RSA_BITS = 2048;

/** A signature with a larger key holds a worker for tens of milliseconds, and anyone can ask for handshakes. */
const MAX_RSA_BITS = 8192;

/** What TLS clients accept; also the only curves whose certificates all of Node's certificate code can take. */
const CURVES: ReadonlySet<string> = new Set(["prime256v1", "secp384r1", "secp521r1"]);

/** What is wrong with the certificate's key, as the end of a sentence, or null. */
export function findWeakness(certificate: X509Certificate): string | null {
  let type: string | undefined;
  let details: { modulusLength?: number; namedCurve?: string } | undefined;
  try {
    const key = certificate.publicKey;
    type = key.asymmetricKeyType;
    details = key.asymmetricKeyDetails;
  } catch {
    return "has a key of an unknown kind";
  }
  switch (type) {
    case "rsa":
    case "rsa-pss": {
      const bits = details?.modulusLength ?? 0;
      const isFit = bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS;
      return isFit ? null : `has an RSA key of ${bits} bits; use ${MIN_RSA_BITS} to ${MAX_RSA_BITS}`;
    }
    case "ec": {
      const curve = details?.namedCurve ?? "unknown";
      return CURVES.has(curve) ? null : `has a key on the curve ${curve}; use P-256, P-384 or P-521`;
    }
    case "ed25519":
    case "ed448":
      return null;
    default:
      return `has a key of the kind ${type ?? "unknown"}; use RSA, ECDSA or Ed25519`;
  }
}
