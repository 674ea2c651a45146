// The diagnostics in force that may become Events, each once, bounded. Knows no API server.
import { tellWithin } from "../../../ir/diagnostic.ts";
import type { Diagnostic } from "../../../ir/diagnostic.ts";
import type { ObjectReference } from "../../../ir/names.ts";

/** A diagnostic with an object. */
export type ObjectDiagnostic = Diagnostic & { readonly object: ObjectReference };

/** What changed about the diagnostics in force. */
export interface DiagnosticDelta {
  readonly added: readonly Diagnostic[];
  readonly resolved: readonly Diagnostic[];
}

/** One diagnostic in force, and how far it has been announced in this term. */
export interface ListedDiagnostic {
  readonly diagnostic: ObjectDiagnostic;
  /** In how many places it is in force. */
  places: number;
  /** What its Event is called; null before the first announcement. */
  eventName: string | null;
  /** How often its Event has been said; 0 where we do not know of it. */
  count: number;
  /** When to say it again, on the clock; meaningless while `eventName` is null. */
  againAt: number;
  /** True for what was in force when we began to lead: the leader before us may have announced it. */
  isInherited: boolean;
}

/**
 * Beyond so many, new ones are left out: an object or a namespace full of mistakes must not keep others from being told of
 * theirs.
 */
export interface ListCapacity {
  readonly total: number;
  readonly perNamespace: number;
  readonly perObject: number;
}

export class DiagnosticList {
  readonly #byKey = new Map<string, ListedDiagnostic>();
  readonly #perObject = new Map<string, number>();
  readonly #perNamespace = new Map<string, number>();
  #hasLeftOut = false;
  readonly #capacity: ListCapacity;

  constructor(capacity: ListCapacity) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Whether some that are in force may be missing for want of room. */
  get hasLeftOut(): boolean {
    return this.#hasLeftOut;
  }

  values(): Iterable<ListedDiagnostic> {
    return this.#byKey.values();
  }

  has(entry: ListedDiagnostic): boolean {
    return this.#byKey.get(keyOf(entry.diagnostic)) === entry;
  }

  /** Takes a change in. */
  apply({ added, resolved }: DiagnosticDelta): {
    readonly appeared: readonly ListedDiagnostic[];
    /** Gone, and nothing else is said in their place: of the same object, reason and field. */
    readonly ended: readonly ListedDiagnostic[];
    /** How many there was no room for. */
    readonly leftOut: number;
  } {
    // What is added and resolved at once only moved: its places are counted before any of them goes.
    const appeared: ListedDiagnostic[] = [];
    let leftOut = 0;
    const announced = announcedOf(added);
    for (const diagnostic of announced) {
      const known = this.#byKey.get(keyOf(diagnostic));
      if (known !== undefined) known.places += 1;
      else if (this.#hasRoomFor(diagnostic)) appeared.push(this.#add(diagnostic));
      else leftOut += 1;
    }
    if (leftOut > 0) this.#hasLeftOut = true;
    return { appeared, ended: this.#resolve(announcedOf(resolved), announced), leftOut };
  }

  /**
   * Takes in those that were left out and that there is room for by now. They are not kept meanwhile: their number has no bound.
   * @param inForce all that are in force, in every place.
   * @returns those that it has taken in.
   */
  refill(inForce: readonly Diagnostic[]): readonly ListedDiagnostic[] {
    const appeared = new Map<string, ListedDiagnostic>();
    this.#hasLeftOut = false;
    for (const diagnostic of announcedOf(inForce)) {
      const key = keyOf(diagnostic);
      const taken = appeared.get(key);
      if (taken !== undefined) taken.places += 1;
      else if (this.#byKey.has(key)) continue;
      else if (this.#hasRoomFor(diagnostic)) appeared.set(key, this.#add(diagnostic));
      else this.#hasLeftOut = true;
    }
    return [...appeared.values()];
  }

  #hasRoomFor({ object }: ObjectDiagnostic): boolean {
    const { total, perNamespace, perObject } = this.#capacity;
    const ofNamespace = this.#perNamespace.get(object.namespace) ?? 0;
    const ofObject = this.#perObject.get(objectKeyOf(object)) ?? 0;
    return this.#byKey.size < total && ofNamespace < perNamespace && ofObject < perObject;
  }

  #add(diagnostic: ObjectDiagnostic): ListedDiagnostic {
    const entry = { diagnostic, places: 1, eventName: null, count: 0, againAt: 0, isInherited: false };
    this.#byKey.set(keyOf(diagnostic), entry);
    this.#count(diagnostic, 1);
    return entry;
  }

  #count({ object }: ObjectDiagnostic, change: number): void {
    addTo(this.#perObject, objectKeyOf(object), change);
    addTo(this.#perNamespace, object.namespace, change);
  }

  #resolve(resolved: readonly ObjectDiagnostic[], added: readonly ObjectDiagnostic[]): ListedDiagnostic[] {
    const ended: ListedDiagnostic[] = [];
    const replaced = new Set(added.map(placeOf));
    for (const diagnostic of resolved) {
      const key = keyOf(diagnostic);
      const entry = this.#byKey.get(key);
      if (entry === undefined) continue;
      entry.places -= 1;
      if (entry.places > 0) continue;
      this.#byKey.delete(key);
      this.#count(diagnostic, -1);
      if (!replaced.has(placeOf(diagnostic))) ended.push(entry);
    }
    return ended;
  }
}

function addTo(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

/**
 * Those for Events, in the words for whoever may read the object's namespace: an Event stands there. Two that differ only in what
 * must not be told are one, in two places.
 */
function announcedOf(diagnostics: readonly Diagnostic[]): readonly ObjectDiagnostic[] {
  return diagnostics
    .filter(isAnnounced)
    .map((diagnostic) => ({ ...tellWithin(diagnostic.object.namespace, diagnostic), object: diagnostic.object }));
}

/** What is passed over on purpose asks nothing of anybody, and would crowd out what does. */
function isAnnounced(diagnostic: Diagnostic): diagnostic is ObjectDiagnostic {
  return diagnostic.object !== null && diagnostic.severity !== "info";
}

/** Also of the object alone, for limits per object. */
export function objectKeyOf({ kind, namespace, name }: ObjectReference): string {
  return `${kind}/${namespace}/${name}`;
}

function placeOf({ object, reason, field }: ObjectDiagnostic): string {
  return JSON.stringify([objectKeyOf(object), reason, field]);
}

function keyOf({ object, reason, field, message }: ObjectDiagnostic): string {
  return JSON.stringify([objectKeyOf(object), reason, field, message]);
}
