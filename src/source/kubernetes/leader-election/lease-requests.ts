// Reads and writes one Lease. Every expected outcome is a value; decides nothing about who leads.
import type { NamespacedName } from "../../../ir/names.ts";
import type { ApiAnswer, ApiClient } from "../client/api-client.ts";
import { refusalOf } from "../client/refusal.ts";
import type { LeaseRecord, StoredLease } from "./lease-record.ts";
import { readLease, specOf, withRecord } from "./lease-record.ts";

export type LeaseAnswer =
  | { readonly outcome: "lease"; readonly lease: StoredLease }
  | { readonly outcome: "missing" }
  /** Somebody else wrote in between. */
  | { readonly outcome: "conflict" }
  | { readonly outcome: "refused"; readonly message: string; readonly retryAfterMs: number | null };

/** For one request; milliseconds. */
export interface RequestLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export class LeaseRequests {
  readonly #client: ApiClient;
  readonly #lease: NamespacedName;
  readonly #collection: string;

  constructor(client: ApiClient, lease: NamespacedName) {
    this.#client = client;
    this.#lease = lease;
    this.#collection = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(lease.namespace)}/leases`;
  }

  /** @throws ApiUnreachable */
  async read(limits: RequestLimits): Promise<LeaseAnswer> {
    return this.#classify(await this.#client.send({ method: "GET", path: this.#path(), ...limits }), "read");
  }

  /** @throws ApiUnreachable */
  async create(record: LeaseRecord, limits: RequestLimits): Promise<LeaseAnswer> {
    const body = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: this.#lease.name, namespace: this.#lease.namespace },
      spec: specOf(record),
    };
    const answer = await this.#client.send({ method: "POST", path: this.#collection, body, ...limits });
    return this.#classify(answer, "create");
  }

  /**
   * Writes over `known` where nobody else has done so since: the server compares the resourceVersion.
   * @throws ApiUnreachable
   */
  async update(known: StoredLease, record: LeaseRecord, limits: RequestLimits): Promise<LeaseAnswer> {
    const body = withRecord(known, record);
    return this.#classify(await this.#client.send({ method: "PUT", path: this.#path(), body, ...limits }), "update");
  }

  #path(): string {
    return `${this.#collection}/${encodeURIComponent(this.#lease.name)}`;
  }

  #classify({ status, body, retryAfterMs }: ApiAnswer, verb: string): LeaseAnswer {
    if (status === 200 || status === 201) {
      const lease = readLease(body);
      if (lease !== null) return { outcome: "lease", lease };
    }
    if (status === 404 && verb !== "create") return { outcome: "missing" };
    if (status === 409) return { outcome: "conflict" };
    const { namespace, name } = this.#lease;
    const said = refusalOf(status, body, retryAfterMs).message;
    const advice = status === 403 ? `; grant get, create and update of leases in namespace ${namespace}` : "";
    return { outcome: "refused", message: `cannot ${verb} Lease ${namespace}/${name}: ${said}${advice}`, retryAfterMs };
  }
}
