// Fields that several of our kinds have. Each carries what `kubectl explain` says of it, and what to write instead of a
// wrong value.
import { z } from "zod";
import { BYTE_SIZE_PATTERN } from "../../lib/byte-size.ts";
import { DURATION_PATTERN, MAX_DURATION_LENGTH } from "../../lib/duration-text.ts";
import { ATTEMPTS_VALUE, BODY_SIZE_VALUE, MAX_ATTEMPTS, TIMEOUT_VALUE } from "../../lib/traffic-values.ts";
import type { TrafficSpec } from "../object-types.ts";

// zod would otherwise compile its checks with `new Function`, which the product runs without.
z.config({ jitless: true });

/** A schema with exactly the fields of a type; the compiler holds each to the other. */
export type SchemaOf<T> = z.ZodObject<{ readonly [Key in keyof T]-?: z.ZodType<Required<T>[Key]> }>;

/** The schema of a field that may be left out. */
type Optional<T> = z.ZodExactOptional<z.ZodType<T>>;

/** A rule of the Common Expression Language that the API server evaluates (KEP-2876), and what it says where it is broken. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
}

/** Bounds that no pattern can express. The API server's `duration()` reads all that GEP-2257 allows. */
export const TIMEOUT_RULE: CelRule = {
  rule: "duration(self) >= duration('1ms') && duration(self) <= duration('24h')",
  message: "must be from 1ms to 24h",
};

/** `integer-or-string` of the API server holds 32 bits wherever Kubernetes itself uses it. */
const MAX_PLAIN_SIZE = 2 ** 31 - 1;

const MAX_NAME_LENGTH = 253;

/** A DNS name in lower case, as objects are named. */
const NAME_PATTERN: RegExp = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The name of another object. */
export function nameField(description: string): z.ZodType<string> {
  return z.string().max(MAX_NAME_LENGTH).regex(NAME_PATTERN).meta({ description });
}

function timeoutField(description: string): Optional<string> {
  const pattern = z.string().max(MAX_DURATION_LENGTH).regex(DURATION_PATTERN);
  // Only what looks like a duration is asked how long it is, as the API server does it.
  const bounded = pattern.refine((text) => !isDurationText(text) || TIMEOUT_VALUE.read(text) !== null, {
    error: TIMEOUT_RULE.message,
  });
  const meta = { description, hint: `Write ${TIMEOUT_VALUE.allowed}.`, "x-kubernetes-validations": [TIMEOUT_RULE] };
  return bounded.meta(meta).exactOptional();
}

function isDurationText(text: string): boolean {
  return text.length <= MAX_DURATION_LENGTH && DURATION_PATTERN.test(text);
}

const timeouts = z
  .strictObject({
    connect: timeoutField("To open a connection to an endpoint, TLS included. Default: 5s."),
    response: timeoutField("From the last byte of the request to the end of the response's head. Default: 60s."),
    idle: timeoutField(
      "Between two reads or writes of a body, either way, and of a tunnel (WebSocket). Default: 60s, and 1h for tunnels.",
    ),
  })
  .meta({ description: "How long to wait. A time is a number with ms, s, m or h, from 1ms to 24h." });

const maxBodySize = z.union([z.int().min(0).max(MAX_PLAIN_SIZE), z.string().regex(BYTE_SIZE_PATTERN)]).meta({
  description:
    "The largest request body; a larger one is refused with 413. Bytes, or a size such as 512Ki, 10Mi or 1G; 0 for no limit. Default: 0.",
  hint: `Write ${BODY_SIZE_VALUE.allowed}.`,
  "x-kubernetes-int-or-string": true,
});

const retry = z
  .strictObject({
    attempts: z
      .int()
      .min(1)
      .max(MAX_ATTEMPTS)
      .meta({
        description: "Attempts in all; 1 for no retry. Default: 3.",
        hint: `Write ${ATTEMPTS_VALUE.allowed}.`,
      })
      .exactOptional(),
  })
  .meta({ description: "How often a request is tried where trying again is safe." });

/** What every one of our kinds can say. */
export const TRAFFIC_FIELDS: {
  readonly timeouts: Optional<NonNullable<TrafficSpec["timeouts"]>>;
  readonly maxBodySize: Optional<NonNullable<TrafficSpec["maxBodySize"]>>;
  readonly retry: Optional<NonNullable<TrafficSpec["retry"]>>;
} = {
  timeouts: timeouts.exactOptional(),
  maxBodySize: maxBodySize.exactOptional(),
  retry: retry.exactOptional(),
};

/** Of routes: on RoutePolicy and ProxyConfig. */
export const SSL_REDIRECT: Optional<boolean> = z
  .boolean()
  .meta({ description: "Answer plain HTTP requests with 308 to the same URL with https. Default: false." })
  .exactOptional();

/** What a policy holds for; `target` is the schema of one. */
export function targetRefsField<T>(target: z.ZodType<T>, description: string): z.ZodType<T[]> {
  return z.array(target).min(1).max(16).meta({ description, "x-kubernetes-list-type": "atomic" });
}
