// The hosts of Ingress objects that a certificate is for.
import type { X509Certificate } from "node:crypto";
import type { Certificate } from "../../ir/certificate.ts";
import { readCertificateNames } from "../../lib/certificate-names.ts";
import { compareStrings } from "../../lib/compare-strings.ts";
import { isDnsName } from "../../lib/dns-name.ts";

/** Lower case, sorted, no duplicates; only names that a server name can match. */
export function readDnsNames(certificate: X509Certificate): readonly string[] {
  const names = readCertificateNames(certificate).dnsNames.filter(isServerName);
  return Array.from(new Set(names)).toSorted(compareStrings);
}

const nameSets = new WeakMap<object, ReadonlySet<string>>();

/** True where one of the certificate's names stands for the host. In constant time: both lists may have thousands. */
export function certificateCovers(certificate: Certificate, host: string): boolean {
  let names = nameSets.get(certificate);
  if (names === undefined) {
    names = new Set(certificate.dnsNames);
    nameSets.set(certificate, names);
  }
  // The wildcard of a wildcard host is the host itself.
  return names.has(host) || names.has(`*${host.slice(Math.max(0, host.indexOf(".")))}`);
}

function isServerName(name: string): boolean {
  return isDnsName(name.startsWith("*.") ? name.slice(2) : name);
}
