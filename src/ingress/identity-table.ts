// Which certificate a server name gets. Certificates become OpenSSL contexts with their first handshake, and stay until
// they change; connections that were made with an older one are not touched.
import type { TlsIdentity } from "../engine/server/tls-identity.ts";
import type { Certificate } from "../ir/certificate.ts";
import type { TlsHost } from "../ir/route-table.ts";
import type { SlicedWork, SliceMeter } from "../lib/sliced-work.ts";
import { HostTable } from "./host-table.ts";
import { KEPT_UNITS, NEW_UNITS } from "./work-units.ts";

export interface IdentityOptions {
  /** For server names without a certificate where the snapshot names no default. */
  readonly fallback: TlsIdentity;
  /** Throws where OpenSSL takes the certificate not. */
  readonly create: (certificate: Certificate) => TlsIdentity;
  /** Told once of each certificate that could not be used; its hosts get the default. */
  readonly onUnusable: (certificate: Certificate, error: unknown) => void;
}

export interface IdentitySource {
  readonly tlsHosts: readonly TlsHost[];
  readonly certificates: readonly Certificate[];
  /** Id of a certificate; null for the fallback. */
  readonly defaultCertificate: string | null;
}

interface IdentityTableParts {
  readonly hosts: HostTable<LazyIdentity>;
  readonly byCertificate: ReadonlyMap<string, LazyIdentity>;
  readonly default: LazyIdentity;
  readonly fallback: TlsIdentity;
}

export class IdentityTable {
  readonly #hosts: HostTable<LazyIdentity>;
  readonly #byCertificate: ReadonlyMap<string, LazyIdentity>;
  readonly #default: LazyIdentity;
  readonly #fallback: TlsIdentity;

  /** Comes from `compileIdentities`. */
  constructor(parts: IdentityTableParts) {
    this.#hosts = parts.hosts;
    this.#byCertificate = parts.byCertificate;
    this.#default = parts.default;
    this.#fallback = parts.fallback;
  }

  /** The identity for a lower-case server name, `""` where none was sent. Never throws. */
  resolve(serverName: string): TlsIdentity {
    return this.#hosts.lookup(serverName)?.get() ?? this.defaultIdentity;
  }

  /** What server names without a certificate get. */
  get defaultIdentity(): TlsIdentity {
    return this.#default.get() ?? this.#fallback;
  }

  /** What it has for the same certificate; null where that is new. */
  find(certificate: Certificate): LazyIdentity | null {
    const identity = this.#byCertificate.get(certificate.id);
    return identity !== undefined && identity.isFor(certificate) ? identity : null;
  }
}

/**
 * @param previous its identities are kept where the certificate is unchanged.
 * @throws Error where a host names a certificate that the source lacks, or comes twice.
 */
export function* compileIdentities(
  source: IdentitySource,
  options: IdentityOptions,
  previous: IdentityTable | null,
  meter: SliceMeter,
): SlicedWork<IdentityTable> {
  const byCertificate = new Map<string, LazyIdentity>();
  for (const certificate of source.certificates) {
    const kept = previous === null ? null : previous.find(certificate);
    byCertificate.set(certificate.id, kept ?? new LazyIdentity(certificate, options));
    if (meter.isFullAfter(kept === null ? NEW_UNITS : KEPT_UNITS)) yield;
  }
  const identityOf = (certificate: string | null, otherwise: LazyIdentity): LazyIdentity => {
    if (certificate === null) return otherwise;
    const identity = byCertificate.get(certificate);
    if (identity === undefined) throw new Error(`certificate "${certificate}" is not in the snapshot`);
    return identity;
  };
  const byDefault = identityOf(source.defaultCertificate, new LazyIdentity(null, options));
  const hosts = new HostTable<LazyIdentity>();
  for (const { host, certificate } of source.tlsHosts) {
    hosts.add(host, identityOf(certificate, byDefault));
    if (meter.isFullAfter(KEPT_UNITS)) yield;
  }
  return new IdentityTable({ hosts, byCertificate, default: byDefault, fallback: options.fallback });
}

class LazyIdentity {
  readonly #certificate: Certificate | null;
  readonly #options: IdentityOptions;
  #identity: TlsIdentity | null = null;
  #isUnusable: boolean;

  /** @param certificate null for an identity that is never there. */
  constructor(certificate: Certificate | null, options: IdentityOptions) {
    this.#certificate = certificate;
    this.#options = options;
    this.#isUnusable = certificate === null;
  }

  isFor(certificate: Certificate): boolean {
    return (
      this.#certificate !== null &&
      this.#certificate.chainPem === certificate.chainPem &&
      this.#certificate.key.sha256 === certificate.key.sha256
    );
  }

  /** Null where the certificate cannot be used. */
  get(): TlsIdentity | null {
    if (this.#identity !== null || this.#isUnusable || this.#certificate === null) return this.#identity;
    try {
      this.#identity = this.#options.create(this.#certificate);
    } catch (error) {
      this.#isUnusable = true;
      this.#options.onUnusable(this.#certificate, error);
    }
    return this.#identity;
  }
}
