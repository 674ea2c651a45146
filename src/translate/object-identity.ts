// Which object it is and how old it is. Read once an object, then remembered for as long as the object lives.
import type { NamespacedName, ObjectReference } from "../ir/names.ts";
import { formatName } from "../ir/names.ts";
import { compareStrings } from "../lib/compare-strings.ts";
import { isDnsName } from "../lib/dns-name.ts";
import type { WatchedKind } from "../source/object-types.ts";
import { asNonEmptyText, asRecord, asText } from "./untyped.ts";

export interface ObjectIdentity {
  readonly reference: ObjectReference;
  /** `namespace/name`. */
  readonly key: string;
  /** Milliseconds since 1970; Infinity where the object has no valid creationTimestamp. */
  readonly createdAtMs: number;
}

/** An object with a name; the same value for as long as the object is the same. */
export interface Identified<T extends object> extends ObjectIdentity {
  readonly object: T;
}

const CLUSTER_SCOPED: ReadonlySet<WatchedKind> = new Set(["IngressClass", "Namespace", "ProxyConfig"]);

/** RFC 3339, written out so that `Date.parse` has nothing left to guess from the local time zone. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

const identities = new WeakMap<object, Identified<object> | null>();

/** Null where the object has no name that Kubernetes would accept. A missing namespace is `default`, as for kubectl. */
export function identifyObject<T extends object>(object: T, kind: WatchedKind): Identified<T> | null {
  if (typeof object !== "object" || object === null) return null;
  const known = identities.get(object);
  if (known !== undefined && (known === null || known.reference.kind === kind)) return known as Identified<T> | null;
  const read = readIdentity(asRecord(asRecord(object)["metadata"]), kind);
  const identified = read === null ? null : { ...read, object };
  identities.set(object, identified);
  return identified;
}

/** Older first, then by namespace and name: who comes first wins a conflict. Objects without a timestamp come last. */
export function comparePrecedence(left: ObjectIdentity, right: ObjectIdentity): number {
  if (left.createdAtMs !== right.createdAtMs) return left.createdAtMs < right.createdAtMs ? -1 : 1;
  return compareNames(left.reference, right.reference);
}

export function compareNames(left: NamespacedName, right: NamespacedName): number {
  return compareStrings(left.namespace, right.namespace) || compareStrings(left.name, right.name);
}

function readIdentity(metadata: Readonly<Record<string, unknown>>, kind: WatchedKind): ObjectIdentity | null {
  const name = asNonEmptyText(metadata["name"]);
  const namespace = CLUSTER_SCOPED.has(kind) ? "" : (asNonEmptyText(metadata["namespace"]) ?? "default");
  if (name === null || !isDnsName(name) || (namespace !== "" && !isDnsName(namespace))) return null;
  const reference = { kind, namespace, name };
  return { reference, key: formatName(reference), createdAtMs: readTimestamp(metadata["creationTimestamp"]) };
}

function readTimestamp(value: unknown): number {
  const text = asText(value);
  if (text === null || !TIMESTAMP.test(text)) return Number.POSITIVE_INFINITY;
  const timeMs = Date.parse(text);
  return Number.isNaN(timeMs) ? Number.POSITIVE_INFINITY : timeMs;
}
