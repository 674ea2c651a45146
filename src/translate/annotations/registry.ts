// Every `penstock.dev/` annotation: its name, where it may stand, what it may say. The one place to add another.
import { parseByteSize } from "../../lib/byte-size.ts";
import { isDnsName } from "../../lib/dns-name.ts";
import { parseDurationText } from "../../lib/duration-text.ts";
import type { AnnotationSettings } from "./settings.ts";

/** Null where the text is not allowed. */
type ReadText = (text: string) => Partial<AnnotationSettings> | null;

export interface AnnotationRule {
  /** What is allowed, to stand after "Write". */
  readonly allowed: string;
  readonly isIngressOnly: boolean;
  readonly read: ReadText;
}

export const ANNOTATION_PREFIX = "penstock.dev/";

export const CA_SECRET_ANNOTATION = "backend-tls-ca-secret";

const MAX_TIMEOUT_MS = 24 * 3_600_000;
const MAX_ATTEMPTS = 3;

const DURATION_ALLOWED = "a number with ms, s, m or h, from 1ms to 24h, for example 5s";

/** By name after the prefix. */
export const ANNOTATION_RULES: ReadonlyMap<string, AnnotationRule> = new Map([
  ["connect-timeout", timeoutRule((connectTimeoutMs) => ({ connectTimeoutMs }))],
  ["response-timeout", timeoutRule((responseTimeoutMs) => ({ responseTimeoutMs }))],
  ["idle-timeout", timeoutRule((idleTimeoutMs) => ({ idleTimeoutMs }))],
  ["max-body-size", anywhere("a size such as 512Ki, 10Mi, 1G or 8m (as in nginx), or 0 for no limit", readMaxBodySize)],
  ["retry-attempts", anywhere(`the attempts in all, 1 to ${MAX_ATTEMPTS}; 1 for no retry`, readAttempts)],
  ["backend-protocol", anywhere("http or https", readProtocol)],
  ["backend-tls-server-name", anywhere("a DNS name, for example api.internal.example", readServerName)],
  [CA_SECRET_ANNOTATION, anywhere("the name of a Secret in the same namespace, with the key ca.crt", readCaSecret)],
  ["ssl-redirect", { allowed: '"true" or "false", in quotes', isIngressOnly: true, read: readSslRedirect }],
]);

function anywhere(allowed: string, read: ReadText): AnnotationRule {
  return { allowed, isIngressOnly: false, read };
}

function timeoutRule(set: (timeoutMs: number) => Partial<AnnotationSettings>): AnnotationRule {
  return anywhere(DURATION_ALLOWED, (text) => {
    const timeoutMs = parseDurationText(text);
    return timeoutMs === null || timeoutMs < 1 || timeoutMs > MAX_TIMEOUT_MS ? null : set(timeoutMs);
  });
}

function readMaxBodySize(text: string): Partial<AnnotationSettings> | null {
  const maxBodyBytes = parseByteSize(text);
  return maxBodyBytes === null ? null : { maxBodyBytes };
}

function readAttempts(text: string): Partial<AnnotationSettings> | null {
  return /^[1-3]$/.test(text) ? { maxAttempts: Number(text) } : null;
}

function readProtocol(text: string): Partial<AnnotationSettings> | null {
  const backendProtocol = text.toLowerCase();
  return backendProtocol === "http" || backendProtocol === "https" ? { backendProtocol } : null;
}

function readServerName(text: string): Partial<AnnotationSettings> | null {
  const tlsServerName = text.toLowerCase();
  // A name of digits only at its end would be taken for an IP address, which SNI cannot carry (RFC 6066 §3).
  return isDnsName(tlsServerName) && !/(?:^|\.)\d+$/.test(tlsServerName) ? { tlsServerName } : null;
}

function readCaSecret(text: string): Partial<AnnotationSettings> | null {
  return isDnsName(text) ? { tlsCaSecret: text } : null;
}

function readSslRedirect(text: string): Partial<AnnotationSettings> | null {
  const lower = text.toLowerCase();
  return lower === "true" || lower === "false" ? { sslRedirect: lower === "true" } : null;
}
