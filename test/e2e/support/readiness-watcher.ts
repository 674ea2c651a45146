// Asks /readyz of each replica all the time, from within the cluster, so that a moment without readiness is seen.
import assert from "node:assert/strict";
import { podStatus } from "./disruption.ts";
import { kubectl } from "./kubectl.ts";
import type { TestNamespace } from "./namespace.ts";
import { podsOf } from "./release.ts";
import type { Release } from "./release.ts";
import { SETTINGS } from "./settings.ts";

const NAME = "watcher";
const INTERVAL_MS = 200;

function sourceFor(addresses: readonly string[]): string {
  return `
    const counts = {};
    const ask = async (address) => {
      let answer;
      try {
        answer = (await fetch("http://" + address + ":10254/readyz", { signal: AbortSignal.timeout(10_000) })).status;
      } catch (error) { answer = String(error.cause?.code ?? error.name); }
      counts[answer] = (counts[answer] ?? 0) + 1;
      setTimeout(ask, ${INTERVAL_MS}, address);
    };
    process.on("SIGTERM", () => process.exit(0));
    setInterval(() => console.log(JSON.stringify(counts)), 1_000);
    for (const address of ${JSON.stringify(addresses)}) void ask(address);`;
}

export class ReadinessWatcher {
  readonly #namespace: TestNamespace;

  private constructor(namespace: TestNamespace) {
    this.#namespace = namespace;
  }

  /** Watches the pods that the release has now. */
  static async start(namespace: TestNamespace, release: Release): Promise<ReadinessWatcher> {
    const addresses = (await podsOf(release)).map(({ status }) => (status as { readonly podIP: string }).podIP);
    await namespace.apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: NAME, labels: { app: NAME } },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: NAME,
            image: SETTINGS.image,
            command: ["/usr/local/bin/node", "--input-type=module", "--eval", sourceFor(addresses)],
          },
        ],
      },
    });
    await namespace.waitFor("Pod", NAME, (pod) => podStatus(pod).phase === "Running");
    return new ReadinessWatcher(namespace);
  }

  /** How often each answer came, by its status or error. */
  async answers(): Promise<Readonly<Record<string, number>>> {
    const line = await kubectl(["logs", NAME, "--namespace", this.#namespace.name, "--tail", "1"]);
    return JSON.parse(line) as Readonly<Record<string, number>>;
  }

  /** Every replica was ready all the time, and was asked at least so often. */
  async assertAlwaysReady(atLeast: number): Promise<void> {
    const answers = await this.answers();
    assert.deepEqual(Object.keys(answers), ["200"], `/readyz answered ${JSON.stringify(answers)}`);
    assert.ok((answers["200"] ?? 0) >= atLeast, `readiness was asked for ${answers["200"]} times only`);
  }
}
