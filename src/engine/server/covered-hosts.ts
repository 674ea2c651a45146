// Which hosts a certificate speaks for: exact names, wildcards of one label, and addresses (RFC 9525 §6).
import type { X509Certificate } from "node:crypto";
import { isIP, SocketAddress } from "node:net";
import { readCertificateNames } from "../../lib/certificate-names.ts";

const DNS_NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/;

export class CoveredHosts {
  readonly #exact = new Set<string>();
  /** `.shop.example` for `*.shop.example`. */
  readonly #wildcardSuffixes = new Set<string>();
  readonly #addresses = new Set<string>();

  constructor(certificate: X509Certificate) {
    const { dnsNames, addresses } = readCertificateNames(certificate);
    for (const name of dnsNames) this.#addDnsName(name);
    for (const address of addresses) this.#addAddress(address);
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
