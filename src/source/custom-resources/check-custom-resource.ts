// Checks an object of one of our kinds by its zod schema, and says what is wrong in the words of the API server, which
// checks it by the definition that is made of the same schema.
import type { core } from "zod";
import { FieldPath } from "../validation/field-path.ts";
import { OBJECT_META } from "../validation/object-meta.ts";
import type { ProblemList } from "../validation/problem-list.ts";
import type { Shape } from "../validation/shape.ts";
import { BOOLEAN, INT32, INT_OR_STRING, listOf, objectOf, STRING } from "../validation/shape.ts";
import type { CustomResource } from "./custom-resource.ts";
import { hintedSchemaOf } from "./structural-schema.ts";
import type { HintedSchema } from "./structural-schema.ts";

const SPEC = FieldPath.root.child("spec");

const schemas = new WeakMap<CustomResource, HintedSchema>();

/** Which fields the kind has, and of which type. */
export function shapeOfCustomResource(resource: CustomResource): Shape {
  const spec = shapeOf(schemaOf(resource));
  return objectOf({ apiVersion: STRING, kind: STRING, metadata: OBJECT_META, spec }, ["status"]);
}

/** Checks what the shape has decoded. */
export function checkCustomResource(resource: CustomResource, decoded: object, problems: ProblemList): void {
  const { spec } = decoded as { readonly spec?: unknown };
  if (spec === undefined) {
    if (resource.isSpecRequired) problems.required(SPEC);
    return;
  }
  const checked = resource.spec.safeParse(spec);
  for (const issue of checked.error?.issues ?? []) report(locate(issue, spec, schemaOf(resource)), problems);
}

/** Where an issue lies, what stands there, and what the schema says of it. */
interface LocatedIssue {
  readonly issue: core.$ZodIssue;
  readonly path: FieldPath;
  readonly value: unknown;
  readonly hint: string;
}

function schemaOf(resource: CustomResource): HintedSchema {
  let schema = schemas.get(resource);
  if (schema === undefined) {
    schema = hintedSchemaOf(resource.spec);
    schemas.set(resource, schema);
  }
  return schema;
}

function shapeOf(schema: HintedSchema): Shape {
  if (schema["x-kubernetes-int-or-string"] === true) return INT_OR_STRING;
  switch (schema.type) {
    case "boolean":
      return BOOLEAN;
    case "integer":
      return INT32;
    case "array":
      return listOf(shapeOf(schema.items ?? {}));
    case "object": {
      const properties = Object.entries(schema.properties ?? {});
      return objectOf(Object.fromEntries(properties.map(([name, property]) => [name, shapeOf(property)])));
    }
    default:
      return STRING;
  }
}

function locate(issue: core.$ZodIssue, spec: unknown, schema: HintedSchema): LocatedIssue {
  let path = SPEC;
  let value: unknown = spec;
  let field: HintedSchema | undefined = schema;
  for (const step of issue.path) {
    path = typeof step === "number" ? path.index(step) : path.child(String(step));
    value = (value as Readonly<Record<PropertyKey, unknown>> | undefined)?.[step];
    field = typeof step === "number" ? field?.items : field?.properties?.[String(step)];
  }
  return { issue, path, value, hint: field?.hint ?? "" };
}

function report(located: LocatedIssue, problems: ProblemList): void {
  const { issue, path, value, hint } = located;
  const invalid = (detail: string): void => problems.invalid(path, value, { detail, hint });
  if (value === undefined) {
    problems.required(path);
    return;
  }
  switch (issue.code) {
    case "invalid_value":
      problems.notSupported(path, typeof value === "string" ? value : typeof value, issue.values.map(String));
      return;
    case "invalid_format":
      invalid(`${path.toString()} in body should match '${showPattern(issue)}'`);
      return;
    case "too_small":
    case "too_big":
      reportSize(located, issue, problems);
      return;
    case "invalid_union": {
      // Of a union of types, what the branch of the value's own type says.
      const branch = issue.errors.find(([first]) => first !== undefined && first.code !== "invalid_type");
      for (const inner of branch ?? []) report({ ...located, issue: inner }, problems);
      if (branch === undefined) invalid(issue.message);
      return;
    }
    default:
      invalid(issue.message);
  }
}

function reportSize(
  { path, value, hint }: LocatedIssue,
  issue: core.$ZodIssueTooSmall | core.$ZodIssueTooBig,
  problems: ProblemList,
): void {
  const isSmall = issue.code === "too_small";
  const bound = Number(isSmall ? issue.minimum : issue.maximum);
  const invalid = (rule: string): void => {
    problems.invalid(path, value, { detail: `${path.toString()} in body should ${rule}`, hint });
  };
  if (issue.origin === "array") {
    const count = (value as readonly unknown[]).length;
    const detail = `${path.toString()} in body should have at least ${bound} items`;
    if (isSmall) problems.invalid(path, count, { detail });
    else problems.tooMany(path, count, bound);
  } else if (issue.origin === "string") {
    if (isSmall) invalid(`be at least ${bound} chars long`);
    else problems.tooLong(path, bound);
  } else {
    invalid(isSmall ? `be greater than or equal to ${bound}` : `be less than or equal to ${bound}`);
  }
}

/** As the definition writes it, without the slashes around. */
function showPattern(issue: core.$ZodIssueInvalidStringFormat): string {
  return issue.pattern?.replaceAll(/^\/|\/$/g, "") ?? issue.format;
}
