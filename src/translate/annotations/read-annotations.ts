// Reads the annotations of one Ingress or Service; every value that is not allowed leaves the default and a diagnostic.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { ObjectReference } from "../../ir/names.ts";
import { findClosestWord } from "../../lib/closest-word.ts";
import { compareStrings } from "../../lib/compare-strings.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import { diagnose, problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import { asRecord, asText } from "../untyped.ts";
import { ANNOTATION_PREFIX, ANNOTATION_RULES } from "./registry.ts";
import type { AnnotationRule } from "./registry.ts";
import { NO_SETTINGS } from "../traffic-settings.ts";
import type { TrafficSettings } from "../traffic-settings.ts";

const NGINX_PREFIX = "nginx.ingress.kubernetes.io/";

/** More are named by their number only. */
const MAX_NAMED_ANNOTATIONS = 5;

/** Longer values are wrong whatever they say. */
const MAX_VALUE_LENGTH = 1024;

/** `NO_SETTINGS` itself where no annotation of ours says anything. */
export function readAnnotations(
  metadata: unknown,
  reference: ObjectReference,
  diagnostics: Diagnostic[],
): TrafficSettings {
  const annotations = asRecord(asRecord(metadata)["annotations"]);
  let settings = NO_SETTINGS;
  const foreign: string[] = [];
  for (const key of Object.keys(annotations)) {
    if (key.startsWith(NGINX_PREFIX)) foreign.push(key.slice(NGINX_PREFIX.length));
    if (!key.startsWith(ANNOTATION_PREFIX)) continue;
    const reading = readAnnotation(key.slice(ANNOTATION_PREFIX.length), annotations[key], reference);
    if ("reason" in reading) {
      diagnostics.push(diagnose({ object: reference, field: annotationField(key) }, reading));
    } else {
      settings = { ...settings, ...reading };
    }
  }
  if (foreign.length > 0 && reference.kind === "Ingress") {
    diagnostics.push(diagnose({ object: reference, field: "metadata.annotations" }, foreignIgnored(foreign)));
  }
  if (settings.tlsServerName === null && settings.tlsCaSecret === null) return settings;
  return { ...settings, tlsPlace: { object: reference, field: "metadata.annotations" } };
}

/** The field path of an annotation; a key that the API would refuse is quoted. */
function annotationField(key: string): string {
  return `metadata.annotations[${/^[\w./-]{1,128}$/.test(key) ? key : quoteText(key)}]`;
}

function readAnnotation(name: string, value: unknown, reference: ObjectReference): Partial<TrafficSettings> | Problem {
  const rule = ANNOTATION_RULES.get(name);
  if (rule === undefined) return unknownAnnotation(name);
  if (rule.isIngressOnly && reference.kind !== "Ingress") {
    const message = `${name} has no effect on a ${reference.kind}.`;
    return problem("warning", "AnnotationMisplaced", message, "Write it on the Ingress.");
  }
  const text = asText(value);
  if (text === null) return invalidValue("A value that is not a string", rule);
  const trimmed = text.length > MAX_VALUE_LENGTH ? text : text.trim();
  const reading = trimmed.length > MAX_VALUE_LENGTH ? null : rule.read(trimmed);
  return reading ?? invalidValue(quoteText(text), rule);
}

function invalidValue(shown: string, rule: AnnotationRule): Problem {
  const message = `${shown} is not allowed here; the default stays.`;
  return problem("warning", "AnnotationInvalid", message, `Write ${rule.allowed}.`);
}

function unknownAnnotation(name: string): Problem {
  const closest = findClosestWord(name.toLowerCase(), ANNOTATION_RULES.keys());
  const hint =
    closest === null
      ? `The annotations are ${Array.from(ANNOTATION_RULES.keys()).join(", ")}.`
      : `Did you mean ${ANNOTATION_PREFIX}${closest}?`;
  return problem(
    "warning",
    "AnnotationUnknown",
    `There is no annotation ${quoteText(ANNOTATION_PREFIX + name)}.`,
    hint,
  );
}

/** Said once an Ingress: what is ignored may be what protects it. */
function foreignIgnored(names: readonly string[]): Problem {
  const sorted = names.toSorted(compareStrings);
  const named = sorted.slice(0, MAX_NAMED_ANNOTATIONS).map(quoteText).join(", ");
  const rest = sorted.length > MAX_NAMED_ANNOTATIONS ? ` and ${sorted.length - MAX_NAMED_ANNOTATIONS} more` : "";
  const message = `Annotations of ingress-nginx have no effect: ${named}${rest}.`;
  const hint = "Check that the Ingress does not rely on them, for example for access control.";
  return problem("warning", "ForeignAnnotationsIgnored", message, hint);
}
