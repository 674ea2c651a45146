// What the object of a review would do to the world, in the words of the code that translates it. Pure and total.
import type { Diagnostic } from "../ir/diagnostic.ts";
import { formatName } from "../ir/names.ts";
import type { ObjectReference } from "../ir/names.ts";
import { CUSTOM_RESOURCE_GROUP } from "../source/custom-resources/custom-resource.ts";
import type { WatchedObject, WorldObjects } from "../source/object-types.ts";
import { validateObject } from "../source/validation/validate-object.ts";
import type { Validation } from "../source/validation/validate-object.ts";
import type { TranslateOptions } from "../translate/result.ts";
import { translate } from "../translate/translate.ts";
import { asRecord } from "../translate/untyped.ts";
import { isKnowable, liesElsewhere } from "./faults-elsewhere.ts";
import type { Review } from "./read-review.ts";
import { isForeignIngress, isJudged, referenceOf, worldOfChange } from "./world-of-change.ts";
import type { JudgedObject } from "./world-of-change.ts";

/** What is said of an object. It is refused where there are errors. */
export interface Verdict {
  /** Null where the object is none of our business. */
  readonly object: ObjectReference | null;
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

/** The live world, and how it is translated. */
export interface JudgeContext {
  readonly world: WorldObjects;
  readonly options: TranslateOptions;
  /** False for namespaces that the store does not hold, whose Ingress objects are another installation's. */
  readonly servesNamespace: (namespace: string) => boolean;
}

const NOTHING: Verdict = Object.freeze({ object: null, errors: [], warnings: [] });

const INGRESS_API = "networking.k8s.io/v1";

/**
 * Refuses what is wrong with the object itself. Faults that lie in other objects, conflicts that it causes, and errors that
 * the stored version has as well are warnings: an update must be able to mend one thing at a time, or drop a finalizer.
 */
export function judgeReview(review: Review, context: JudgeContext): Verdict {
  const { world, options, servesNamespace } = context;
  if (!isAsked(review) || isOnItsWayOut(review.object)) return NOTHING;
  if (review.namespace !== "" && !servesNamespace(review.namespace)) return NOTHING;
  if (review.kind === "Ingress" && isForeignIngress(review.object, world, options)) return NOTHING;
  const validation = validate(review.object, review);
  if (validation.outcome === "foreign") return NOTHING;
  const found = diagnoseObject(validation, context);
  const known = found.errors.length === 0 ? new Set<string>() : errorsOfStored(review, context);
  return {
    object: validation.ref,
    errors: found.errors.filter((diagnostic) => !known.has(saying(diagnostic))),
    warnings: [...found.errors.filter((diagnostic) => known.has(saying(diagnostic))), ...found.warnings],
  };
}

function isAsked({ operation, apiVersion, kind, subResource }: Review): boolean {
  if (operation !== "CREATE" && operation !== "UPDATE") return false;
  if (subResource !== "") return false;
  return kind === "Ingress" ? apiVersion === INGRESS_API : apiVersion.startsWith(`${CUSTOM_RESOURCE_GROUP}/`);
}

/** What still changes of a deleted object are its finalizers. */
function isOnItsWayOut(object: unknown): boolean {
  const deletedAt = asRecord(asRecord(object)["metadata"])["deletionTimestamp"];
  return typeof deletedAt === "string" && deletedAt !== "";
}

/** A review may leave out what the API server fills in: the namespace, or a name that it makes. */
function validate(object: unknown, review: Review): Validation {
  const record = asRecord(object);
  const metadata = asRecord(record["metadata"]);
  const filled: Record<string, unknown> = { ...metadata };
  if (!isText(metadata["namespace"]) && review.namespace !== "") filled["namespace"] = review.namespace;
  if (!isText(metadata["name"]) && isText(metadata["generateName"])) filled["name"] = `${metadata["generateName"]}x`;
  return validateObject({ ...record, metadata: filled });
}

interface Findings {
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

function diagnoseObject(validation: Exclude<Validation, { outcome: "foreign" }>, context: JudgeContext): Findings {
  const diagnostics = validation.problems.map(({ severity, reason, path, message, hint }): Diagnostic => {
    return { severity, reason, object: validation.ref, field: path.toString(), message, hint, location: null };
  });
  if (validation.outcome === "accepted" && isJudged(validation.object)) {
    return sort([...diagnostics, ...diagnoseChange(validation.object, context)], validation.object);
  }
  return sort(diagnostics, null);
}

/** What is on the object, and what is new on others. */
function diagnoseChange(object: JudgedObject, { world, options }: JudgeContext): readonly Diagnostic[] {
  const { after, without, isWhole } = worldOfChange(object, world, options);
  const before = new Set(translate(without, options).diagnostics.map(identify));
  const reference = referenceOf(object);
  const found = translate(after, options).diagnostics.filter((diagnostic) => {
    if (!isKnowable(diagnostic)) return false;
    if (isOn(diagnostic, reference)) return true;
    // Whether a Service that a policy names gets any traffic hangs on Ingress objects that are not looked at here.
    const isCertain = object.kind === "Ingress" || diagnostic.object?.kind === "Ingress";
    return isCertain && !before.has(identify(diagnostic));
  });
  return isWhole ? found : [conflictsUnseen(reference), ...found];
}

function conflictsUnseen(object: ObjectReference): Diagnostic {
  const message = "Too many Ingress objects have to do with this one to look for conflicts now; its Events will tell.";
  return { severity: "warning", reason: "ConflictsUnchecked", object, field: "", message, hint: "", location: null };
}

/** Own faults first; `object` is null where no other object was looked at. */
function sort(diagnostics: readonly Diagnostic[], object: WatchedObject | null): Findings {
  const reference = object === null ? null : referenceOf(object);
  const isOwn = (diagnostic: Diagnostic): boolean => reference === null || isOn(diagnostic, reference);
  const isError = (diagnostic: Diagnostic): boolean => {
    return diagnostic.severity === "error" && isOwn(diagnostic) && !liesElsewhere(diagnostic);
  };
  const told = diagnostics.filter((diagnostic) => diagnostic.severity !== "info" && !isError(diagnostic));
  const warnings = [...told.filter(isOwn), ...told.filter((diagnostic) => !isOwn(diagnostic))];
  return { errors: diagnostics.filter(isError), warnings };
}

/** What was wrong before is not the fault of this change. */
function errorsOfStored(review: Review, context: JudgeContext): ReadonlySet<string> {
  if (review.operation !== "UPDATE" || review.oldObject === null) return new Set();
  const validation = validate(review.oldObject, review);
  if (validation.outcome === "foreign") return new Set();
  return new Set(diagnoseObject(validation, context).errors.map(saying));
}

function isOn({ object }: Diagnostic, { kind, namespace, name }: ObjectReference): boolean {
  return object !== null && object.kind === kind && object.namespace === namespace && object.name === name;
}

/** Without the field: what stands in a list moves when something before it goes. */
function saying({ reason, message }: Diagnostic): string {
  return `${reason} ${message}`;
}

function identify(diagnostic: Diagnostic): string {
  const { object, field, severity } = diagnostic;
  const where = object === null ? "" : `${object.kind} ${formatName(object)}`;
  return `${where} ${field} ${severity} ${saying(diagnostic)}`;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
