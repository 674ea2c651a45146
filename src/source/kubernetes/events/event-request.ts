// Announces one Event: creates it, or where it is there already says in its series that it was seen again. What became of it
// is a value; decides nothing about trying again.
import type { ApiAnswer, ApiClient } from "../client/api-client.ts";
import { NotLeading } from "../leader-election/leader-term.ts";
import { isMapping } from "../../validation/decode.ts";
import { refusalOf } from "../client/refusal.ts";

/** An Event of events.k8s.io/v1 with all that it has to say. */
export interface EventObject {
  readonly apiVersion: "events.k8s.io/v1";
  readonly kind: "Event";
  readonly metadata: { readonly name: string; readonly namespace: string };
  /** MicroTime. */
  readonly eventTime: string;
  readonly regarding: object;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly note: string;
  readonly action: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
}

export type EventOutcome =
  /** The Event says it now, for the time of number `count`; `seenAt` is when it was said last, in the server's words. */
  | { readonly type: "created" | "repeated" | "there"; readonly count: number; readonly seenAt: string }
  | { readonly type: "not-leading" }
  /** There is no place for it: its namespace is gone or on its way, or the Event ran out while we looked at it. */
  | { readonly type: "gone" }
  | { readonly type: "forbidden" | "refused"; readonly message: string }
  | { readonly type: "unavailable"; readonly retryAfterMs: number | null };

export interface Announcement {
  readonly event: EventObject;
  /** How often the Event has been said as far as we know; 0 where we do not know of it. */
  readonly knownCount: number;
  /** Where the Event is there already, whether that is enough, given when it was last said. */
  readonly isEnough: (seenAt: string) => boolean;
}

const REQUEST_TIMEOUT_MS = 5_000;

/** Never rejects. */
export async function announceEvent(client: ApiClient, announcement: Announcement): Promise<EventOutcome> {
  try {
    return await announce(client, announcement);
  } catch (error) {
    return error instanceof NotLeading ? { type: "not-leading" } : { type: "unavailable", retryAfterMs: null };
  }
}

async function announce(client: ApiClient, { event, knownCount, isEnough }: Announcement): Promise<EventOutcome> {
  if (knownCount > 0) {
    const repeated = { type: "repeated", count: knownCount + 1, seenAt: event.eventTime } as const;
    const answer = await repeat(client, event, repeated.count);
    // It has run out meanwhile, or somebody deleted it.
    if (answer.status !== 404) return outcomeOf(answer, repeated);
  }
  const created = await client.send({
    method: "POST",
    path: collectionOf(event),
    body: event,
    timeoutMs: REQUEST_TIMEOUT_MS,
  });
  if (created.status !== 409) return outcomeOf(created, { type: "created", count: 1, seenAt: event.eventTime });
  const existing = await client.send({ method: "GET", path: pathOf(event), timeoutMs: REQUEST_TIMEOUT_MS });
  if (existing.status !== 200) return outcomeOf(existing, { type: "there", count: 1, seenAt: event.eventTime });
  const { count, seenAt } = readSeries(existing.body);
  if (isEnough(seenAt)) return { type: "there", count, seenAt };
  const answer = await repeat(client, event, count + 1);
  return outcomeOf(answer, { type: "repeated", count: count + 1, seenAt: event.eventTime });
}

/** Only the series of an Event may change; everything else of it was fixed when it was created. */
function repeat(client: ApiClient, event: EventObject, count: number): Promise<ApiAnswer> {
  const body = { series: { count, lastObservedTime: event.eventTime } };
  return client.send({ method: "PATCH", path: pathOf(event), body, timeoutMs: REQUEST_TIMEOUT_MS });
}

function outcomeOf({ status, body, retryAfterMs }: ApiAnswer, success: EventOutcome): EventOutcome {
  if (status === 200 || status === 201) return success;
  const { message } = refusalOf(status, body, retryAfterMs);
  if (status === 404 || status === 409 || isNamespaceEnding(body)) return { type: "gone" };
  if (status === 403) return { type: "forbidden", message };
  if (status === 401 || status === 429 || status >= 500) return { type: "unavailable", retryAfterMs };
  return { type: "refused", message };
}

/** Answered as a 403, though RBAC has nothing against it. */
function isNamespaceEnding(body: unknown): boolean {
  const details = isMapping(body) ? body["details"] : undefined;
  const causes = isMapping(details) && Array.isArray(details["causes"]) ? (details["causes"] as unknown[]) : [];
  return causes.some((cause) => isMapping(cause) && cause["reason"] === "NamespaceTerminating");
}

function readSeries(body: unknown): { count: number; seenAt: string } {
  const event = isMapping(body) ? body : {};
  const series = isMapping(event["series"]) ? event["series"] : {};
  const count = series["count"];
  const seenAt = series["lastObservedTime"] ?? event["eventTime"];
  return {
    count: Number.isSafeInteger(count) && (count as number) > 0 ? (count as number) : 1,
    seenAt: typeof seenAt === "string" ? seenAt : "",
  };
}

function collectionOf({ metadata }: EventObject): string {
  return `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(metadata.namespace)}/events`;
}

function pathOf(event: EventObject): string {
  return `${collectionOf(event)}/${encodeURIComponent(event.metadata.name)}`;
}
