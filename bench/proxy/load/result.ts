// What a load generator saw. Both tools report into this shape.

export interface LoadResult {
  readonly requests: number;
  /** Seconds in which these were completed. */
  readonly seconds: number;
  /** Time to the end of a response, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Every reason why this sample must not count; empty when all went well. */
  readonly errors: readonly string[];
}

/** Where and for how long to send. */
export interface LoadTarget {
  readonly port: number;
  readonly hosts: readonly string[];
  readonly seconds: number;
  /** As `taskset -c` reads it. */
  readonly cores: string;
  /** For the tools' own files; on tmpfs. */
  readonly directory: string;
}

/**
 * Makes both tools offer one TLS 1.3 cipher suite and one group, so that every proxy does the same cryptography
 * whatever it prefers.
 */
export const OPENSSL_CONFIGURATION = `openssl_conf = openssl_init
[openssl_init]
ssl_conf = ssl
[ssl]
system_default = client
[client]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
Groups = X25519
`;
