// `npm run chart:dry-run`: asks the API server of KUBECONFIG whether it would take what the chart renders, for many sets of
// values, in a namespace where the restricted Pod Security standard is enforced. Changes nothing but that namespace.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";
import { MANIFESTS } from "./generated-files.ts";
import { HelmError } from "./run-helm.ts";
import { renderChart } from "./rendered-chart.ts";
import type { Values } from "./rendered-chart.ts";

interface ValueSet {
  readonly name: string;
  readonly values: Values;
  /** Host ports and the host's network are what no standard but the privileged one allows. */
  readonly isPrivileged?: boolean;
}

const VALUE_SETS: readonly ValueSet[] = [
  ...MANIFESTS.map(({ file, values }) => ({ name: file, values, isPrivileged: values["hostPort"] !== undefined })),
  { name: "one pod, no Service", values: { replicaCount: 1, service: { enabled: false } } },
  { name: "DaemonSet behind a load balancer", values: { kind: "DaemonSet" } },
  { name: "host's network", values: { hostNetwork: true }, isPrivileged: true },
  { name: "ports below 1024", values: { containerPorts: { http: 80, https: 443 } } },
  {
    name: "every option of the Service",
    values: {
      service: {
        annotations: { "lb.example/name": "edge" },
        labels: { tier: "edge" },
        externalTrafficPolicy: "Local",
        internalTrafficPolicy: "Cluster",
        trafficDistribution: "PreferSameZone",
        loadBalancerClass: "lb.example/class",
        loadBalancerSourceRanges: ["192.0.2.0/24"],
        allocateLoadBalancerNodePorts: true,
        externalIPs: ["192.0.2.7"],
        ipFamilyPolicy: "SingleStack",
        ipFamilies: ["IPv4"],
        sessionAffinity: "ClientIP",
        ports: { http: 8080, https: null },
        internal: { enabled: true, type: "NodePort", nodePorts: { http: null } },
      },
    },
  },
  {
    name: "autoscaling",
    values: {
      autoscaling: { enabled: true, targetMemoryUtilizationPercentage: 80, connections: { targetAverage: "10k" } },
      podDisruptionBudget: { maxUnavailable: null, minAvailable: "50%" },
    },
  },
  {
    name: "webhook and network policy",
    values: {
      webhook: { enabled: true, failurePolicy: "Fail", objectSelector: { matchLabels: { checked: "yes" } } },
      networkPolicy: {
        enabled: true,
        from: [{ ipBlock: { cidr: "0.0.0.0/0" } }],
        metricsFrom: [{ namespaceSelector: { matchLabels: { name: "monitoring" } } }],
        egress: [{}],
      },
    },
  },
  {
    name: "classes, status and settings",
    values: {
      ingressClass: {
        default: true,
        aliases: ["nginx"],
        annotations: { "example.com/owner": "edge" },
        parameters: { apiGroup: "penstock.dev", kind: "ProxyConfig", name: "public" },
      },
      statusAddresses: ["192.0.2.7"],
      config: { "log-level": "warn", limits: { "max-connections": 50_000 } },
      scope: { namespaceSelector: "team=web,env!=test" },
    },
  },
  {
    name: "limits and extras",
    values: {
      resources: { requests: { cpu: 1 }, limits: { cpu: "1500m", memory: "1Gi" } },
      priorityClassName: "system-cluster-critical",
      nodeSelector: { "kubernetes.io/os": "linux" },
      tolerations: [{ operator: "Exists" }],
      hostAliases: [{ ip: "192.0.2.1", hostnames: ["a.example"] }],
      dnsConfig: { options: [{ name: "ndots", value: "1" }] },
      lifecycle: { preStop: { sleep: { seconds: 1 } } },
      extraEnv: [{ name: "TZ", value: "UTC" }],
      envFrom: [{ configMapRef: { name: "extra", optional: true } }],
      extraVolumes: [{ name: "tmp", emptyDir: {} }],
      extraVolumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "a.example/rack", whenUnsatisfiable: "DoNotSchedule" }],
      extraObjects: ["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra, namespace: {{ .Release.Namespace }}}"],
    },
  },
];

/** Output of kubectl on both streams; throws with it where kubectl fails. */
async function kubectl(args: readonly string[], input = ""): Promise<string> {
  const child = spawn(process.env["KUBECTL_BIN"] ?? "kubectl", args);
  const failed = new Promise<never>((_resolve, reject) => child.once("error", reject));
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  child.stdin.end(input);
  const output = Promise.all([text(child.stdout), text(child.stderr), exited]);
  const [stdout, stderr, code] = await Promise.race([output, failed]);
  if (code !== 0) throw new HelmError(stderr.trim() || `kubectl ended with ${code}`);
  return `${stdout}${stderr}`;
}

/** What the API server has against the objects; null: nothing. */
async function problemOf({ values }: ValueSet, namespace: string): Promise<string | null> {
  const scope = values["scope"] as { namespaces?: unknown } | undefined;
  const scoped = scope?.namespaces === undefined ? values : { ...values, scope: { namespaces: [namespace] } };
  const { objects } = await renderChart(scoped, { release: namespace, namespace });
  // Those kinds come with the Prometheus operator.
  const known = objects.filter((object) => !/^(Service|Pod)Monitor$|^PrometheusRule$/.test(String(object.kind)));
  const documents = known.map((object) => `---\n${JSON.stringify(object)}\n`).join("");
  try {
    const output = await kubectl(
      ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"],
      documents,
    );
    const warnings = output.split("\n").filter((line) => line.startsWith("Warning:"));
    return warnings.length === 0 ? null : warnings.join("\n");
  } catch (error) {
    if (error instanceof HelmError) return error.message;
    throw error;
  }
}

async function run(): Promise<number> {
  const namespace = `penstock-dry-run-${randomBytes(4).toString("hex")}`;
  let failures = 0;
  await kubectl(["create", "namespace", namespace]);
  try {
    for (const set of VALUE_SETS) {
      const level = set.isPrivileged === true ? "privileged" : "restricted";
      const labels = ["enforce", "warn"].map((mode) => `pod-security.kubernetes.io/${mode}=${level}`);
      await kubectl(["label", "--overwrite", "namespace", namespace, ...labels]);
      const problem = await problemOf(set, namespace);
      console.log(`${problem === null ? "ok    " : "FAILED"} ${set.name}${problem === null ? "" : `\n${problem}`}`);
      if (problem !== null) failures++;
    }
  } finally {
    await kubectl(["delete", "namespace", namespace, "--wait=false"]);
  }
  console.log(`${VALUE_SETS.length - failures} passed, ${failures} failed`);
  return failures === 0 ? 0 : 1;
}

try {
  process.exitCode = await run();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.error(
    "code" in error && error.code === "ENOENT"
      ? "kubectl is needed: put it in PATH, or name it in KUBECTL_BIN"
      : error.message,
  );
  process.exitCode = 1;
}
