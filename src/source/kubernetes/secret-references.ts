// Which Secrets are referred to, and by how many: counted as objects come and go, so that nothing is ever searched.
import { KeyCounts } from "../../lib/key-counts.ts";
import type { NamespacedName } from "../../ir/names.ts";
import { objectKey } from "./reflector/api-object.ts";

/** What a change of one object's references brought about; keys are `namespace/name` of Secrets. */
export interface ReferenceChange {
  /** Referred to from now on, and not before. */
  readonly gained: readonly string[];
  /** Referred to by nothing any more. */
  readonly lost: readonly string[];
}

export class SecretReferences {
  readonly #counts = new KeyCounts();
  readonly #byOwner = new Map<string, readonly string[]>();

  /** @param fixed are referred to by the installation itself, for good. */
  constructor(fixed: readonly NamespacedName[]) {
    for (const name of fixed) this.#counts.add(objectKey(name));
  }

  has(secret: string): boolean {
    return this.#counts.has(secret);
  }

  keys(): IterableIterator<string> {
    return this.#counts.keys();
  }

  /** `owner` now refers to these and to nothing else; an empty list for one that is gone. */
  set(owner: string, secrets: readonly NamespacedName[]): ReferenceChange {
    const before = this.#byOwner.get(owner) ?? [];
    const after = [...new Set(secrets.map(objectKey))];
    if (after.length === 0) this.#byOwner.delete(owner);
    else this.#byOwner.set(owner, after);
    const gained = after.filter((secret) => this.#counts.add(secret));
    const lost = before.filter((secret) => this.#counts.remove(secret));
    return { gained, lost };
  }
}
