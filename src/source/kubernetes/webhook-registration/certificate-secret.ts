// Keeps the webhook's certificates in a Secret that all replicas share. Whoever comes first creates or renews them; optimistic
// concurrency decides between several, and the others take what was written.
import type { NamespacedName } from "../../../ir/names.ts";
import { formatName } from "../../../ir/names.ts";
import { quoteText } from "../../../lib/untrusted-text.ts";
import type { ApiAnswer, ApiClient } from "../client/api-client.ts";
import { readField, readText, refusal, RegistrationProblem } from "./api-problem.ts";
import { renewMaterial } from "./renew-material.ts";
import type { Renewal } from "./renew-material.ts";
import { readSecretData, SECRET_TYPE, toSecretData } from "./serving-material.ts";
import type { MaterialReading, ServingMaterial } from "./serving-material.ts";

export interface CertificateSecretOptions {
  readonly client: ApiClient;
  readonly secret: NamespacedName;
  readonly service: NamespacedName;
  /** Milliseconds since 1970. */
  readonly wallTimeMs: () => number;
  readonly signal: AbortSignal;
}

/** What stands in the Secret after it was seen to. */
export interface CertificateSecretState {
  readonly material: ServingMaterial;
  /** What this replica wrote; null where it only read. */
  readonly change: Renewal["change"];
  /** What was wrong with what stood there before; null where nothing was. */
  readonly replacedFault: string | null;
}

/** Two replicas rarely meet; more rounds than this are no race. */
const MAX_ROUNDS = 5;
const TIMEOUT_MS = 10_000;

/**
 * Reads the Secret, and creates or renews what it should hold.
 * @throws RegistrationProblem, ApiUnreachable
 */
export async function syncCertificateSecret(options: CertificateSecretOptions): Promise<CertificateSecretState> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const stored = await readSecret(options);
    const reading = readStored(stored);
    const { material, change } = renewMaterial(reading.material, options.service, options.wallTimeMs());
    const replacedFault = stored === null ? null : reading.fault;
    if (change === null) return { material, change, replacedFault };
    const isWritten =
      stored === null ? await createSecret(material, options) : await replaceData(material, stored, options);
    if (isWritten) return { material, change, replacedFault };
  }
  throw new RegistrationProblem(`cannot write ${describe(options)}: others write it all the time`);
}

function readStored(stored: unknown): MaterialReading {
  return readSecretData(readField(stored, "data"));
}

/** Null where it does not exist. */
async function readSecret(options: CertificateSecretOptions): Promise<object | null> {
  const answer = await options.client.send({ method: "GET", path: secretPath(options), ...shared(options) });
  if (answer.status === 404) return null;
  if (answer.status === 200 && typeof answer.body === "object" && answer.body !== null) return answer.body;
  throw refuse("read", answer, options);
}

/** False where somebody else was faster. */
async function createSecret(material: ServingMaterial, options: CertificateSecretOptions): Promise<boolean> {
  const { namespace, name } = options.secret;
  const labels = { "app.kubernetes.io/managed-by": "penstock" };
  const metadata = { namespace, name, labels };
  const body = { apiVersion: "v1", kind: "Secret", metadata, type: SECRET_TYPE, data: toSecretData(material) };
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`;
  const answer = await options.client.send({ method: "POST", path, body, ...shared(options) });
  if (answer.status === 409) return false;
  if (answer.status !== 201 && answer.status !== 200) throw refuse("create", answer, options);
  return true;
}

/** False where somebody else has written since. The type stays, as the API does not let it change. */
async function replaceData(
  material: ServingMaterial,
  stored: object,
  options: CertificateSecretOptions,
): Promise<boolean> {
  const resourceVersion = readText(readField(stored, "metadata"), "resourceVersion");
  if (readField(stored, "immutable") === true) {
    throw new RegistrationProblem(`cannot renew the certificate: ${describe(options)} is immutable; delete it`);
  }
  const body = { metadata: { resourceVersion }, data: toSecretData(material) };
  const answer = await options.client.send({ method: "PATCH", path: secretPath(options), body, ...shared(options) });
  // Deleted since: the next round creates it.
  if (answer.status === 409 || answer.status === 404) return false;
  if (answer.status !== 200) throw refuse("write", answer, options);
  return true;
}

function refuse(verb: string, answer: ApiAnswer, options: CertificateSecretOptions): RegistrationProblem {
  const advice =
    answer.status === 404
      ? `is there a namespace ${quoteText(options.secret.namespace)}?`
      : "grant get and patch on it, and create on Secrets of its namespace";
  return refusal(`${verb} ${describe(options)}`, answer, advice);
}

function describe({ secret }: CertificateSecretOptions): string {
  return `Secret ${formatName(secret)} of the admission webhook`;
}

function secretPath({ secret }: CertificateSecretOptions): string {
  return `/api/v1/namespaces/${encodeURIComponent(secret.namespace)}/secrets/${encodeURIComponent(secret.name)}`;
}

function shared({ signal }: CertificateSecretOptions): { readonly timeoutMs: number; readonly signal: AbortSignal } {
  return { timeoutMs: TIMEOUT_MS, signal };
}
