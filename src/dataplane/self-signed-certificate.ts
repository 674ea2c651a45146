// Makes the certificate that is served where there is no other one. Nobody trusts it; it only lets a handshake end, so that
// a browser can show a warning and a log line can tell the name that was asked for.
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
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
} from "../lib/der-writer.ts";

export interface SelfSignedCertificate {
  readonly chainPem: string;
  readonly keyPem: string;
}

export interface SelfSignedOptions {
  readonly commonName: string;
  /** The one name that it is valid for. */
  readonly dnsName: string;
  readonly validFrom: Date;
  readonly validTo: Date;
}

const OID = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;

/** An X.509 v3 leaf certificate (RFC 5280) with a new P-256 key, which every client has supported for a decade. */
export function createSelfSignedCertificate(options: SelfSignedOptions): SelfSignedCertificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256));
  const body = certificateBody(options, algorithm, publicKey);
  const signature = bitString(sign("sha256", body, privateKey), 0);
  return {
    chainPem: toPem("CERTIFICATE", sequence(body, algorithm, signature)),
    keyPem: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

function certificateBody(options: SelfSignedOptions, algorithm: Buffer, publicKey: KeyObject): Buffer {
  const version3 = contextTag(0, integer(Buffer.from([2])), "wrapped");
  const serialNumber = randomBytes(16);
  // Positive, and of full length whatever comes out.
  serialNumber[0] = ((serialNumber[0] ?? 0) & 0x3f) | 0x40;
  const name = sequence(setOf(sequence(objectIdentifier(OID.commonName), utf8String(options.commonName))));
  const validity = sequence(time(options.validFrom), time(options.validTo));
  const subjectKey = publicKey.export({ type: "spki", format: "der" });
  const extensions = contextTag(3, sequence(...certificateExtensions(options.dnsName)), "wrapped");
  return sequence(version3, integer(serialNumber), algorithm, name, validity, name, subjectKey, extensions);
}

function certificateExtensions(dnsName: string): Buffer[] {
  const altName = contextTag(2, Buffer.from(dnsName, "ascii"), "primitive");
  const digitalSignature = bitString(Buffer.from([0x80]), 7);
  return [
    extension(OID.basicConstraints, sequence(), true),
    extension(OID.keyUsage, digitalSignature, true),
    extension(OID.extendedKeyUsage, sequence(objectIdentifier(OID.serverAuth)), false),
    extension(OID.subjectAltName, sequence(altName), false),
  ];
}

function extension(id: string, value: Buffer, isCritical: boolean): Buffer {
  const critical = isCritical ? [boolean(true)] : [];
  return sequence(objectIdentifier(id), ...critical, octetString(value));
}

function toPem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
