// How the fields of an API type are described: which names exist and what JSON type each holds. Data only.

/** The JSON type of a field, and what it is made of. */
export type Shape =
  | { readonly type: "string" }
  | { readonly type: "boolean" }
  /** A whole number that fits into so many bits, with a sign. */
  | { readonly type: "integer"; readonly bits: 32 | 64 }
  | { readonly type: "integer-or-string" }
  | { readonly type: "list"; readonly items: Shape }
  /** Keys are the user's choice. */
  | { readonly type: "map"; readonly values: Shape }
  | { readonly type: "object"; readonly fields: ReadonlyMap<string, Shape> }
  /** A field of the API that nothing here reads: neither checked nor kept. */
  | { readonly type: "unread" };

export const STRING: Shape = { type: "string" };
export const BOOLEAN: Shape = { type: "boolean" };
export const INT32: Shape = { type: "integer", bits: 32 };
export const INT64: Shape = { type: "integer", bits: 64 };
export const INT_OR_STRING: Shape = { type: "integer-or-string" };
const UNREAD: Shape = { type: "unread" };
export const STRING_MAP: Shape = { type: "map", values: STRING };
export const STRING_LIST: Shape = { type: "list", items: STRING };

export function listOf(items: Shape): Shape {
  return { type: "list", items };
}

/** An object with these fields, and others of the API that are not read. */
export function objectOf(fields: Readonly<Record<string, Shape>>, unread: readonly string[] = []): Shape {
  const known = new Map<string, Shape>(Object.entries(fields));
  for (const name of unread) known.set(name, UNREAD);
  return { type: "object", fields: known };
}
