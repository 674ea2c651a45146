// Decides which Secrets are wanted, which are those that something refers to, and has them read: by list and watch, and one
// by one where a reference comes after the watch has passed the Secret over. Nothing else of the cluster is known here.
import type { NamespacedName, ObjectReference } from "../../ir/names.ts";
import type { Clock } from "../../lib/clock.ts";
import { forbiddenSecretDiagnostic } from "./availability-diagnostics.ts";
import type { ChangeBatch } from "./change-batch.ts";
import type { ApiClient } from "./client/api-client.ts";
import type { Collection } from "./collection.ts";
import type { DiagnosticBoard } from "./diagnostic-board.ts";
import { subjectOf } from "./diagnostic-board.ts";
import type { ObjectIntake } from "./object-intake.ts";
import { nameOfKey, objectKey } from "./reflector/api-object.ts";
import type { Resource } from "./resource.ts";
import { SECRETS } from "./resources.ts";
import type { SecretReaderOptions } from "./secret-reader.ts";
import { SecretReader } from "./secret-reader.ts";
import { SecretReferences } from "./secret-references.ts";

export interface ReferencedSecretsOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly timing: SecretReaderOptions["timing"];
  /** Only Secrets of these are read, and the fixed ones; empty: of all. */
  readonly namespaces: readonly string[];
  /** Secrets that the installation itself refers to; read wherever they are. */
  readonly fixedSecrets: readonly NamespacedName[];
  readonly board: DiagnosticBoard;
  readonly batch: ChangeBatch;
  /** Makes the collections of all namespaces that are ours to read. */
  readonly collectEverywhere: (resource: Resource) => readonly Collection[];
  /** Makes the collection of one namespace. */
  readonly collect: (resource: Resource, namespace: string) => Collection;
}

export class ReferencedSecrets {
  readonly collections: readonly Collection[];
  readonly #options: ReferencedSecretsOptions;
  readonly #references: SecretReferences;
  readonly #reader: SecretReader;
  #isStarted = false;

  constructor(options: ReferencedSecretsOptions) {
    this.#options = options;
    this.#references = new SecretReferences(options.fixedSecrets);
    this.#reader = this.#makeReader();
    this.collections = [...options.collectEverywhere(SECRETS), ...this.#collectFixed()];
  }

  /** Whether to keep the Secret `namespace/name`. */
  isWanted(key: string): boolean {
    return this.#references.has(key);
  }

  /** Starts to read; whatever refers to Secrets should be known before, so that one list finds all of them. */
  start(): void {
    this.#isStarted = true;
    for (const collection of this.collections) collection.start();
  }

  /** Resolves when every Secret that is referred to was read, or is known not to be had for now. */
  async settled(): Promise<void> {
    await Promise.all(this.collections.map(({ settled }) => settled));
    await this.#reader.settled();
  }

  /** Stops to read one by one; the collections are closed by whoever made them. */
  close(): void {
    this.#reader.close();
  }

  /** `owner` now refers to these and to nothing else; an empty list for one that is gone. */
  refer(owner: ObjectReference, secrets: readonly NamespacedName[]): void {
    const { gained, lost } = this.#references.set(subjectOf(owner), secrets);
    for (const key of lost) this.#release(key);
    if (this.#isStarted) for (const key of gained) this.#want(key);
  }

  /** What may not be listed may still be there to be had one by one. */
  readOneByOne(): void {
    for (const key of this.#references.keys()) {
      if (this.#intakeOf(key) !== null) this.#reader.want(key);
    }
  }

  #release(key: string): void {
    this.#reader.unwant(key);
    this.#options.board.set(forbiddenSubject(key), []);
    for (const { intake } of this.collections) intake.drop(key);
  }

  #want(key: string): void {
    const intake = this.#intakeOf(key);
    if (intake !== null && !intake.has(key)) this.#reader.want(key);
  }

  /** Null for a Secret of a namespace that is not ours to read: nothing is asked of it. */
  #intakeOf(key: string): ObjectIntake | null {
    const { namespace } = nameOfKey(key);
    const found = this.collections.find(
      (collection) =>
        collection.resource === SECRETS && (collection.namespace === null || collection.namespace === namespace),
    );
    return found?.intake ?? null;
  }

  /** Each of those outside of the namespaces is read by its name alone, which a Role can be as narrow as. */
  #collectFixed(): readonly Collection[] {
    const { namespaces, fixedSecrets, collect } = this.#options;
    if (namespaces.length === 0) return [];
    return fixedSecrets
      .filter(({ namespace }) => !namespaces.includes(namespace))
      .map(({ namespace, name }) => collect({ ...SECRETS, fieldSelector: `metadata.name=${name}` }, namespace));
  }

  #makeReader(): SecretReader {
    const { client, clock, random, timing, board, batch } = this.#options;
    return new SecretReader({
      client,
      clock,
      random,
      timing,
      found: (object) => {
        const key = objectKey(object.metadata);
        board.set(forbiddenSubject(key), []);
        this.#intakeOf(key)?.readAside(object);
      },
      missing: (key) => {
        board.set(forbiddenSubject(key), []);
        batch.request();
      },
      forbidden: (key, message) => {
        const ref = { kind: SECRETS.kind, ...nameOfKey(key) };
        board.set(forbiddenSubject(key), [forbiddenSecretDiagnostic(ref, message)]);
        batch.request();
      },
      asking: (key) => this.#intakeOf(key)?.beginReadingAside(),
      asked: (key) => this.#intakeOf(key)?.endReadingAside(),
      began: () => batch.hold(),
      ended: () => batch.release(),
    });
  }
}

function forbiddenSubject(key: string): string {
  return `forbidden ${key}`;
}
