// Every `penstock.dev/` annotation: its name, where it may stand, what it may say. The one place to add another.
import {
  ATTEMPTS_VALUE,
  BODY_SIZE_VALUE,
  CA_SECRET_VALUE,
  SERVER_NAME_VALUE,
  TIMEOUT_VALUE,
} from "../../lib/traffic-values.ts";
import type { ValueRule } from "../../lib/traffic-values.ts";
import type { TrafficSettings } from "../traffic-settings.ts";

/** Null where the text is not allowed. */
type ReadText = (text: string) => Partial<TrafficSettings> | null;

export interface AnnotationRule {
  /** What is allowed, to stand after "Write". */
  readonly allowed: string;
  readonly isIngressOnly: boolean;
  readonly read: ReadText;
}

export const ANNOTATION_PREFIX = "penstock.dev/";

export const CA_SECRET_ANNOTATION = "backend-tls-ca-secret";

const PROTOCOL_VALUE: ValueRule<"http" | "https"> = { allowed: "http or https", read: readProtocol };
const BOOLEAN_VALUE: ValueRule<boolean> = { allowed: '"true" or "false", in quotes', read: readBoolean };

/** By name after the prefix. */
export const ANNOTATION_RULES: ReadonlyMap<string, AnnotationRule> = new Map([
  ["connect-timeout", anywhere(TIMEOUT_VALUE, (connectTimeoutMs) => ({ connectTimeoutMs }))],
  ["response-timeout", anywhere(TIMEOUT_VALUE, (responseTimeoutMs) => ({ responseTimeoutMs }))],
  ["idle-timeout", anywhere(TIMEOUT_VALUE, (idleTimeoutMs) => ({ idleTimeoutMs }))],
  ["max-body-size", anywhere(BODY_SIZE_VALUE, (maxBodyBytes) => ({ maxBodyBytes }))],
  ["retry-attempts", anywhere(ATTEMPTS_VALUE, (maxAttempts) => ({ maxAttempts }))],
  ["backend-protocol", anywhere(PROTOCOL_VALUE, (backendProtocol) => ({ backendProtocol }))],
  ["backend-tls-server-name", anywhere(SERVER_NAME_VALUE, (tlsServerName) => ({ tlsServerName }))],
  [CA_SECRET_ANNOTATION, anywhere(CA_SECRET_VALUE, (tlsCaSecret) => ({ tlsCaSecret }))],
  ["ssl-redirect", { ...anywhere(BOOLEAN_VALUE, (sslRedirect) => ({ sslRedirect })), isIngressOnly: true }],
]);

function anywhere<Value>(value: ValueRule<Value>, set: (value: Value) => Partial<TrafficSettings>): AnnotationRule {
  const read: ReadText = (text) => {
    const known = value.read(text);
    return known === null ? null : set(known);
  };
  return { allowed: value.allowed, isIngressOnly: false, read };
}

function readProtocol(text: string): "http" | "https" | null {
  const protocol = text.toLowerCase();
  return protocol === "http" || protocol === "https" ? protocol : null;
}

function readBoolean(text: string): boolean | null {
  const lower = text.toLowerCase();
  return lower === "true" || lower === "false" ? lower === "true" : null;
}
