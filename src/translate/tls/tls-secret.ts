// The certificate and key of a Secret, checked against each other. Validity in time is not judged: that needs a clock.
import { createPrivateKey } from "node:crypto";
import type { KeyObject, X509Certificate } from "node:crypto";
import type { Certificate } from "../../ir/certificate.ts";
import { secretBytes } from "../../ir/secret-bytes.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import type { Secret } from "../../source/object-types.ts";
import { asNonEmptyText } from "../untyped.ts";
import { readDnsNames } from "./certificate-hosts.ts";
import { findWeakness } from "./certificate-strength.ts";
import { parseCertificate, splitCertificates } from "./pem.ts";
import { readSecretValue } from "./secret-data.ts";

/** `fault` is the end of a sentence about the Secret. */
export type TlsSecretReading =
  | { readonly certificate: Certificate }
  | { readonly certificate: null; readonly fault: string };

/** Clients refuse far shorter chains. */
const MAX_CHAIN_LENGTH = 20;

const TYPES: ReadonlySet<string> = new Set(["kubernetes.io/tls", "Opaque"]);

const readings = new WeakMap<object, TlsSecretReading>();

/** `key` is the Secret's `namespace/name`. Parsed once for as long as the Secret stays the same object. */
export function readTlsSecret(secret: Secret, key: string): TlsSecretReading {
  let reading = readings.get(secret);
  if (reading === undefined) {
    const parsed = parseTlsSecret(secret, key);
    reading = typeof parsed === "string" ? { certificate: null, fault: parsed } : { certificate: parsed };
    readings.set(secret, reading);
  }
  return reading;
}

/** The certificate, or what is wrong. */
function parseTlsSecret(secret: Secret, id: string): Certificate | string {
  const type = asNonEmptyText(secret.type) ?? "Opaque";
  if (!TYPES.has(type)) return `has the type ${quoteText(type)}, not kubernetes.io/tls`;
  const chainBytes = readSecretValue(secret.data, "tls.crt");
  if (chainBytes === null) return "has no data under tls.crt";
  const keyBytes = readSecretValue(secret.data, "tls.key");
  if (keyBytes === null) return "has no data under tls.key";
  const chain = parseChain(chainBytes.toString("latin1"));
  if (typeof chain === "string") return chain;
  const key = parseKey(keyBytes);
  if (typeof key === "string") return key;
  const [leaf] = chain as [X509Certificate];
  if (!leaf.checkPrivateKey(key)) {
    return chain.some((certificate) => certificate.checkPrivateKey(key))
      ? "has its own certificate not first in tls.crt; it must come before those that signed it"
      : "has a tls.key that does not belong to tls.crt";
  }
  const chainPem = chain.map((certificate) => certificate.toString()).join("");
  return { id, chainPem, key: secretBytes(keyBytes), dnsNames: readDnsNames(leaf) };
}

function parseChain(text: string): readonly X509Certificate[] | string {
  const blocks = splitCertificates(text, MAX_CHAIN_LENGTH + 1);
  if (blocks.length === 0) return "has no PEM certificate under tls.crt";
  if (blocks.length > MAX_CHAIN_LENGTH) return `has more than ${MAX_CHAIN_LENGTH} certificates under tls.crt`;
  const chain: X509Certificate[] = [];
  for (const [index, block] of blocks.entries()) {
    const certificate = parseCertificate(block);
    if (certificate === null) return `has a certificate in tls.crt that cannot be read (number ${index + 1})`;
    const weakness = findWeakness(certificate);
    if (weakness !== null) return `has a certificate in tls.crt (number ${index + 1}) that ${weakness}`;
    chain.push(certificate);
  }
  return chain;
}

function parseKey(bytes: Buffer): KeyObject | string {
  // OpenSSL would ask for the passphrase on the terminal.
  if (bytes.includes("ENCRYPTED")) return "has an encrypted tls.key; it must be in plain PEM";
  try {
    return createPrivateKey({ key: bytes, format: "pem" });
  } catch {
    return "has no readable PEM private key under tls.key";
  }
}
