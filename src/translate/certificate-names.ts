// The DNS names that a certificate is for.
import type { X509Certificate } from "node:crypto";
import type { Certificate } from "../ir/certificate.ts";
import { compareStrings } from "../lib/compare-strings.ts";
import { isDnsName } from "../lib/dns-name.ts";

/**
 * Lower case, sorted, no duplicates; only names that a server name can match. The common name counts where there is no
 * subject alternative name at all (RFC 6125 §6.4.4).
 *
 * Reads the text forms: `toLegacyObject()` ends the process on a key whose curve has no NIST name.
 */
export function readDnsNames(certificate: X509Certificate): readonly string[] {
  const alternatives = certificate.subjectAltName;
  const names = alternatives === undefined ? readCommonNames(certificate.subject) : readAlternativeNames(alternatives);
  const valid = names.map((name) => name.toLowerCase()).filter(isServerName);
  return Array.from(new Set(valid)).toSorted(compareStrings);
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

/**
 * Takes `DNS:a.example, IP Address:10.0.0.1, DNS:"odd, name"` apart. A value that holds a comma or quotes stands in JSON
 * quotes; whoever splits at commas alone believes names that nobody certified (CVE-2021-44532).
 */
export function readAlternativeNames(text: string): readonly string[] {
  const names: string[] = [];
  let position = 0;
  while (position < text.length) {
    const colon = text.indexOf(":", position);
    if (colon === -1) break;
    const isDns = text.slice(position, colon) === "DNS";
    const isQuoted = text[colon + 1] === '"';
    const end = isQuoted ? endOfQuoted(text, colon + 1) : endOfPlain(text, colon + 1);
    // No DNS name needs the quotes, so a quoted value is none that can match.
    if (isDns && !isQuoted) names.push(text.slice(colon + 1, end));
    position = text.startsWith(", ", end) ? end + 2 : text.length;
  }
  return names;
}

function endOfPlain(text: string, start: number): number {
  const comma = text.indexOf(", ", start);
  return comma === -1 ? text.length : comma;
}

/** The position after the closing quote. */
function endOfQuoted(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i += 1) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === '"') return i + 1;
  }
  return text.length;
}

/** One attribute a line; a newline inside of a value is escaped. */
function readCommonNames(subject: string | undefined): readonly string[] {
  const lines = (subject ?? "").split("\n");
  return lines.filter((line) => line.startsWith("CN=")).map((line) => line.slice(3));
}

function isServerName(name: string): boolean {
  return isDnsName(name.startsWith("*.") ? name.slice(2) : name);
}
