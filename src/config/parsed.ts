// The outcome of reading one value that a person wrote: the value, or what is wrong with it. Never an exception.

/** `problem` is one sentence that says what is wrong and what to write; the caller says where. */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: string };

export function parsed<Value>(value: Value): Parsed<Value> {
  return { ok: true, value };
}

export function refused(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}
