// Which certificate a server name gets. Certificates become OpenSSL contexts with their first handshake, and stay until
// they change; connections that were made with an older one are not touched.
import type { TlsIdentity } from "../engine/server/tls-identity.ts";
import type { Certificate } from "../ir/certificate.ts";
import type { TlsHost } from "../ir/route-table.ts";
import { HostTable } from "./host-table.ts";

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

export class IdentityTable {
  readonly #hosts: HostTable<LazyIdentity>;
  readonly #byCertificate: ReadonlyMap<string, LazyIdentity>;
  readonly #default: LazyIdentity;
  readonly #fallback: TlsIdentity;

  /**
   * @param previous its identities are kept where the certificate is unchanged.
   * @throws Error where a host names a certificate that the source lacks.
   */
  constructor(source: IdentitySource, options: IdentityOptions, previous: IdentityTable | null) {
    this.#fallback = options.fallback;
    this.#byCertificate = new Map(
      source.certificates.map((certificate) => {
        const kept = previous === null ? undefined : previous.#byCertificate.get(certificate.id);
        const isUnchanged = kept !== undefined && kept.isFor(certificate);
        return [certificate.id, isUnchanged ? kept : new LazyIdentity(certificate, options)];
      }),
    );
    const noCertificate = new LazyIdentity(null, options);
    this.#default = source.defaultCertificate === null ? noCertificate : this.#identityOf(source.defaultCertificate);
    this.#hosts = new HostTable(
      source.tlsHosts.map((tlsHost) => [
        tlsHost.host,
        tlsHost.certificate === null ? this.#default : this.#identityOf(tlsHost.certificate),
      ]),
    );
  }

  /** The identity for a lower-case server name, `""` where none was sent. Never throws. */
  resolve(serverName: string): TlsIdentity {
    return this.#hosts.lookup(serverName)?.get() ?? this.defaultIdentity;
  }

  /** What server names without a certificate get. */
  get defaultIdentity(): TlsIdentity {
    return this.#default.get() ?? this.#fallback;
  }

  #identityOf(certificate: string): LazyIdentity {
    const identity = this.#byCertificate.get(certificate);
    if (identity === undefined) throw new Error(`certificate "${certificate}" is not in the snapshot`);
    return identity;
  }
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
