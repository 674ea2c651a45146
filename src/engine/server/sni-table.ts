// Which identity a server name gets, for those who list their identities: exact names before wildcards of one label
// before the default. The table is swapped as a whole; connections keep what they were made with.
import type { TlsIdentity, TlsIdentityResolver } from "./tls-identity.ts";

export interface SniEntries {
  /** By lower-case host: `shop.example`, or `*.shop.example` for exactly one label more. */
  readonly hosts: ReadonlyMap<string, TlsIdentity>;
  /** For every other name, and for clients that send none. */
  readonly fallback: TlsIdentity;
}

export class SniTable {
  #entries: SniEntries;
  /** To be given to listeners. */
  readonly resolve: TlsIdentityResolver = (serverName) => this.#resolve(serverName);

  constructor(entries: SniEntries) {
    this.#entries = entries;
  }

  /** Holds from the next handshake on. */
  swap(entries: SniEntries): void {
    this.#entries = entries;
  }

  #resolve(serverName: string): TlsIdentity {
    const { hosts, fallback } = this.#entries;
    const exact = hosts.get(serverName);
    if (exact !== undefined) return exact;
    const dot = serverName.indexOf(".");
    if (dot <= 0) return fallback;
    return hosts.get(`*${serverName.slice(dot)}`) ?? fallback;
  }
}
