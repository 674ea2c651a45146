// Values that are refused, and whether the message says what is wrong.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { CHART } from "./generated-files.ts";
import { refusalOf } from "./rendered-chart.ts";
import type { Values } from "./rendered-chart.ts";
import { renderValuesTable } from "./values-table.ts";

const REFUSED: readonly (readonly [Values, RegExp])[] = [
  [{ replicaCuont: 3 }, /'replicaCuont' not allowed/],
  [{ service: { typ: "NodePort" } }, /at '\/service': additional properties 'typ' not allowed/],
  [{ ingressClass: { defautl: true } }, /at '\/ingressClass': additional properties 'defautl'/],
  [{ config: { http: ":80" } }, /at '\/config': additional properties 'http' not allowed/],
  [{ config: { limits: { "max-conections": 1 } } }, /at '\/config\/limits'.*'max-conections'/],
  [{ kind: "StatefulSet" }, /at '\/kind': value must be one of 'Deployment', 'DaemonSet'/],
  [{ drainDelay: 5 }, /at '\/drainDelay'/],
  [{ shutdownGrace: "5" }, /at '\/shutdownGrace'/],
  [{ defaultCertificate: "wildcard" }, /at '\/defaultCertificate'/],
  [{ podLabels: { canary: true } }, /at '\/podLabels\/canary'/],
  [{ workers: 0 }, /at '\/workers'/],
  [{ terminationGracePeriodSeconds: 30 }, /drainDelay \(5s\) and shutdownGrace \(2m\) take up to 125 seconds/],
  [{ scope: { namespaces: ["a"], namespaceSelector: "b=c" } }, /scope\.namespaces and scope\.namespaceSelector/],
  [{ statusAddresses: ["192.0.2.1"], publishService: { name: "a/b" } }, /leave one out/],
  [{ publishNodeAddresses: true, service: { enabled: false } }, /publishNodeAddresses needs a Service/],
  [{ kind: "DaemonSet", autoscaling: { enabled: true } }, /autoscaling needs kind Deployment/],
  [{ autoscaling: { enabled: true, minReplicas: 11 } }, /minReplicas is greater/],
  [{ autoscaling: { enabled: true, targetCPUUtilizationPercentage: null } }, /nothing to go by/],
  [{ autoscaling: { enabled: true }, resources: { requests: null } }, /share of resources\.requests\.cpu/],
  [{ leaderElection: { enabled: false } }, /keep it on with more than one pod/],
  [{ podDisruptionBudget: { maxUnavailable: null } }, /needs maxUnavailable or minAvailable/],
  [{ metrics: { serviceMonitor: { enabled: true }, podMonitor: { enabled: true } } }, /scrape every pod twice/],
  [{ metrics: { serviceMonitor: { enabled: true }, service: { enabled: false } } }, /needs metrics\.service/],
  [{ service: { ports: { http: null, https: null } } }, /service\.ports has no port/],
];

describe("values are refused", () => {
  for (const [values, message] of REFUSED) {
    it(JSON.stringify(values), async () => {
      assert.match(await refusalOf(values), message);
    });
  }
});

describe("values.yaml", () => {
  const table = renderValuesTable(readFileSync(path.join(CHART, "values.yaml"), "utf8"));

  it("explains every value", () => {
    assert.deepEqual(table.unexplained, []);
  });

  it("has every value of the schema, so that none is hidden", () => {
    const schema: unknown = JSON.parse(readFileSync(path.join(CHART, "values.schema.json"), "utf8"));
    const known = new Set(table.paths);
    // `enabled` belongs to parent charts; what the others hold is a part of Kubernetes or of the program's configuration.
    const opaque = /^(enabled|config|resources|updateStrategy|lifecycle|affinity|dnsConfig)$|Probe$|parameters$|orts$/;
    const missing: string[] = [];
    const visit = (node: unknown, prefix: string): void => {
      if (typeof node !== "object" || node === null || !("properties" in node)) return;
      for (const [key, child] of Object.entries(node.properties as Record<string, unknown>)) {
        const name = `${prefix}${key}`;
        if (name === "enabled") continue;
        if (!known.has(name)) missing.push(name);
        if (!opaque.test(name)) visit(child, `${name}.`);
      }
    };
    visit(schema, "");
    assert.deepEqual(missing, []);
  });
});
