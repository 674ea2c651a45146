// What a Lease says about who leads, read from and written into an untrusted object of the API. Pure.
import { isMapping } from "../../validation/decode.ts";

/** The part of a Lease's spec that an election compares and writes (coordination.k8s.io/v1 LeaseSpec). */
export interface LeaseRecord {
  /** `""` where nobody holds it. */
  readonly holder: string;
  readonly durationSeconds: number;
  readonly transitions: number;
  /** RFC 3339; only compared for being another, never read as times: clocks of two machines differ. */
  readonly acquireTime: string;
  readonly renewTime: string;
}

/** A Lease as the server has it: `object` is what a PUT has to give back. */
export interface StoredLease {
  readonly record: LeaseRecord;
  readonly object: Readonly<Record<string, unknown>>;
}

/** Null where the answer is no Lease at all; fields of a wrong type count as missing. */
export function readLease(body: unknown): StoredLease | null {
  if (!isMapping(body) || !isMapping(body["metadata"])) return null;
  const spec = isMapping(body["spec"]) ? body["spec"] : {};
  return {
    object: body,
    record: {
      holder: textOf(spec["holderIdentity"]),
      durationSeconds: countOf(spec["leaseDurationSeconds"]),
      transitions: countOf(spec["leaseTransitions"]),
      acquireTime: textOf(spec["acquireTime"]),
      renewTime: textOf(spec["renewTime"]),
    },
  };
}

/** The Lease with the record in it, and everything else that others may have written there as it was. */
export function withRecord({ object }: StoredLease, record: LeaseRecord): Readonly<Record<string, unknown>> {
  const spec = isMapping(object["spec"]) ? object["spec"] : {};
  return { ...object, spec: { ...spec, ...specOf(record) } };
}

export function specOf(record: LeaseRecord): Readonly<Record<string, unknown>> {
  return {
    holderIdentity: record.holder,
    leaseDurationSeconds: record.durationSeconds,
    leaseTransitions: record.transitions,
    acquireTime: record.acquireTime,
    renewTime: record.renewTime,
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function countOf(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 0;
}
