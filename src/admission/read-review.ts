// From the bytes of an AdmissionReview (admission.k8s.io/v1) to what is asked. Judges the envelope, not the object in it.
import { quoteText } from "../lib/untrusted-text.ts";
import { isMapping } from "../source/validation/decode.ts";
import { asRecord } from "../translate/untyped.ts";

/** The part of a review that matters here. The objects are untrusted JSON. */
export interface Review {
  readonly uid: string;
  readonly operation: string;
  /** As in `apiVersion`: `networking.k8s.io/v1`. */
  readonly apiVersion: string;
  readonly kind: string;
  /** `""` for cluster-scoped objects. */
  readonly namespace: string;
  /** For example `status`; `""` for the object itself. */
  readonly subResource: string;
  readonly object: unknown;
  /** What is stored; null on creation. */
  readonly oldObject: unknown;
}

/** A review, or one sentence that says why it is none. */
export type ReviewReading =
  | { readonly review: Review; readonly fault: null }
  | { readonly review: null; readonly fault: string };

/** No Kubernetes object nests deeper than a few dozen levels, not even a schema. */
const MAX_DEPTH = 128;
const MAX_UID_LENGTH = 128;

/** Total: no bytes make it throw. */
export function readReview(bytes: Buffer): ReviewReading {
  if (!isShallow(bytes)) return fault(`the JSON is nested deeper than ${MAX_DEPTH} levels`);
  let data: unknown;
  try {
    data = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    return fault(error instanceof SyntaxError ? "the body is not JSON" : "the body is not UTF-8");
  }
  const { apiVersion, kind, request } = asRecord(data);
  if (kind !== "AdmissionReview" || apiVersion !== "admission.k8s.io/v1") {
    return fault("the body is no AdmissionReview of admission.k8s.io/v1");
  }
  return readRequest(asRecord(request));
}

/** The uid of a review that nobody has the time to read: the API server writes it among the first fields. */
export function peekUid(bytes: Buffer): string | null {
  const start = bytes.subarray(0, 512).toString("latin1");
  return /"request":\{"uid":"([0-9A-Za-z-]{1,128})"/.exec(start)?.[1] ?? null;
}

function readRequest(request: Readonly<Record<string, unknown>>): ReviewReading {
  const { uid, operation, object, oldObject } = request;
  if (typeof uid !== "string" || uid === "" || uid.length > MAX_UID_LENGTH) return fault("request.uid is missing");
  if (typeof operation !== "string") return fault("request.operation is missing");
  const { group, version, kind } = asRecord(request["kind"]);
  if (typeof version !== "string" || typeof kind !== "string") return fault("request.kind is missing");
  if (operation === "CREATE" || operation === "UPDATE") {
    if (!isMapping(object)) return fault(`request.object of ${quoteText(operation)} is no object`);
  }
  return {
    review: {
      uid,
      operation,
      apiVersion: typeof group === "string" && group !== "" ? `${group}/${version}` : version,
      kind,
      namespace: asText(request["namespace"]),
      subResource: asText(request["subResource"]),
      object: object ?? null,
      oldObject: oldObject ?? null,
    },
    fault: null,
  };
}

/** Counts brackets outside of strings. Faster than parsing, which would first build what is then refused. */
function isShallow(bytes: Buffer): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (isInString) {
      if (byte === 0x5c) index += 1;
      else if (byte === 0x22) isInString = false;
    } else if (byte === 0x22) isInString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > MAX_DEPTH) return false;
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1;
  }
  return true;
}

function fault(text: string): ReviewReading {
  return { review: null, fault: text };
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
