// When the webhook's certificates are made and renewed. Pure but for the keys it draws: told the time, it says what should
// stand in the Secret now.
import { X509Certificate } from "node:crypto";
import type { NamespacedName } from "../../../ir/names.ts";
import { createCertificate } from "../../../lib/certificate-writer.ts";
import type { CertificatePair } from "../../../lib/certificate-writer.ts";
import { readCertificateNames } from "../../../lib/certificate-names.ts";
import { findIssuer } from "./serving-material.ts";
import type { ServingMaterial } from "./serving-material.ts";

/** What should stand in the Secret, and why it is not what stands there; null where it is. */
export interface Renewal {
  readonly material: ServingMaterial;
  readonly change: "created" | "authority-renewed" | "certificate-renewed" | null;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LEAF_LIFETIME_MS = 90 * DAY_MS;
const AUTHORITY_LIFETIME_MS = 3_650 * DAY_MS;

/** Clocks of a cluster differ; nothing that we make is from the future. */
const SKEW_MS = HOUR_MS / 4;

/** An authority signs nothing while it is this young, so that whoever verifies has heard of it by then. */
const SPREAD_MS = HOUR_MS;

/** The names by which the API server reaches a Service; the first one is what it verifies. */
function serviceDnsNames({ namespace, name }: NamespacedName): readonly string[] {
  return [`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
}

/**
 * One step at a time: a new authority is only trusted at first, and signs with the next leaf. The authority of a leaf stays
 * trusted until that leaf's successor has been replaced too, so that nobody is caught serving what is not trusted.
 * @param current what stands in the Secret; null where that is nothing or cannot be used.
 * @param nowMs milliseconds since 1970.
 */
export function renewMaterial(current: ServingMaterial | null, service: NamespacedName, nowMs: number): Renewal {
  if (current === null || !isValid(current.authority.certificatePem, nowMs)) return create(service, nowMs);
  const isLeafUsable =
    isValid(current.leaf.certificatePem, nowMs) && coversNames(current.leaf, serviceDnsNames(service));
  if (!isLeafUsable) return renewLeaf(current, service, nowMs);

  if (isDue(current.authority.certificatePem, nowMs)) {
    const authority = createAuthority(service, nowMs);
    const trusted = [
      authority.certificatePem,
      ...keepOnly(current.trusted, [findIssuer(current.leaf, current.trusted)]),
    ];
    return { material: { leaf: current.leaf, authority, trusted }, change: "authority-renewed" };
  }
  const hasSpread = nowMs - readDates(current.authority.certificatePem).fromMs - SKEW_MS >= SPREAD_MS;
  if (isDue(current.leaf.certificatePem, nowMs) && hasSpread) return renewLeaf(current, service, nowMs);
  return { material: current, change: null };
}

function create(service: NamespacedName, nowMs: number): Renewal {
  const authority = createAuthority(service, nowMs);
  const leaf = createLeaf(authority, service, nowMs);
  return { material: { leaf, authority, trusted: [authority.certificatePem] }, change: "created" };
}

function renewLeaf(current: ServingMaterial, service: NamespacedName, nowMs: number): Renewal {
  const { authority } = current;
  const trusted = keepOnly(current.trusted, [authority.certificatePem, findIssuer(current.leaf, current.trusted)]);
  const material = { leaf: createLeaf(authority, service, nowMs), authority, trusted };
  return { material, change: "certificate-renewed" };
}

function keepOnly(trusted: readonly string[], kept: readonly (string | null)[]): readonly string[] {
  return trusted.filter((pem) => kept.includes(pem));
}

function createAuthority(service: NamespacedName, nowMs: number): CertificatePair {
  // Named after its time, as two authorities of one name are hard to tell apart for whoever verifies.
  const commonName = `penstock-webhook-authority-${Math.floor(nowMs / 1_000)}.${service.namespace}`.slice(0, 64);
  return createCertificate({ ...validity(nowMs, AUTHORITY_LIFETIME_MS), commonName, dnsNames: null, issuer: null });
}

function createLeaf(issuer: CertificatePair, service: NamespacedName, nowMs: number): CertificatePair {
  const dnsNames = serviceDnsNames(service);
  // A common name has at most 64 characters (X.520), and nobody looks at it where there are other names.
  return createCertificate({ ...validity(nowMs, LEAF_LIFETIME_MS), commonName: "penstock-webhook", dnsNames, issuer });
}

function validity(nowMs: number, lifetimeMs: number): { validFrom: Date; validTo: Date } {
  return { validFrom: new Date(nowMs - SKEW_MS), validTo: new Date(nowMs + lifetimeMs) };
}

function readDates(pem: string): { readonly fromMs: number; readonly toMs: number } {
  const { validFromDate, validToDate } = new X509Certificate(pem);
  return { fromMs: validFromDate.getTime(), toMs: validToDate.getTime() };
}

function isValid(pem: string, nowMs: number): boolean {
  const { fromMs, toMs } = readDates(pem);
  return fromMs - SKEW_MS <= nowMs && nowMs < toMs;
}

/** After two thirds of its life, which leaves a month for repairs. */
function isDue(pem: string, nowMs: number): boolean {
  const { fromMs, toMs } = readDates(pem);
  return nowMs >= fromMs + ((toMs - fromMs) * 2) / 3;
}

function coversNames(leaf: CertificatePair, wanted: readonly string[]): boolean {
  const { dnsNames } = readCertificateNames(new X509Certificate(leaf.certificatePem));
  return wanted.every((name) => dnsNames.includes(name));
}
