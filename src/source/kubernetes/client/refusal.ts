// What the API server means when it does not do as asked. Pure.
import { printable } from "../../../lib/untrusted-text.ts";
import { isMapping } from "../../validation/decode.ts";

export type RefusalKind =
  /** The credentials are not accepted (401). */
  | "unauthorized"
  /** RBAC says no (403). */
  | "forbidden"
  /** There is no such resource, or no such object (404). */
  | "not-found"
  /** The version or the continue token is too old: what was missed is only in a new list (410). */
  | "expired"
  /** Too many requests, or a server that is overloaded or starting: the same again, later. */
  | "busy"
  | "other";

export interface Refusal {
  readonly kind: RefusalKind;
  readonly status: number;
  /** The server's own words, on one line. */
  readonly message: string;
  readonly retryAfterMs: number | null;
}

const MAX_MESSAGE = 400;

const BY_STATUS: ReadonlyMap<number, RefusalKind> = new Map([
  [401, "unauthorized"],
  [403, "forbidden"],
  [404, "not-found"],
  [410, "expired"],
  [429, "busy"],
  [500, "busy"],
  [502, "busy"],
  [503, "busy"],
  [504, "busy"],
]);

/** @param body a `Status` of the API, or whatever else came. */
export function refusalOf(status: number, body: unknown, retryAfterMs: number | null): Refusal {
  const reason = isMapping(body) ? body["reason"] : undefined;
  const message = isMapping(body) ? body["message"] : undefined;
  const isExpired = reason === "Expired" || reason === "Gone";
  return {
    kind: isExpired ? "expired" : (BY_STATUS.get(status) ?? "other"),
    status,
    message: printable(typeof message === "string" && message !== "" ? message : `status ${status}`, MAX_MESSAGE),
    retryAfterMs,
  };
}
