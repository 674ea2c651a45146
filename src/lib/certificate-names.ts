// The names in a certificate, out of the text forms that Node gives. Says what is written there, not which host that covers.
//
// The text forms, as `toLegacyObject()` ends the process on a key whose curve has no NIST name.
import type { X509Certificate } from "node:crypto";

export interface CertificateNames {
  /** Lower case, in the order of the certificate; not checked to be DNS names. */
  readonly dnsNames: readonly string[];
  /** IPv4 and IPv6 as written. */
  readonly addresses: readonly string[];
}

/**
 * The subject alternative names; where the certificate has none of any kind, its common name, the most specific one where
 * there are several (RFC 6125 §6.4.4). RFC 9525 §6.3 has no common names any more, but certificates made by hand have.
 */
export function readCertificateNames(
  certificate: Pick<X509Certificate, "subject" | "subjectAltName">,
): CertificateNames {
  if (certificate.subjectAltName !== undefined) return readAltNames(certificate.subjectAltName);
  const commonName = readCommonName(certificate.subject);
  return { dnsNames: commonName === null ? [] : [commonName], addresses: [] };
}

/**
 * Takes `DNS:a.example, IP Address:10.0.0.1, DNS:"odd, name"` apart. A value that holds a comma or quotes stands in JSON
 * quotes; whoever splits at commas alone believes names that nobody certified (CVE-2021-44532).
 */
export function readAltNames(text: string): CertificateNames {
  const dnsNames: string[] = [];
  const addresses: string[] = [];
  let position = 0;
  while (position < text.length) {
    const colon = text.indexOf(":", position);
    if (colon === -1) break;
    const kind = text.slice(position, colon);
    const isQuoted = text[colon + 1] === '"';
    const end = isQuoted ? endOfQuoted(text, colon + 1) : endOfPlain(text, colon + 1);
    // No host needs the quotes, so a quoted value is none that can match.
    if (!isQuoted && kind === "DNS") dnsNames.push(text.slice(colon + 1, end).toLowerCase());
    if (!isQuoted && kind === "IP Address") addresses.push(text.slice(colon + 1, end));
    position = text.startsWith(", ", end) ? end + 2 : text.length;
  }
  return { dnsNames, addresses };
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

/** One attribute a line, the most specific last; a newline inside of a value is escaped. */
function readCommonName(subject: string | undefined): string | null {
  const line = (subject ?? "").split("\n").findLast((attribute) => attribute.startsWith("CN="));
  return line === undefined ? null : line.slice(3).toLowerCase();
}
