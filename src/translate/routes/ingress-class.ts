// Whose Ingress it is. Reads IngressClass objects and an Ingress's choice of class; knows nothing of rules.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { findClosestWord } from "../../lib/closest-word.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import type { Ingress, IngressClass } from "../../source/object-types.ts";
import { diagnose, problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import type { Identified, ObjectIdentity } from "../object-identity.ts";
import type { ObjectIndex } from "../object-index.ts";
import type { TranslateOptions } from "../result.ts";
import { asList, asNonEmptyText, asRecord, asText } from "../untyped.ts";

const CLASS_ANNOTATION = "kubernetes.io/ingress.class";
/** Letters that may differ between a class that there is none of and the one that was meant, of four letters one. */
const MAX_SLIPS = 2;

const DEFAULT_CLASS_ANNOTATION = "ingressclass.kubernetes.io/is-default-class";

/** What an Ingress says about its class. `opted-out` is `ingressClassName: ""`: no class, and no default class either. */
type ClassChoice =
  | { readonly kind: "named"; readonly name: string; readonly field: string }
  | { readonly kind: "unset" }
  | { readonly kind: "opted-out" };

/** The IngressClass objects of the world, reduced to what decides ownership. */
export interface ClassTable {
  /** By class name; null where the class names no controller. */
  readonly controllers: ReadonlyMap<string, string | null>;
  /** Names of classes, sorted: ours, with the one that needs no object, and others'. */
  readonly ours: readonly string[];
  readonly foreign: readonly string[];
  /** Names of the default classes, ours and others'. */
  readonly ourDefault: string | null;
  readonly foreignDefault: string | null;
}

export function readClassTable(
  classes: ObjectIndex<IngressClass>,
  options: TranslateOptions,
  diagnostics: Diagnostic[],
): ClassTable {
  const controllers = new Map<string, string | null>();
  const ours = new Set([options.ingressClass]);
  const foreign = new Set<string>();
  const ourDefaults: ObjectIdentity[] = [];
  const foreignDefaults: ObjectIdentity[] = [];
  for (const [name, identity] of classes) {
    const spec = asRecord(identity.object.spec);
    const controller = asNonEmptyText(spec["controller"]);
    controllers.set(name, controller);
    const isOurs = controller === options.controller;
    (isOurs ? ours : foreign).add(name);
    if (isDefaultClass(identity.object)) (isOurs ? ourDefaults : foreignDefaults).push(identity);
  }
  const ourDefault = newestName(ourDefaults);
  const foreignDefault = newestName(foreignDefaults);
  if (foreignDefault !== null) {
    for (const { reference } of ourDefaults) {
      const field = `metadata.annotations[${DEFAULT_CLASS_ANNOTATION}]`;
      diagnostics.push(diagnose({ object: reference, field }, severalDefaults(foreignDefault)));
    }
  }
  return { controllers, ours: [...ours].toSorted(), foreign: [...foreign].toSorted(), ourDefault, foreignDefault };
}

/** Null where the Ingress is ours to serve; otherwise the diagnostic that says whose it is. */
export function judgeOwnership(
  ingress: Identified<Ingress>,
  table: ClassTable,
  options: TranslateOptions,
): Diagnostic | null {
  const choice = readClassChoice(ingress.object);
  const refusal =
    choice.kind === "named" ? judgeNamed(choice.name, table, options) : judgeUnnamed(choice, table, options);
  if (refusal === null) return null;
  const field = choice.kind === "named" ? choice.field : "spec.ingressClassName";
  const mistake = hasAddress(ingress.object) ? null : findMistake(choice, table, options);
  return diagnose({ object: ingress.reference, field }, mistake ?? refusal);
}

/** The class of an Ingress of ours; null where it is served without one. */
export function findClassName(ingress: Identified<Ingress>, table: ClassTable): string | null {
  const choice = readClassChoice(ingress.object);
  if (choice.kind === "named") return choice.name;
  return choice.kind === "unset" ? table.ourDefault : null;
}

/** The annotation came before the field and wins over it, as the API documents for it. */
function readClassChoice(ingress: Ingress): ClassChoice {
  const annotated = asNonEmptyText(asRecord(asRecord(ingress.metadata)["annotations"])[CLASS_ANNOTATION]);
  if (annotated !== null) {
    return { kind: "named", name: annotated, field: `metadata.annotations[${CLASS_ANNOTATION}]` };
  }
  const name = asText(asRecord(ingress.spec)["ingressClassName"]);
  if (name === null) return { kind: "unset" };
  return name === "" ? { kind: "opted-out" } : { kind: "named", name, field: "spec.ingressClassName" };
}

function judgeNamed(name: string, table: ClassTable, options: TranslateOptions): Problem | null {
  const controller = table.controllers.get(name) ?? null;
  if (controller === options.controller) return null;
  if (controller !== null) {
    const message = `IngressClass ${quoteText(name)} belongs to the controller ${quoteText(controller)}; this Ingress is left to it.`;
    return problem(
      "info",
      "IngressClassForeign",
      message,
      `Its spec.controller would have to be ${options.controller}.`,
    );
  }
  if (name === options.ingressClass) return null;
  const message = table.controllers.has(name)
    ? `IngressClass ${quoteText(name)} names no controller; this Ingress is not served.`
    : `There is no IngressClass ${quoteText(name)}; this Ingress is not served.`;
  const hint = `Start with --ingress-class ${quoteText(name)} to serve it, or write ${quoteText(options.ingressClass)} here.`;
  return problem("info", "IngressClassForeign", message, hint);
}

function judgeUnnamed(choice: ClassChoice, table: ClassTable, options: TranslateOptions): Problem | null {
  if (choice.kind === "unset") {
    if (table.ourDefault !== null) return null;
    if (table.foreignDefault !== null) {
      const message = `The Ingress names no class, and the default IngressClass ${quoteText(table.foreignDefault)} belongs to another controller.`;
      return problem("info", "IngressClassUnset", message, classHint(options));
    }
  }
  if (options.serveUnclassified) return null;
  const message =
    choice.kind === "unset"
      ? "The Ingress names no class, and no IngressClass of this controller is the default."
      : "The Ingress opts out of every class with an empty ingressClassName.";
  return problem("info", "IngressClassUnset", message, classHint(options));
}

/**
 * What its author cannot have meant; null where it may be meant for another controller, which may work without IngressClass
 * objects: its Ingresses are none of our business.
 */
function findMistake(choice: ClassChoice, table: ClassTable, options: TranslateOptions): Problem | null {
  if (choice.kind === "named") {
    const meant = table.controllers.has(choice.name) ? null : findMeantClass(choice.name, table);
    if (meant === null) return null;
    const message = `There is no IngressClass ${quoteText(choice.name)}; this Ingress is not served.`;
    return problem("warning", "IngressClassUnknown", message, `Did you mean ${quoteText(meant)}?`);
  }
  const isOnlyController = table.controllers.size > 0 && table.foreign.length === 0;
  if (choice.kind === "opted-out" || !isOnlyController) return null;
  const message = "The Ingress names no class, and no IngressClass is the default; it is not served.";
  return problem("warning", "IngressClassUnset", message, classHint(options));
}

/** One of ours that the name is a slip of the pen away from; none where a class of somebody else's is as near. */
function findMeantClass(name: string, { ours, foreign }: ClassTable): string | null {
  const maxSlips = Math.min(MAX_SLIPS, Math.floor(name.length / 4));
  const closest = findClosestWord(name, [...foreign, ...ours], maxSlips);
  if (closest === null || foreign.includes(closest)) return null;
  // Whoever writes another number means another class.
  return withoutDigits(closest) === withoutDigits(name) ? null : closest;
}

function withoutDigits(text: string): string {
  return text.replace(/\d/g, "");
}

/** Somebody serves it and has said where. */
function hasAddress(ingress: Ingress): boolean {
  return asList(asRecord(asRecord(asRecord(ingress)["status"])["loadBalancer"])["ingress"]).length > 0;
}

function classHint(options: TranslateOptions): string {
  return `Set spec.ingressClassName: ${options.ingressClass} to have it served.`;
}

function isDefaultClass(ingressClass: IngressClass): boolean {
  const annotations = asRecord(asRecord(ingressClass.metadata)["annotations"]);
  return annotations[DEFAULT_CLASS_ANNOTATION] === "true";
}

/** Of several default classes the API server takes the newest, on a tie the first by name. */
function newestName(identities: readonly ObjectIdentity[]): string | null {
  let newest: ObjectIdentity | null = null;
  for (const identity of identities) {
    if (newest === null || isNewer(identity, newest)) newest = identity;
  }
  return newest === null ? null : newest.reference.name;
}

function isNewer(left: ObjectIdentity, right: ObjectIdentity): boolean {
  if (left.createdAtMs !== right.createdAtMs) return left.createdAtMs > right.createdAtMs;
  return left.reference.name < right.reference.name;
}

function severalDefaults(foreignDefault: string): Problem {
  const message = `IngressClass ${quoteText(foreignDefault)} of another controller is a default class as well: an Ingress without a class is served by both.`;
  return problem("warning", "SeveralDefaultClasses", message, "Remove the annotation from one of them.");
}
