// From a zod schema to the structural OpenAPI schema of a CustomResourceDefinition. What the API server would refuse or
// pass over is refused here, when the definition is made.
import { z } from "zod";
import type { CelRule } from "./fields.ts";

/** OpenAPI v3 as far as a structural schema may use it (apiextensions.k8s.io/v1, JSONSchemaProps). */
export interface StructuralSchema {
  readonly description?: string;
  readonly type?: "string" | "boolean" | "integer" | "array" | "object";
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly [{ readonly type: "integer" }, { readonly type: "string" }];
  readonly items?: StructuralSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly "x-kubernetes-int-or-string"?: true;
  readonly "x-kubernetes-list-type"?: "atomic";
  readonly "x-kubernetes-validations"?: readonly CelRule[];
}

/** A structural schema in which fields also say what to write instead of a wrong value. */
export interface HintedSchema extends StructuralSchema {
  readonly hint?: string;
  readonly items?: HintedSchema;
  readonly properties?: Readonly<Record<string, HintedSchema>>;
}

type JsonSchema = Readonly<Record<string, unknown>>;

/** In the order in which a definition shows them. */
const KEYWORDS: readonly string[] = [
  "description",
  "hint",
  "type",
  "enum",
  "pattern",
  "minLength",
  "maxLength",
  "minimum",
  "maximum",
  "anyOf",
  "minItems",
  "maxItems",
  "required",
  "x-kubernetes-int-or-string",
  "x-kubernetes-list-type",
  "x-kubernetes-validations",
  "items",
  "properties",
];

/** Throws where the schema uses what no structural schema may. */
export function hintedSchemaOf(schema: z.ZodType): HintedSchema {
  return convert(z.toJSONSchema(schema, { io: "input", target: "openapi-3.0" }) as JsonSchema);
}

/** The same without hints. */
export function structuralSchemaOf(schema: z.ZodType): StructuralSchema {
  return withoutHints(hintedSchemaOf(schema));
}

function convert(json: JsonSchema): HintedSchema {
  // A strict object of zod's drops what it does not know or refuses it; the API server does the same without being told.
  const { additionalProperties, ...schema } = json;
  if (additionalProperties !== undefined && additionalProperties !== false) throw new Error("maps are not converted");
  const flat = schema["anyOf"] === undefined ? schema : flattenIntOrString(schema);
  const unknown = Object.keys(flat).find((keyword) => !KEYWORDS.includes(keyword));
  if (unknown !== undefined) throw new Error(`a structural schema has no ${unknown}`);
  const converted = KEYWORDS.filter((keyword) => flat[keyword] !== undefined).map((keyword) => {
    return [keyword, convertKeyword(keyword, flat[keyword])];
  });
  return Object.fromEntries(converted) as HintedSchema;
}

function convertKeyword(keyword: string, value: unknown): unknown {
  if (keyword === "items") return convert(value as JsonSchema);
  if (keyword !== "properties") return value;
  const properties = Object.entries(value as Readonly<Record<string, JsonSchema>>);
  return Object.fromEntries(properties.map(([name, schema]) => [name, convert(schema)]));
}

/** The one union that a structural schema can hold; bounds of either type leave values of the other alone. */
function flattenIntOrString(schema: JsonSchema): JsonSchema {
  const { anyOf, ...rest } = schema;
  const [integer = {}, string = {}, ...others] = anyOf as readonly JsonSchema[];
  const { type: first, ...ofInteger } = integer;
  const { type: second, ...ofString } = string;
  if (first !== "integer" || second !== "string" || others.length > 0) {
    throw new Error("the only union of a structural schema is that of integer and string");
  }
  return { ...rest, ...ofInteger, ...ofString, anyOf: [{ type: "integer" }, { type: "string" }] };
}

function withoutHints({ hint: _hint, ...schema }: HintedSchema): StructuralSchema {
  const { items, properties } = schema;
  return {
    ...schema,
    ...(items === undefined ? {} : { items: withoutHints(items) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, property]) => [name, withoutHints(property)]),
          ),
        }),
  };
}
