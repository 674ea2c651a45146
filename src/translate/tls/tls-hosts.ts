// Which certificate each server name gets, over all Ingress objects, and the certificates that are used at all.
import type { Certificate } from "../../ir/certificate.ts";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { NamespacedName, ObjectReference } from "../../ir/names.ts";
import { formatName } from "../../ir/names.ts";
import type { TlsHost } from "../../ir/route-table.ts";
import { compareStrings } from "../../lib/compare-strings.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import type { Secret } from "../../source/object-types.ts";
import { diagnose, problem, withOther } from "../diagnose.ts";
import type { Place, Problem } from "../diagnose.ts";
import type { Identified } from "../object-identity.ts";
import type { ObjectIndex } from "../object-index.ts";
import type { IngressView } from "../routes/ingress-view.ts";
import { certificateCovers } from "./certificate-hosts.ts";
import { readTlsSecret } from "./tls-secret.ts";
import type { TlsSection } from "./tls-section.ts";

export interface TlsTable {
  readonly tlsHosts: readonly TlsHost[];
  readonly certificates: readonly Certificate[];
  readonly defaultCertificate: string | null;
}

interface Claim {
  readonly certificate: string | null;
  readonly owner: ObjectReference;
  readonly field: string;
}

/** `views` come in order of precedence: of two Ingress objects with a certificate for one host, the first one wins. */
export function buildTlsTable(
  views: readonly IngressView[],
  secrets: ObjectIndex<Secret>,
  defaultCertificate: NamespacedName | null,
  diagnostics: Diagnostic[],
): TlsTable {
  const builder = new TlsTableBuilder(secrets, diagnostics);
  for (const view of views) {
    for (const section of view.tls) builder.addSection(section, view.identity.reference);
  }
  return builder.finish(defaultCertificate);
}

class TlsTableBuilder {
  readonly #secrets: ObjectIndex<Secret>;
  readonly #diagnostics: Diagnostic[];
  readonly #claims = new Map<string, Claim>();

  constructor(secrets: ObjectIndex<Secret>, diagnostics: Diagnostic[]) {
    this.#secrets = secrets;
    this.#diagnostics = diagnostics;
  }

  addSection(section: TlsSection, owner: ObjectReference): void {
    const { secretName, field } = section;
    const name = secretName === null ? null : { namespace: owner.namespace, name: secretName };
    const place: Place = { object: owner, field: `${field}.secretName` };
    const certificate = name === null ? null : this.#readCertificate(name, place, "the default certificate");
    const claim: Claim = { certificate: certificate?.id ?? null, owner, field };
    for (const host of section.hosts) {
      if (certificate !== null) this.#checkCoverage(certificate, host, claim);
      this.#claim(host, claim);
    }
  }

  finish(defaultName: NamespacedName | null): TlsTable {
    const used = new Set<string>();
    const tlsHosts: TlsHost[] = [];
    for (const host of Array.from(this.#claims.keys()).toSorted(compareStrings)) {
      const certificate = this.#claims.get(host)?.certificate ?? null;
      if (certificate !== null) used.add(certificate);
      tlsHosts.push({ host, certificate });
    }
    const fallback = defaultName === null ? null : this.#readDefault(defaultName);
    if (fallback !== null) used.add(fallback.id);
    const certificates = Array.from(used)
      .toSorted(compareStrings)
      .map((id) => this.#certificateOf(id));
    return { tlsHosts, certificates, defaultCertificate: fallback?.id ?? null };
  }

  /** A claim without a working certificate gives way to any with one: a broken Secret must not harm another Ingress. */
  #claim(host: string, claim: Claim): void {
    const winner = this.#claims.get(host);
    if (winner === undefined || (winner.certificate === null && claim.certificate !== null)) {
      this.#claims.set(host, claim);
    } else if (claim.certificate !== null && claim.certificate !== winner.certificate) {
      const fault = tlsHostConflict(host, claim, winner);
      this.#diagnostics.push(diagnose({ object: claim.owner, field: claim.field }, fault));
    }
  }

  #readDefault({ namespace, name }: NamespacedName): Certificate | null {
    const place: Place = { object: { kind: "Secret", namespace, name }, field: "" };
    return this.#readCertificate({ namespace, name }, place, "a self-signed certificate");
  }

  #readCertificate(name: NamespacedName, place: Place, instead: string): Certificate | null {
    const key = formatName(name);
    const secret = this.#secrets.get(key);
    const reading = secret === undefined ? null : readTlsSecret(secret.object, key);
    if (reading !== null && reading.certificate !== null) return reading.certificate;
    const fault = reading === null ? secretNotFound(key, instead) : secretInvalid(key, reading.fault, instead);
    this.#diagnostics.push(diagnose(place, fault));
    return null;
  }

  #checkCoverage(certificate: Certificate, host: string, claim: Claim): void {
    if (certificateCovers(certificate, host)) return;
    const names = certificate.dnsNames.slice(0, 5).map(quoteText).join(", ");
    const message = `The certificate in Secret ${certificate.id} is not for ${quoteText(host)}; it is for ${names === "" ? "no DNS name" : names}.`;
    const fault = problem("warning", "CertificateHostMismatch", message, "Clients will refuse it: use another Secret.");
    this.#diagnostics.push(diagnose({ object: claim.owner, field: claim.field }, fault));
  }

  /** Only for ids of certificates that were read before. */
  #certificateOf(id: string): Certificate {
    const reading = readTlsSecret((this.#secrets.get(id) as Identified<Secret>).object, id);
    return reading.certificate as Certificate;
  }
}

function tlsHostConflict(host: string, claim: Claim, winner: Claim): Problem {
  const hint = "Name the host in one of the two only.";
  const fault = { severity: "warning", reason: "TlsHostConflict", hint } as const;
  // The Secret is of the namespace of the Ingress that names it, and is as little known elsewhere.
  const described = `Ingress ${formatName(winner.owner)} (Secret ${winner.certificate})`;
  return withOther(fault, winner.owner, described, (other) => {
    return `The certificate of ${quoteText(host)} comes from ${other}, which takes precedence; Secret ${claim.certificate} is not used for it.`;
  });
}

function secretNotFound(key: string, instead: string): Problem {
  const message = `Secret ${quoteText(key)} does not exist; ${instead} is served.`;
  return problem("error", "SecretNotFound", message, "Create it with the keys tls.crt and tls.key.");
}

function secretInvalid(key: string, fault: string, instead: string): Problem {
  const hint = 'Make it with "kubectl create secret tls", from a PEM chain and its key.';
  return problem("error", "SecretInvalid", `Secret ${quoteText(key)} ${fault}; ${instead} is served.`, hint);
}
