// Makes X.509 certificates with keys of their own: authorities and server certificates. Reads none and keeps none.
import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import {
  bitString,
  boolean,
  contextTag,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  utf8String,
} from "./der-writer.ts";

/** A certificate and its private key. */
export interface CertificatePair {
  readonly certificatePem: string;
  /** PKCS #8. */
  readonly keyPem: string;
}

export interface CertificateOptions {
  readonly commonName: string;
  readonly validFrom: Date;
  readonly validTo: Date;
  /** The names that a server certificate is valid for; null for an authority, which signs others and serves nothing. */
  readonly dnsNames: readonly string[] | null;
  /** The authority that signs it, which must be one that `createCertificate` made; null where it signs itself. */
  readonly issuer: CertificatePair | null;
}

/** Who signs: the name and the key that a certificate refers to. */
interface Issuer {
  readonly commonName: string;
  readonly keyId: Buffer;
  readonly privateKey: KeyObject;
}

const OID = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;

/** Bits 0 and 5 of KeyUsage (RFC 5280 §4.2.1.3). */
const DIGITAL_SIGNATURE = bitString(Buffer.from([0x80]), 7);
const KEY_CERT_SIGN = bitString(Buffer.from([0x04]), 2);

/** An X.509 v3 certificate (RFC 5280) with a new P-256 key, which every client has supported for a decade. */
export function createCertificate(options: CertificateOptions): CertificatePair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const keyId = identifyKey(publicKey);
  const itself: Issuer = { commonName: options.commonName, keyId, privateKey };
  const issuer = options.issuer === null ? itself : readIssuer(options.issuer);
  const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256));
  const body = certificateBody(options, algorithm, { publicKey, keyId, issuer });
  const signature = bitString(sign("sha256", body, issuer.privateKey), 0);
  return {
    certificatePem: toPem("CERTIFICATE", sequence(body, algorithm, signature)),
    keyPem: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

interface Keys {
  readonly publicKey: KeyObject;
  readonly keyId: Buffer;
  readonly issuer: Issuer;
}

function certificateBody(options: CertificateOptions, algorithm: Buffer, keys: Keys): Buffer {
  const version3 = contextTag(0, integer(Buffer.from([2])), "wrapped");
  const serialNumber = randomBytes(16);
  // Positive, and of full length whatever comes out.
  serialNumber[0] = ((serialNumber[0] ?? 0) & 0x3f) | 0x40;
  const validity = sequence(time(options.validFrom), time(options.validTo));
  const subjectKey = keys.publicKey.export({ type: "spki", format: "der" });
  const extensions = contextTag(3, sequence(...certificateExtensions(options, keys)), "wrapped");
  return sequence(
    version3,
    integer(serialNumber),
    algorithm,
    distinguishedName(keys.issuer.commonName),
    validity,
    distinguishedName(options.commonName),
    subjectKey,
    extensions,
  );
}

function certificateExtensions({ dnsNames }: CertificateOptions, { keyId, issuer }: Keys): Buffer[] {
  const keyIds = [
    extension(OID.subjectKeyIdentifier, octetString(keyId), false),
    extension(OID.authorityKeyIdentifier, sequence(contextTag(0, issuer.keyId, "primitive")), false),
  ];
  if (dnsNames === null) {
    // Signs leaves only: a path length of 0.
    const authority = sequence(boolean(true), integer(Buffer.from([0])));
    return [extension(OID.basicConstraints, authority, true), extension(OID.keyUsage, KEY_CERT_SIGN, true), ...keyIds];
  }
  const altNames = dnsNames.map((name) => contextTag(2, Buffer.from(name, "ascii"), "primitive"));
  return [
    extension(OID.basicConstraints, sequence(), true),
    extension(OID.keyUsage, DIGITAL_SIGNATURE, true),
    extension(OID.extendedKeyUsage, sequence(objectIdentifier(OID.serverAuth)), false),
    extension(OID.subjectAltName, sequence(...altNames), false),
    ...keyIds,
  ];
}

function extension(id: string, value: Buffer, isCritical: boolean): Buffer {
  const critical = isCritical ? [boolean(true)] : [];
  return sequence(objectIdentifier(id), ...critical, octetString(value));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(setOf(sequence(objectIdentifier(OID.commonName), utf8String(commonName))));
}

function readIssuer({ certificatePem, keyPem }: CertificatePair): Issuer {
  const { subject, publicKey } = new X509Certificate(certificatePem);
  return {
    commonName: subject.replace(/^CN=/, ""),
    keyId: identifyKey(publicKey),
    privateKey: createPrivateKey(keyPem),
  };
}

/** 160 bits of the SHA-256 of the key (RFC 7093 §2, the first way, over the whole key info). */
function identifyKey(publicKey: KeyObject): Buffer {
  const keyInfo = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(keyInfo).digest().subarray(0, 20);
}

function toPem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
