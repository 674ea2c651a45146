// The `ca.crt` of a Secret, for verifying upstreams.
import { quoteText } from "../../lib/untrusted-text.ts";
import type { Secret } from "../../source/object-types.ts";
import { problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import { findWeakness } from "./certificate-strength.ts";
import { parseCertificate, splitCertificates } from "./pem.ts";
import { readSecretValue } from "./secret-data.ts";

export type CaReading = { readonly caPem: string } | { readonly caPem: null; readonly problem: Problem };

/** More than the public roots of any system. */
const MAX_CERTIFICATES = 500;

const readings = new WeakMap<object, CaReading>();

/** `key` is the Secret's `namespace/name`. Parsed once for as long as the Secret stays the same object. */
export function readCaSecret(secret: Secret, key: string): CaReading {
  let reading = readings.get(secret);
  if (reading === undefined) {
    reading = parseCa(secret, key);
    readings.set(secret, reading);
  }
  return reading;
}

function parseCa(secret: Secret, key: string): CaReading {
  const value = readSecretValue(secret.data, "ca.crt");
  if (value === null) return invalid(key, "has no data under ca.crt");
  const blocks = splitCertificates(value.toString("latin1"), MAX_CERTIFICATES + 1);
  if (blocks.length === 0) return invalid(key, "has no PEM certificate under ca.crt");
  if (blocks.length > MAX_CERTIFICATES) return invalid(key, `has more than ${MAX_CERTIFICATES} certificates`);
  const pem: string[] = [];
  for (const [index, block] of blocks.entries()) {
    const certificate = parseCertificate(block);
    const weakness = certificate === null ? "cannot be read" : findWeakness(certificate);
    if (weakness !== null) return invalid(key, `has a certificate in ca.crt (number ${index + 1}) that ${weakness}`);
    if (certificate !== null) pem.push(certificate.toString());
  }
  return { caPem: pem.join("") };
}

function invalid(key: string, what: string): CaReading {
  const message = `Secret ${quoteText(key)}, for verifying the upstream, ${what}; requests get 503.`;
  return {
    caPem: null,
    problem: problem("error", "SecretInvalid", message, "Put the CA's PEM certificates under ca.crt."),
  };
}
