// What the replicas of the webhook share through a Secret: the server's certificate and key, and the authorities to trust.
// Reads and checks what stands in a Secret, which anybody may have edited; talks to nobody.
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { CertificatePair } from "../../../lib/certificate-writer.ts";

/** A certificate that the server shows, and who is to be trusted for it. */
export interface ServingMaterial {
  readonly leaf: CertificatePair;
  /** Signs the next leaf. */
  readonly authority: CertificatePair;
  /** PEM, the newest first, never empty; the first one is `authority`. More than one while an old one is given up. */
  readonly trusted: readonly string[];
}

/** A Secret's data, in base64. */
export type SecretData = Readonly<Record<string, string>>;

export const SECRET_TYPE = "kubernetes.io/tls";

/** Names of the entries; the first three are those that everybody uses. */
const ENTRY = { certificate: "tls.crt", key: "tls.key", trusted: "ca.crt", authorityKey: "ca.key" } as const;

/** Far more than what we write: one leaf, and three authorities at the most. */
const MAX_ENTRY_BYTES = 64 * 1024;
const MAX_AUTHORITIES = 8;

export function toSecretData({ leaf, authority, trusted }: ServingMaterial): SecretData {
  return {
    [ENTRY.certificate]: toBase64(leaf.certificatePem),
    [ENTRY.key]: toBase64(leaf.keyPem),
    [ENTRY.trusted]: toBase64(formatBundle(trusted)),
    [ENTRY.authorityKey]: toBase64(authority.keyPem),
  };
}

/** The authorities in one PEM text, as `caBundle` wants them. */
export function formatBundle(trusted: readonly string[]): string {
  return trusted.join("");
}

/** The reading of a Secret: material that fits together, or what is wrong with it. Dates are not judged here. */
export type MaterialReading =
  | { readonly material: ServingMaterial; readonly fault: null }
  | { readonly material: null; readonly fault: string };

/** Total: no data makes it throw, and no fault shows any of it. */
export function readSecretData(data: unknown): MaterialReading {
  const entries = new Map<string, string>();
  for (const name of Object.values(ENTRY)) {
    const text = readEntry(data, name);
    if (text === null) return fault(`has no usable entry ${name}`);
    entries.set(name, text);
  }
  const text = (name: string): string => entries.get(name) ?? "";
  const leaf = { certificatePem: text(ENTRY.certificate), keyPem: text(ENTRY.key) };
  const trusted = splitCertificates(text(ENTRY.trusted));
  const [newest] = trusted;
  if (newest === undefined || trusted.length > MAX_AUTHORITIES) return fault(`has no usable entry ${ENTRY.trusted}`);
  const authority = { certificatePem: newest, keyPem: text(ENTRY.authorityKey) };
  const problem =
    judgePair(leaf, ENTRY.certificate, ENTRY.key) ?? judgePair(authority, ENTRY.trusted, ENTRY.authorityKey);
  if (problem !== null) return fault(problem);
  if (!trusted.every(isAuthority)) return fault(`has something else than authorities in ${ENTRY.trusted}`);
  if (findIssuer(leaf, trusted) === null) return fault(`has a certificate that nothing in ${ENTRY.trusted} has signed`);
  return { material: { leaf, authority, trusted }, fault: null };
}

/** The authority that signed the leaf, in PEM; null where it is none of them. */
export function findIssuer(leaf: CertificatePair, trusted: readonly string[]): string | null {
  const certificate = new X509Certificate(leaf.certificatePem);
  return (
    trusted.find((pem) => {
      const issuer = new X509Certificate(pem);
      return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
    }) ?? null
  );
}

function toBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function fault(text: string): MaterialReading {
  return { material: null, fault: text };
}

function readEntry(data: unknown, name: string): string | null {
  if (typeof data !== "object" || data === null || !Object.hasOwn(data, name)) return null;
  const value: unknown = Reflect.get(data, name);
  if (typeof value !== "string" || value === "" || value.length > MAX_ENTRY_BYTES) return null;
  return Buffer.from(value, "base64").toString("latin1");
}

/** Each block with its marks, and nothing of what stands between them. */
function splitCertificates(pem: string): readonly string[] {
  const end = "-----END CERTIFICATE-----";
  const blocks: string[] = [];
  for (const part of pem.split(end).slice(0, -1)) {
    const begin = part.indexOf("-----BEGIN CERTIFICATE-----");
    if (begin !== -1) blocks.push(`${part.slice(begin)}${end}\n`);
  }
  return blocks;
}

/** Null where both can be read and belong together. */
function judgePair({ certificatePem, keyPem }: CertificatePair, where: string, keyWhere: string): string | null {
  const certificate = attempt(() => new X509Certificate(certificatePem));
  if (certificate === null) return `has no certificate in ${where}`;
  const key = attempt(() => createPrivateKey(keyPem));
  if (key === null) return `has no private key in ${keyWhere}`;
  // We only ever write keys of this kind, and others can make OpenSSL work hard.
  if (key.asymmetricKeyType !== "ec") return `has a key of an unexpected kind in ${keyWhere}`;
  const fits = attempt(() => certificate.checkPrivateKey(key)) ?? false;
  return fits ? null : `has a key in ${keyWhere} that does not belong to ${where}`;
}

function isAuthority(pem: string): boolean {
  return attempt(() => new X509Certificate(pem))?.ca === true;
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
