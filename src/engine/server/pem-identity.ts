// Makes a TLS identity from PEM: the one place that says how OpenSSL contexts of listeners are set up.
import { constants, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { CoveredHosts } from "./covered-hosts.ts";
import type { SessionTicketKeys } from "./session-ticket-keys.ts";
import type { TlsIdentity } from "./tls-identity.ts";

/** What a certificate authority hands out. */
export interface IdentityMaterial {
  /** Stable id, for example `namespace/secret`. */
  readonly id: string;
  /** PEM, leaf first. */
  readonly chainPem: string;
  /** PEM. */
  readonly keyPem: string | Buffer;
}

/** Mozilla's intermediate list without finite-field DH; TLS 1.3 has OpenSSL's own. All of these give forward secrecy. */
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** How long a session may be resumed; as nginx. */
const SESSION_TIMEOUT_S = 300;
/**
 * Sessions resume only where this is equal, so it is on every context of every worker. Once clients are asked for
 * certificates, OpenSSL resumes nothing without one.
 */
const SESSION_ID_CONTEXT = "penstock";

/**
 * An identity for a chain and its key. The context is made at once, and made anew with the first handshake after the
 * ticket keys changed; connections keep the one they were made with.
 * @throws Error where OpenSSL takes chain or key not, or they do not belong together.
 */
export function createPemIdentity(material: IdentityMaterial, ticketKeys: SessionTicketKeys): TlsIdentity {
  return new PemIdentity(material, ticketKeys);
}

class PemIdentity implements TlsIdentity {
  readonly id: string;
  readonly #material: IdentityMaterial;
  readonly #ticketKeys: SessionTicketKeys;
  #context: SecureContext;
  #keysVersion: number;
  #hosts: CoveredHosts | null = null;

  constructor(material: IdentityMaterial, ticketKeys: SessionTicketKeys) {
    this.id = material.id;
    this.#material = material;
    this.#ticketKeys = ticketKeys;
    this.#keysVersion = ticketKeys.version;
    this.#context = createServerContext(material, ticketKeys.current);
  }

  get context(): SecureContext {
    const { version, current } = this.#ticketKeys;
    if (version !== this.#keysVersion) {
      this.#context = createServerContext(this.#material, current);
      this.#keysVersion = version;
    }
    return this.#context;
  }

  covers(host: string): boolean {
    this.#hosts ??= new CoveredHosts(new X509Certificate(this.#material.chainPem));
    return this.#hosts.covers(host);
  }
}

function createServerContext(material: IdentityMaterial, ticketKeys: Buffer): SecureContext {
  return createSecureContext({
    cert: material.chainPem,
    key: material.keyPem,
    // No client is verified: the root certificates would only cost memory.
    ca: [],
    minVersion: "TLSv1.2",
    ciphers: CIPHERS,
    // All of them are good: the client knows which of them its processor has instructions for.
    honorCipherOrder: false,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
    sessionIdContext: SESSION_ID_CONTEXT,
    sessionTimeout: SESSION_TIMEOUT_S,
    ticketKeys,
  });
}
