// Makes what the TLS listeners serve out of certificates.
import { createSecureContext } from "node:tls";
import type { TlsIdentity } from "../engine/server/tls-identity.ts";
import type { Certificate } from "../ir/certificate.ts";
import { revealSecret } from "../ir/secret-bytes.ts";

/** Throws where OpenSSL takes chain or key not. */
export function createIdentity(certificate: Certificate): TlsIdentity {
  const { id, chainPem, key, dnsNames } = certificate;
  const names = new Set(dnsNames);
  return {
    id,
    context: createSecureContext({ cert: chainPem, key: revealSecret(key) }),
    covers: (host) => names.has(host) || names.has(`*${host.slice(Math.max(0, host.indexOf(".")))}`),
  };
}

/** No Secret has this id: ids of certificates hold a slash. */
const FALLBACK_ID = "self-signed";

/** The identity for server names without a certificate; it speaks for no name. */
export function createFallbackIdentity(fallback: { readonly chainPem: string; readonly keyPem: string }): TlsIdentity {
  return {
    id: FALLBACK_ID,
    context: createSecureContext({ cert: fallback.chainPem, key: fallback.keyPem }),
    covers: () => false,
  };
}
