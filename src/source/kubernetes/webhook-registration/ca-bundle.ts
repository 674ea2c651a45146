// Tells the API server whom to trust for our webhook: the `caBundle` of every entry of a ValidatingWebhookConfiguration
// that leads to our Service. Changes nothing else of it.
import { isDeepStrictEqual } from "node:util";
import type { NamespacedName } from "../../../ir/names.ts";
import { formatName } from "../../../ir/names.ts";
import type { ApiClient } from "../client/api-client.ts";
import { readField, readText, refusal, RegistrationProblem } from "./api-problem.ts";

export interface CaBundleOptions {
  readonly client: ApiClient;
  /** Name of the ValidatingWebhookConfiguration. */
  readonly configuration: string;
  readonly service: NamespacedName;
  readonly signal: AbortSignal;
}

const MAX_ROUNDS = 5;
const TIMEOUT_MS = 10_000;

/**
 * Any replica may do it: all of them read the bundle from the same Secret, so they write the same, and only what differs.
 * A leader would add nothing but a time without one. Whoever writes a bundle that has just become old does no harm: a new
 * authority signs nothing before every replica has read it.
 * @param bundlePem the authorities, in PEM.
 * @returns how many entries were changed.
 * @throws RegistrationProblem, ApiUnreachable
 */
export async function syncCaBundle(bundlePem: string, options: CaBundleOptions): Promise<number> {
  const caBundle = Buffer.from(bundlePem).toString("base64");
  const path = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${encodeURIComponent(options.configuration)}`;
  const shared = { timeoutMs: TIMEOUT_MS, signal: options.signal };
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const answer = await options.client.send({ method: "GET", path, ...shared });
    if (answer.status !== 200) throw refuse("read", answer, options);
    const { configuration, changed } = withBundle(answer.body, caBundle, options);
    if (changed === 0) return 0;
    // With the resourceVersion that was read, so that no change of somebody else's is undone.
    const written = await options.client.send({ method: "PUT", path, body: configuration, ...shared });
    if (written.status === 200) return changed;
    if (written.status !== 409) throw refuse("update", written, options);
  }
  throw new RegistrationProblem(`cannot update ${describe(options)}: others write it all the time`);
}

function withBundle(
  configuration: unknown,
  caBundle: string,
  options: CaBundleOptions,
): { readonly configuration: object; readonly changed: number } {
  const webhooks = readField(configuration, "webhooks");
  const entries: readonly unknown[] = Array.isArray(webhooks) ? webhooks : [];
  let ours = 0;
  const updated = entries.map((entry) => {
    const clientConfig = readField(entry, "clientConfig");
    if (!leadsTo(clientConfig, options.service)) return entry;
    ours += 1;
    if (readText(clientConfig, "caBundle") === caBundle) return entry;
    return { ...(entry as object), clientConfig: { ...(clientConfig as object), caBundle } };
  });
  if (ours === 0) {
    const where = `Service ${formatName(options.service)}`;
    throw new RegistrationProblem(
      `${describe(options)} has no webhook that leads to ${where}; write it in clientConfig`,
    );
  }
  const changed = updated.filter((entry, index) => !isDeepStrictEqual(entry, entries[index])).length;
  return { configuration: { ...(configuration as object), webhooks: updated }, changed };
}

function leadsTo(clientConfig: unknown, { namespace, name }: NamespacedName): boolean {
  const service = readField(clientConfig, "service");
  return readText(service, "namespace") === namespace && readText(service, "name") === name;
}

function refuse(verb: string, answer: Parameters<typeof refusal>[1], options: CaBundleOptions): RegistrationProblem {
  const advice = answer.status === 404 ? "create it, or name another one" : "grant get and update on it";
  return refusal(`${verb} ${describe(options)}`, answer, advice);
}

function describe({ configuration }: CaBundleOptions): string {
  return `ValidatingWebhookConfiguration ${configuration}`;
}
