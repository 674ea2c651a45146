// The fields of our own kinds that ask for something: where each stands, what it may say, what it sets. What has no allowed
// value sets nothing and leaves all others alone. Another field also needs its schema in source/custom-resources.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { ObjectReference } from "../../ir/names.ts";
import {
  ATTEMPTS_VALUE,
  BODY_SIZE_VALUE,
  CA_SECRET_VALUE,
  SERVER_NAME_VALUE,
  TIMEOUT_VALUE,
} from "../../lib/traffic-values.ts";
import type { ValueRule } from "../../lib/traffic-values.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import { diagnose, problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import { asRecord, isPresent } from "../untyped.ts";
import type { UnknownRecord } from "../untyped.ts";
import { NO_SETTINGS } from "../traffic-settings.ts";
import type { TrafficSettings } from "../traffic-settings.ts";

/** A field below `spec`. */
export interface SettingField {
  /** Its names from `spec` on. */
  readonly path: readonly string[];
  /** What is allowed, to stand after "Write". */
  readonly allowed: string;
  /** Null where the value is not allowed. */
  readonly read: (value: unknown) => Partial<TrafficSettings> | null;
}

const TRAFFIC_FIELDS: readonly SettingField[] = [
  textField("timeouts.connect", TIMEOUT_VALUE, (connectTimeoutMs) => ({ connectTimeoutMs })),
  textField("timeouts.response", TIMEOUT_VALUE, (responseTimeoutMs) => ({ responseTimeoutMs })),
  textField("timeouts.idle", TIMEOUT_VALUE, (idleTimeoutMs) => ({ idleTimeoutMs })),
  {
    path: ["maxBodySize"],
    allowed: BODY_SIZE_VALUE.allowed,
    read(value) {
      const text = typeof value === "number" ? String(value) : value;
      const maxBodyBytes = typeof text === "string" ? BODY_SIZE_VALUE.read(text) : null;
      return maxBodyBytes === null ? null : { maxBodyBytes };
    },
  },
  {
    path: ["retry", "attempts"],
    allowed: ATTEMPTS_VALUE.allowed,
    read(value) {
      const maxAttempts = typeof value === "number" ? ATTEMPTS_VALUE.read(String(value)) : null;
      return maxAttempts === null ? null : { maxAttempts };
    },
  },
];

/** Of an UpstreamPolicy. */
export const UPSTREAM_FIELDS: readonly SettingField[] = [
  ...TRAFFIC_FIELDS,
  {
    path: ["protocol"],
    allowed: "http or https",
    read: (value) => (value === "http" || value === "https" ? { backendProtocol: value } : null),
  },
  textField("tls.serverName", SERVER_NAME_VALUE, (tlsServerName) => ({ tlsServerName })),
  textField("tls.caSecretName", CA_SECRET_VALUE, (tlsCaSecret) => ({ tlsCaSecret })),
];

/** Of a RoutePolicy and of a ProxyConfig. */
export const ROUTE_FIELDS: readonly SettingField[] = [
  ...TRAFFIC_FIELDS,
  {
    path: ["sslRedirect"],
    allowed: "true or false, without quotes",
    read: (sslRedirect) => (typeof sslRedirect === "boolean" ? { sslRedirect } : null),
  },
];

/** `NO_SETTINGS` itself where no field says anything. */
export function readSettings(
  spec: UnknownRecord,
  fields: readonly SettingField[],
  object: ObjectReference,
  diagnostics: Diagnostic[],
): TrafficSettings {
  let settings = NO_SETTINGS;
  for (const field of fields) {
    const value = valueAt(spec, field.path);
    if (!isPresent(value)) continue;
    const reading = field.read(value);
    if (reading === null) {
      diagnostics.push(diagnose({ object, field: `spec.${field.path.join(".")}` }, invalidValue(value, field)));
    } else {
      settings = { ...settings, ...reading };
    }
  }
  if (settings.tlsServerName === null && settings.tlsCaSecret === null) return settings;
  return { ...settings, tlsPlace: { object, field: "spec.tls" } };
}

function textField<Value>(
  path: string,
  rule: ValueRule<Value>,
  set: (value: Value) => Partial<TrafficSettings>,
): SettingField {
  return {
    path: path.split("."),
    allowed: rule.allowed,
    read(value) {
      const known = typeof value === "string" ? rule.read(value) : null;
      return known === null ? null : set(known);
    },
  };
}

function valueAt(spec: UnknownRecord, path: readonly string[]): unknown {
  return path.reduce<unknown>((part, name) => asRecord(part)[name], spec);
}

function invalidValue(value: unknown, field: SettingField): Problem {
  const isScalar = typeof value === "number" || typeof value === "boolean";
  const other = isScalar ? String(value) : "This value";
  const shown = typeof value === "string" ? quoteText(value) : other;
  const message = `${shown} is not allowed here; the field counts as not set.`;
  return problem("warning", "PolicyFieldInvalid", message, `Write ${field.allowed}.`);
}
