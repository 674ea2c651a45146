// Which hosts a certificate speaks for: exact names, wildcards of one label, and addresses (RFC 9525 §6).
import type { X509Certificate } from "node:crypto";
import { isIP, SocketAddress } from "node:net";

const DNS_NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/;

export class CertificateNames {
  readonly #exact = new Set<string>();
  /** `.shop.example` for `*.shop.example`. */
  readonly #wildcardSuffixes = new Set<string>();
  readonly #addresses = new Set<string>();

  constructor(certificate: X509Certificate) {
    for (const name of splitAltNames(certificate.subjectAltName ?? "")) {
      if (name.startsWith("DNS:")) this.#addDnsName(name.slice(4).toLowerCase());
      else if (name.startsWith("IP Address:")) this.#addAddress(name.slice(11));
    }
    // RFC 9525 §6.3 has no common names; certificates made by hand still do without alternatives.
    if (this.isEmpty) this.#addDnsName(commonNameOf(certificate.subject).toLowerCase());
  }

  get isEmpty(): boolean {
    return this.#exact.size === 0 && this.#wildcardSuffixes.size === 0 && this.#addresses.size === 0;
  }

  /** @param host lower case, without port and trailing dot; IPv6 in brackets. */
  covers(host: string): boolean {
    if (this.#exact.has(host)) return true;
    const dot = host.indexOf(".");
    if (dot > 0 && this.#wildcardSuffixes.has(host.slice(dot))) return isIP(host) === 0;
    if (this.#addresses.size === 0) return false;
    const address = canonicalAddress(host.startsWith("[") ? host.slice(1, -1) : host);
    return address !== null && this.#addresses.has(address);
  }

  #addDnsName(name: string): void {
    if (!DNS_NAME.test(name) || isIP(name) !== 0) return;
    if (name.startsWith("*.")) this.#wildcardSuffixes.add(name.slice(1));
    else this.#exact.add(name);
  }

  #addAddress(text: string): void {
    const address = canonicalAddress(text);
    if (address !== null) this.#addresses.add(address);
  }
}

/** One spelling for an address; null for what is none. */
function canonicalAddress(text: string): string | null {
  const family = isIP(text);
  if (family === 0) return null;
  return new SocketAddress({ address: text, family: family === 6 ? "ipv6" : "ipv4" }).address;
}

/**
 * Splits `DNS:a, IP Address:1.2.3.4`. Node writes names with unusual characters as JSON strings (CVE-2021-44532): a comma
 * in quotes separates nothing, and quoted names are left out, as no host looks like them.
 */
function splitAltNames(text: string): string[] {
  const names: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i <= text.length; i++) {
    const code = text.charCodeAt(i);
    if (isQuoted && code === BACKSLASH) i++;
    else if (code === QUOTE) isQuoted = !isQuoted;
    else if (i === text.length || (!isQuoted && code === COMMA)) {
      const name = text.slice(start, i).trim();
      if (name !== "" && !name.includes('"')) names.push(name);
      start = i + 1;
    }
  }
  return names;
}

const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const COMMA = 0x2c;

/** The last CN of a subject in node's form: one attribute a line. */
function commonNameOf(subject: string): string {
  return /(?:^|\n)CN=([^\n]*)$/.exec(subject)?.[1] ?? "";
}
