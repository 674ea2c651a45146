// Reads values that may be anything. A source hands over objects that passed their schema, but translation stays total
// without that promise: what has the wrong type counts as missing. These readers never throw.

export type UnknownRecord = Readonly<Record<string, unknown>>;

const EMPTY_RECORD: UnknownRecord = Object.freeze({});
const EMPTY_LIST: readonly unknown[] = Object.freeze([]);

export function asRecord(value: unknown): UnknownRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as UnknownRecord) : EMPTY_RECORD;
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : EMPTY_LIST;
}

/** The string, or null for everything else. */
export function asText(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** The string, or null for everything else and for `""`, which the API treats as unset. */
export function asNonEmptyText(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** A TCP port, 1 to 65535, or null. */
export function asPort(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535 ? value : null;
}

/** True for anything that was written at all: neither missing nor null. */
export function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}
