// What the double refuses in objects that clients write: identity, and the rules of events.k8s.io, which clients trip over.
// Facts: core's and events' validation, Kubernetes 1.35.
import { isDeepStrictEqual } from "node:util";
import type { ApiObject } from "./api-objects.ts";
import { refuse } from "./api-objects.ts";
import type { ApiResource } from "./api-resources.ts";
import { apiVersionOf } from "./api-resources.ts";

/** Where the request's path says that the object is. */
export interface WrittenPlace {
  readonly resource: ApiResource;
  readonly namespace: string;
  /** `""` for a POST. */
  readonly name: string;
}

const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Fields of an Event that never change; the series is what does. */
const EVENT_CONSTANTS = ["regarding", "reason", "note", "type", "action", "reportingController", "reportingInstance"];

/** @throws ApiFailure 400 or 422. */
export function checkWritten(body: unknown, place: WrittenPlace, before: ApiObject | null): ApiObject {
  if (typeof body !== "object" || body === null) refuse(400, "the object provided is unrecognized");
  const object = body as ApiObject;
  const { resource } = place;
  if (object.kind !== resource.kind || object.apiVersion !== apiVersionOf(resource)) {
    refuse(400, `the object is ${object.apiVersion} ${object.kind}, not ${apiVersionOf(resource)} ${resource.kind}`);
  }
  const { namespace = "" } = object.metadata;
  const name: unknown = object.metadata.name;
  if (typeof name !== "string" || !NAME.test(name)) {
    invalid(resource, "", `metadata.name: Invalid value: ${JSON.stringify(name)}`);
  }
  if (place.name !== "" && name !== place.name) refuse(400, "the names of the object and in the URL do not match");
  if (namespace !== "" && namespace !== place.namespace) {
    refuse(400, "the namespace of the provided object does not match the namespace sent on the request");
  }
  if (resource.group === "events.k8s.io") checkEvent(object, place, before);
  return object;
}

function checkEvent(event: ApiObject, { resource, namespace }: WrittenPlace, before: ApiObject | null): void {
  const name = event.metadata.name;
  const text = (field: string): string => (typeof event[field] === "string" ? event[field] : "");
  const regarding = event["regarding"] as { namespace?: string } | undefined;
  if ((regarding?.namespace ?? "default") !== namespace) {
    invalid(resource, name, "involvedObject.namespace: Invalid value: does not match event.namespace");
  }
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(text("eventTime"))) {
    invalid(resource, name, "eventTime: Required value");
  }
  for (const field of ["reportingController", "reportingInstance", "action", "reason"]) {
    const length = text(field).length;
    if (length === 0) invalid(resource, name, `${field}: Required value`);
    if (length > 128) invalid(resource, name, `${field}: Invalid value: can have at most 128 characters`);
  }
  if (text("type") !== "Normal" && text("type") !== "Warning") invalid(resource, name, "type: Invalid value");
  if (Buffer.byteLength(text("note")) > 1024) invalid(resource, name, "note: can have at most 1024 characters");
  const series = event["series"] as { count?: number; lastObservedTime?: string } | undefined;
  if (series !== undefined && ((series.count ?? 0) < 2 || series.lastObservedTime === undefined)) {
    invalid(resource, name, "series: should be at least 2, and observed");
  }
  for (const field of before === null ? [] : EVENT_CONSTANTS) {
    if (!isDeepStrictEqual(event[field], before?.[field])) invalid(resource, name, `${field}: field is immutable`);
  }
}

function invalid({ kind, group }: ApiResource, name: string, detail: string): never {
  refuse(422, `${kind}.${group} "${name}" is invalid: ${detail}`);
}
