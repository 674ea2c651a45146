// The OpenSSL contexts that upstreams are verified with: the one place that says how connections to them are set up.
import { createSecureContext, type SecureContext } from "node:tls";

/**
 * Without brainpool curves: Node 26.10 crashes when an upstream shows a trusted certificate on one of them, and which
 * authority is trusted is a tenant's choice.
 */
const SIGNATURE_ALGORITHMS = [
  "ecdsa_secp256r1_sha256",
  "ecdsa_secp384r1_sha384",
  "ecdsa_secp521r1_sha512",
  "ed25519",
  "rsa_pss_rsae_sha256",
  "rsa_pss_rsae_sha384",
  "rsa_pss_rsae_sha512",
  "rsa_pkcs1_sha256",
  "rsa_pkcs1_sha384",
  "rsa_pkcs1_sha512",
].join(":");

let systemContext: SecureContext | null = null;

/**
 * @param caPem authorities to trust; null for the system's. Text without a usable certificate trusts nobody, so that
 * connections fail instead of going unverified.
 */
export function createTrustContext(caPem: string | null): SecureContext {
  return createSecureContext({
    minVersion: "TLSv1.2",
    sigalgs: SIGNATURE_ALGORITHMS,
    ...(caPem === null ? {} : { ca: caPem }),
  });
}

/** The context for the system's authorities, made once. */
export function systemTrustContext(): SecureContext {
  systemContext ??= createTrustContext(null);
  return systemContext;
}
