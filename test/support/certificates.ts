// Certificates for tests: any names, any key, signed by themselves. Made when the test runs, so that none expires.
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { isIPv4 } from "node:net";
import {
  bitString,
  contextTag,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  utf8String,
} from "../../src/lib/der-writer.ts";

export interface TestCertificate {
  readonly chainPem: string;
  readonly keyPem: string;
}

export interface TestCertificateOptions {
  readonly commonName?: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly keyType?: "ec" | "rsa";
  /** Of an EC key, as OpenSSL names it; default prime256v1. */
  readonly curve?: string;
}

const COMMON_NAME = "2.5.4.3";
const SUBJECT_ALT_NAME = "2.5.29.17";
const ECDSA_WITH_SHA256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"));
const RSA_WITH_SHA256 = sequence(objectIdentifier("1.2.840.113549.1.1.11"), Buffer.from([5, 0]));

export function createTestCertificate(options: TestCertificateOptions): TestCertificate {
  const { publicKey, privateKey } =
    options.keyType === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : generateKeyPairSync("ec", { namedCurve: options.curve ?? "prime256v1" });
  const algorithm = options.keyType === "rsa" ? RSA_WITH_SHA256 : ECDSA_WITH_SHA256;
  const body = certificateBody(options, algorithm, publicKey);
  const der = sequence(body, algorithm, bitString(sign("sha256", body, privateKey), 0));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    chainPem: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    keyPem: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

function certificateBody(options: TestCertificateOptions, algorithm: Buffer, publicKey: KeyObject): Buffer {
  const { commonName = "test", dnsNames = [], ipAddresses = [] } = options;
  const name = sequence(setOf(sequence(objectIdentifier(COMMON_NAME), utf8String(commonName))));
  const serial = randomBytes(16);
  serial[0] = 0x40;
  const altNames = [
    ...dnsNames.map((dnsName) => contextTag(2, Buffer.from(dnsName, "latin1"), "primitive")),
    ...ipAddresses.map((address) => contextTag(7, addressBytes(address), "primitive")),
  ];
  const extensions =
    altNames.length === 0
      ? []
      : [
          contextTag(
            3,
            sequence(sequence(objectIdentifier(SUBJECT_ALT_NAME), octetString(sequence(...altNames)))),
            "wrapped",
          ),
        ];
  const hour = 3_600_000;
  return sequence(
    contextTag(0, integer(Buffer.from([2])), "wrapped"),
    integer(serial),
    algorithm,
    name,
    sequence(time(new Date(Date.now() - hour)), time(new Date(Date.now() + 24 * hour))),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    ...extensions,
  );
}

/** IPv6 without `::` in the middle of nowhere: eight groups, or `::` once. */
function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const before = groups(head);
  const after = groups(tail);
  const middle = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return Buffer.from([...before, ...middle, ...after].map((group) => group.padStart(4, "0")).join(""), "hex");
}
