// Makes the certificate that is served where there is no other one. Nobody trusts it; it only lets a handshake end, so that
// a browser can show a warning and a log line can tell the name that was asked for.
import { createCertificate } from "../lib/certificate-writer.ts";

export interface SelfSignedCertificate {
  readonly chainPem: string;
  readonly keyPem: string;
}

export interface SelfSignedOptions {
  readonly commonName: string;
  /** The one name that it is valid for. */
  readonly dnsName: string;
  readonly validFrom: Date;
  readonly validTo: Date;
}

/** A leaf certificate that signs itself, with a new P-256 key. */
export function createSelfSignedCertificate({ dnsName, ...rest }: SelfSignedOptions): SelfSignedCertificate {
  const { certificatePem, keyPem } = createCertificate({ ...rest, dnsNames: [dnsName], issuer: null });
  return { chainPem: certificatePem, keyPem };
}
