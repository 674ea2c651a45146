// All diagnostics in force, by where they come from, and what changed about them: the source of log lines and metrics.
import type { Diagnostic } from "../ir/diagnostic.ts";

export interface DiagnosticChange {
  /** Not there before. */
  readonly added: readonly Diagnostic[];
  /** There before, and no longer. */
  readonly resolved: readonly Diagnostic[];
}

export class DiagnosticLedger {
  readonly #byOrigin = new Map<string, ReadonlyMap<string, Diagnostic>>();
  readonly #onChange: (change: DiagnosticChange) => void;

  /** @param onChange called after each replacement that changed something. */
  constructor(onChange: (change: DiagnosticChange) => void) {
    this.#onChange = onChange;
  }

  /** Puts `diagnostics` in the place of everything that `origin` said before. Repetitions count once. */
  replace(origin: string, diagnostics: readonly Diagnostic[]): void {
    const before = this.#byOrigin.get(origin) ?? new Map<string, Diagnostic>();
    const after = new Map<string, Diagnostic>();
    for (const diagnostic of diagnostics) after.set(identify(diagnostic), diagnostic);
    this.#byOrigin.set(origin, after);
    const added = missingFrom(before, after);
    const resolved = missingFrom(after, before);
    if (added.length > 0 || resolved.length > 0) this.#onChange({ added, resolved });
  }

  /** Everything in force, in the order of the origins' first words. */
  current(): readonly Diagnostic[] {
    return [...this.#byOrigin.values()].flatMap((diagnostics) => [...diagnostics.values()]);
  }
}

/** Entries of `candidates` whose key `known` lacks. */
function missingFrom(
  known: ReadonlyMap<string, Diagnostic>,
  candidates: ReadonlyMap<string, Diagnostic>,
): Diagnostic[] {
  const missing: Diagnostic[] = [];
  for (const [key, diagnostic] of candidates) {
    if (!known.has(key)) missing.push(diagnostic);
  }
  return missing;
}

/** What makes two diagnostics the same one; a line that moved within its file does not. */
function identify({ severity, reason, object, field, message, location }: Diagnostic): string {
  const at = object === null ? null : [object.kind, object.namespace, object.name];
  return JSON.stringify([severity, reason, at, field, message, location?.file ?? null]);
}
