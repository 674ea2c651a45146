// JSON merge patch (RFC 7396) and JSON patch (RFC 6902) of plain JSON values. Changes nothing in place.

type JsonObject = Readonly<Record<string, unknown>>;

interface PatchStep {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** RFC 7396 §2. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = applyMergePatch(merged[key], value);
  }
  return merged;
}

/**
 * The operations add, replace, remove and test of RFC 6902 §4.
 * @throws with a sentence where a step does not apply.
 */
export function applyJsonPatch(target: unknown, steps: readonly PatchStep[]): unknown {
  const result: unknown = structuredClone(target);
  for (const step of steps) applyStep(result, step);
  return result;
}

function applyStep(root: unknown, { op, path, value }: PatchStep): void {
  const keys = path
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = keys.pop();
  if (last === undefined) throw new Error("the double patches no whole object");
  let place = root as Record<string, unknown> | unknown[];
  for (const key of keys) {
    const next = (place as Record<string, unknown>)[key];
    if (typeof next !== "object" || next === null) throw new Error(`jsonpatch ${op} operation does not apply: ${path}`);
    place = next as Record<string, unknown> | unknown[];
  }
  if (Array.isArray(place)) applyToList(place, op, last === "-" ? place.length : Number(last), value);
  else applyToObject(place, op, last, value);
}

function applyToList(list: unknown[], op: string, position: number, value: unknown): void {
  if (op === "add") list.splice(position, 0, value);
  else if (op === "replace") list[position] = value;
  else if (op === "remove") list.splice(position, 1);
  else if (op !== "test" || JSON.stringify(list[position]) !== JSON.stringify(value)) notApplicable(op);
}

function applyToObject(object: Record<string, unknown>, op: string, key: string, value: unknown): void {
  if (op === "add") object[key] = value;
  else if (op === "test") {
    if (JSON.stringify(object[key]) !== JSON.stringify(value)) notApplicable(op);
  } else if (!(key in object)) notApplicable(op);
  else if (op === "replace") object[key] = value;
  else if (op === "remove") delete object[key];
  else notApplicable(op);
}

function notApplicable(op: string): never {
  throw new Error(`jsonpatch ${op} operation does not apply`);
}
