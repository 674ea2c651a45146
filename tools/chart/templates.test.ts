// What the chart makes of the values that people use.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { loadOptions } from "../../src/config/load-options.ts";
import type { RawSetting } from "../../src/config/raw-settings.ts";
import { SETTING_KEYS } from "../../src/config/settings.ts";
import type { SettingKey } from "../../src/config/settings.ts";
import { CHART } from "./generated-files.ts";
import { renderChart } from "./rendered-chart.ts";
import type { Loose, RenderedChart } from "./rendered-chart.ts";

/** Every feature that adds objects, at once. */
const EVERYTHING = {
  kind: "Deployment",
  commonLabels: { team: "edge", "app.kubernetes.io/name": "hijacked" },
  ingressClass: { aliases: ["nginx"], default: true },
  service: { internal: { enabled: true } },
  webhook: { enabled: true },
  config: { "log-level": "warn", limits: { "max-connections": 50_000 } },
  metrics: { serviceMonitor: { enabled: true }, prometheusRule: { enabled: true } },
  autoscaling: { enabled: true, connections: { targetAverage: 5000 } },
  networkPolicy: { enabled: true },
  defaultCertificate: "infra/wildcard",
  trustedProxies: ["10.0.0.0/8"],
  clearStatusOnStop: true,
  events: { enabled: false },
  watchWithoutClass: true,
} as const;

/** The flags of a container, as the program reads them. */
function optionsOf(chart: RenderedChart): Promise<Awaited<ReturnType<typeof loadOptions>>> {
  const flags = new Map<SettingKey, RawSetting>();
  for (const arg of chart.args.slice(1)) {
    const [, no, key = "", value] = /^--(no-)?([a-z-]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (key === "config") continue;
    assert.ok(SETTING_KEYS.includes(key as SettingKey), `${arg} is no flag of the program`);
    const texts = [...(flags.get(key as SettingKey)?.texts ?? []), value ?? String(no === undefined)];
    flags.set(key as SettingKey, { texts, origin: arg });
  }
  return loadOptions({
    command: "controller",
    flags,
    environment: {},
    configFile: null,
    machine: { parallelism: 64 },
  });
}

function envOf(chart: RenderedChart, name: string): Loose {
  return chart.container.env.find((variable: Loose) => variable.name === name);
}

describe("the chart's own values", () => {
  it("make two pods behind a load balancer, spread over zones and nodes, replaced without a gap", async () => {
    const chart = await renderChart();
    const { spec } = chart.one("Deployment");
    assert.equal(spec.replicas, 2);
    assert.deepEqual(spec.strategy, { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
    assert.equal(chart.one("Service", "penstock").spec.type, "LoadBalancer");
    assert.deepEqual(
      chart.podSpec.topologySpreadConstraints.map((constraint: Loose) => [
        constraint.topologyKey,
        constraint.whenUnsatisfiable,
        constraint.labelSelector.matchLabels,
      ]),
      ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((key) => [
        key,
        "ScheduleAnyway",
        spec.selector.matchLabels,
      ]),
    );
    assert.equal(chart.one("PodDisruptionBudget").spec.maxUnavailable, 1);
  });

  it("meet the restricted Pod Security standard, for the test's pod as well", async () => {
    const chart = await renderChart();
    const pods = [chart.podSpec, chart.one("Pod").spec];
    for (const pod of pods) {
      assert.equal(pod.securityContext.runAsNonRoot, true);
      assert.equal(pod.securityContext.seccompProfile.type, "RuntimeDefault");
      assert.equal(pod.hostNetwork, undefined);
      for (const container of pod.containers) {
        assert.equal(container.securityContext.allowPrivilegeEscalation, false);
        assert.equal(container.securityContext.readOnlyRootFilesystem, true);
        assert.deepEqual(container.securityContext.capabilities, { drop: ["ALL"] });
        for (const port of container.ports ?? []) assert.equal(port.hostPort, undefined);
      }
    }
  });

  it("probe what each endpoint means, and tell the pod who and where it is", async () => {
    const { container } = await renderChart();
    assert.deepEqual(container.livenessProbe.httpGet, { path: "/healthz", port: "admin" });
    assert.deepEqual(container.startupProbe.httpGet, { path: "/healthz", port: "admin" });
    assert.deepEqual(container.readinessProbe.httpGet, { path: "/readyz", port: "admin" });
    assert.deepEqual(
      container.env.map((variable: Loose) => [variable.name, variable.valueFrom.fieldRef.fieldPath]),
      [
        ["POD_NAME", "metadata.name"],
        ["POD_NAMESPACE", "metadata.namespace"],
        ["NODE_NAME", "spec.nodeName"],
      ],
    );
  });
});

describe("flags", () => {
  it("are flags that the program takes, with the meaning of the values", async () => {
    const loaded = await optionsOf(await renderChart(EVERYTHING));
    assert.ok(loaded.ok, loaded.ok ? "" : loaded.problems.join("\n"));
    const { options } = loaded;
    assert.deepEqual(options.admin, { host: "::", port: 10_254 });
    assert.deepEqual(options.defaultCertificate, { namespace: "infra", name: "wildcard" });
    assert.deepEqual(options.trustedProxies, ["10.0.0.0/8"]);
    assert.equal(options.workers, 2);
    const { cluster } = options;
    assert.deepEqual(cluster.publishService, { namespace: "ingress", name: "penstock" });
    assert.deepEqual(cluster.lease, { namespace: "ingress", name: "penstock-leader" });
    assert.equal(cluster.isClearingStatus, true);
    assert.equal(cluster.isWritingEvents, false);
    assert.equal(cluster.serveUnclassified, true);
    assert.deepEqual(cluster.webhook, {
      listen: { host: "::", port: 9443 },
      service: { namespace: "ingress", name: "penstock-webhook" },
      secret: { namespace: "ingress", name: "penstock-webhook-tls" },
      configuration: "ingress-penstock",
    });
  });

  it("say which addresses to publish", async () => {
    const addresses = await renderChart({ statusAddresses: ["203.0.113.7", "2001:db8::1"] });
    assert.ok(!addresses.args.some((arg) => arg.startsWith("--publish-service")));
    assert.ok(addresses.args.includes("--publish-status-address=2001:db8::1"));
    const other = await renderChart({ publishService: { name: "infra/edge" }, publishNodeAddresses: true });
    assert.ok(other.args.includes("--publish-service=infra/edge"));
    assert.ok(other.args.includes("--publish-node-addresses"));
    const none = await renderChart({ service: { enabled: false } });
    assert.ok(!none.args.some((arg) => arg.startsWith("--publish")));
  });

  it("give one worker to each whole core of the limit, and two where there is none", async () => {
    const limited = await renderChart({ resources: { limits: { cpu: "1500m" } } });
    assert.ok(!limited.args.some((arg) => arg.startsWith("--workers")));
    assert.deepEqual(envOf(limited, "PENSTOCK_WORKERS").valueFrom.resourceFieldRef, {
      containerName: "penstock",
      resource: "limits.cpu",
      divisor: "1",
    });
    const unlimited = await renderChart();
    assert.ok(unlimited.args.includes("--workers=2"));
    const chosen = await renderChart({ workers: "auto", resources: { limits: { cpu: 4 } } });
    assert.ok(chosen.args.includes("--workers=auto"));
    assert.equal(envOf(chosen, "PENSTOCK_WORKERS"), undefined);
  });

  it("come last where users bring their own", async () => {
    const { args } = await renderChart({ extraArgs: ["--log-level=debug"] });
    assert.equal(args.at(-1), "--log-level=debug");
  });
});

describe("the configuration file", () => {
  it("has what `config` has, and a change of it replaces the pods", async () => {
    const chart = await renderChart(EVERYTHING);
    const { data } = chart.one("ConfigMap");
    assert.equal(data["penstock.yaml"].trim(), "limits:\n  max-connections: 50000\nlog-level: warn");
    assert.ok(chart.args.includes("--config=/etc/penstock/penstock.yaml"));
    const other = await renderChart({ config: { "log-level": "debug" } });
    const checksum = (rendered: RenderedChart): string =>
      rendered.one("Deployment").spec.template.metadata.annotations["penstock.dev/config-checksum"];
    assert.notEqual(checksum(chart), checksum(other));
  });

  it("is not there where nothing is configured", async () => {
    const chart = await renderChart();
    assert.deepEqual(chart.all("ConfigMap"), []);
    assert.equal(chart.podSpec.volumes, undefined);
  });
});

describe("names and labels", () => {
  it("of cluster-wide objects differ between releases of one name in two namespaces", async () => {
    const [blue, green] = await Promise.all([
      renderChart(EVERYTHING, { namespace: "blue" }),
      renderChart(EVERYTHING, { namespace: "green" }),
    ]);
    for (const kind of ["ClusterRole", "ClusterRoleBinding", "ValidatingWebhookConfiguration"]) {
      assert.notEqual(blue.one(kind).metadata.name, green.one(kind).metadata.name, kind);
    }
  });

  it("of the user's cannot change what selectors rely on", async () => {
    const chart = await renderChart(EVERYTHING);
    const selected = chart.one("Service", "penstock").spec.selector;
    assert.equal(selected["app.kubernetes.io/name"], "penstock");
    const { labels } = chart.one("Deployment").spec.template.metadata;
    for (const [key, value] of Object.entries(selected)) assert.equal(labels[key], value);
    for (const object of chart.objects) {
      assert.equal(object.metadata.labels.team, "edge", `${object.kind} ${object.metadata.name} has no common label`);
    }
  });

  it("stay texts where they look like numbers or truth values", async () => {
    const values = {
      ...EVERYTHING,
      nameOverride: "1e3",
      fullnameOverride: "0x10",
      scope: { namespaces: ["on", "12"] },
    };
    const chart = await renderChart(values, { release: "123", namespace: "456" });
    for (const { kind, metadata } of chart.objects) {
      assert.equal(typeof metadata.name, "string", kind);
      assert.ok(["string", "undefined"].includes(typeof metadata.namespace), `${kind} ${metadata.name}`);
      for (const [key, value] of Object.entries(metadata.labels)) assert.equal(typeof value, "string", key);
    }
    const { labels } = chart.one("Deployment").spec.template.metadata;
    assert.equal(labels["app.kubernetes.io/instance"], "123");
    assert.deepEqual(chart.one("ServiceMonitor").spec.namespaceSelector.matchNames, ["456"]);
    assert.deepEqual(
      chart
        .all("Role")
        .map((role: Loose): string => role.metadata.namespace)
        .toSorted(),
      ["12", "456", "infra", "on"],
    );
  });

  it("put every namespaced object into namespaceOverride", async () => {
    const chart = await renderChart({ ...EVERYTHING, namespaceOverride: "edge" });
    const isClusterWide = /^(Cluster|IngressClass|Validating|CustomResource)/;
    for (const { kind, metadata } of chart.objects) {
      assert.equal(metadata.namespace, isClusterWide.test(kind) ? undefined : "edge", `${kind} ${metadata.name}`);
    }
  });
});

describe("the image", () => {
  it("is found by registry, tag and digest, the digest winning", async () => {
    const imageOf = async (values: Record<string, unknown>): Promise<string> =>
      (await renderChart(values)).container.image;
    const digest = `sha256:${"0".repeat(64)}`;
    assert.match(await imageOf({}), /^penstock:\d+\.\d+\.\d+/);
    assert.equal(await imageOf({ image: { registry: "r.example:5000", tag: "dev" } }), "r.example:5000/penstock:dev");
    assert.equal(await imageOf({ global: { imageRegistry: "g" }, image: { registry: "r", tag: "1" } }), "g/penstock:1");
    assert.equal(await imageOf({ image: { repository: "a/b", tag: "dev", digest } }), `a/b@${digest}`);
  });
});

describe("host ports", () => {
  it("leave no room for two pods on a node, so pods are replaced in place", async () => {
    const chart = await renderChart({ kind: "DaemonSet", hostPort: { enabled: true, ports: { https: null } } });
    const { spec } = chart.one("DaemonSet");
    assert.deepEqual(spec.updateStrategy.rollingUpdate, { maxSurge: 0, maxUnavailable: 1 });
    const hostPorts = chart.container.ports.map((port: Loose) => [port.name, port.hostPort]);
    assert.deepEqual(hostPorts, [
      ["http", 80],
      ["https", undefined],
      ["admin", undefined],
    ]);
    assert.deepEqual(chart.all("PodDisruptionBudget"), []);
    assert.equal(spec.replicas, undefined);
  });

  it("of a DaemonSet are not needed: then a new pod starts before the old one ends", async () => {
    const { spec } = (await renderChart({ kind: "DaemonSet" })).one("DaemonSet");
    assert.deepEqual(spec.updateStrategy.rollingUpdate, { maxSurge: 1, maxUnavailable: 0 });
  });

  it("below 1024 in the container are allowed by a safe sysctl, except on the node's own network", async () => {
    const low = { containerPorts: { http: 80 } };
    const sysctls = (await renderChart(low)).podSpec.securityContext.sysctls;
    assert.deepEqual(sysctls, [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }]);
    const { podSpec } = await renderChart({ ...low, hostNetwork: true });
    assert.equal(podSpec.securityContext.sysctls, undefined);
    assert.equal(podSpec.dnsPolicy, "ClusterFirstWithHostNet");
  });
});

describe("Services", () => {
  it("carry their options, and only those that fit their type", async () => {
    const service = {
      type: "ClusterIP",
      externalTrafficPolicy: "Local",
      loadBalancerClass: "x.example/lb",
      nodePorts: { http: 30_080 },
      ports: { https: null },
      ipFamilyPolicy: "PreferDualStack",
      ipFamilies: ["IPv6", "IPv4"],
      labels: { tier: "edge" },
    };
    const internal = (await renderChart({ service })).one("Service", "penstock");
    assert.equal(internal.spec.externalTrafficPolicy, undefined);
    assert.equal(internal.spec.loadBalancerClass, undefined);
    assert.equal(internal.metadata.labels.tier, "edge");
    assert.deepEqual(internal.spec.ipFamilies, ["IPv6", "IPv4"]);
    assert.deepEqual(internal.spec.ports, [
      { name: "http", port: 80, targetPort: "http", protocol: "TCP", appProtocol: "http" },
    ]);
    const balanced = (await renderChart({ service: { ...service, type: "LoadBalancer" } })).one("Service", "penstock");
    assert.equal(balanced.spec.externalTrafficPolicy, "Local");
    assert.equal(balanced.spec.loadBalancerClass, "x.example/lb");
    assert.equal(balanced.spec.ports[0].nodePort, 30_080);
  });

  it("come in pairs where a private network has a load balancer of its own", async () => {
    const chart = await renderChart({
      service: { internal: { enabled: true, annotations: { "lb.example/internal": "true" } } },
    });
    const internal = chart.one("Service", "penstock-internal");
    assert.deepEqual(internal.metadata.annotations, { "lb.example/internal": "true" });
    assert.deepEqual(internal.spec.selector, chart.one("Service", "penstock").spec.selector);
  });
});

describe("ingress classes", () => {
  it("share the controller's name; only the first is ever the default", async () => {
    const classes = (await renderChart(EVERYTHING)).all("IngressClass");
    assert.deepEqual(
      classes.map(({ metadata, spec }: Loose) => [
        metadata.name,
        spec.controller,
        metadata.annotations?.["ingressclass.kubernetes.io/is-default-class"],
      ]),
      [
        ["penstock", "penstock.dev/ingress-controller", "true"],
        ["nginx", "penstock.dev/ingress-controller", undefined],
      ],
    );
  });
});

describe("stopping", () => {
  it("gives pods the time that draining takes, in every spelling of a duration", async () => {
    const graceOf = async (values: Record<string, unknown>): Promise<number> =>
      (await renderChart(values)).podSpec.terminationGracePeriodSeconds;
    assert.equal(await graceOf({}), 135);
    assert.equal(await graceOf({ drainDelay: "500ms", shutdownGrace: "1h2m3s" }), 3_734);
    assert.equal(await graceOf({ drainDelay: "5s", shutdownGrace: "30s", terminationGracePeriodSeconds: 35 }), 35);
  });
});

describe("the webhook", () => {
  it("asks about what is served only, and leaves the CA bundle to the controller", async () => {
    const chart = await renderChart({ webhook: { enabled: true }, scope: { namespaces: ["shop", "blog"] } });
    const [webhook] = chart.one("ValidatingWebhookConfiguration").webhooks;
    assert.equal(webhook.failurePolicy, "Ignore");
    assert.equal(webhook.sideEffects, "None");
    assert.ok(!("caBundle" in webhook.clientConfig));
    assert.equal(webhook.clientConfig.service.name, chart.one("Service", "penstock-webhook").metadata.name);
    assert.deepEqual(webhook.namespaceSelector.matchExpressions[0].values, ["shop", "blog"]);
    assert.ok(chart.container.ports.some((port: Loose) => port.name === "webhook" && port.containerPort === 9443));
  });

  it("is off unless asked for", async () => {
    const chart = await renderChart();
    assert.deepEqual(chart.all("ValidatingWebhookConfiguration"), []);
    assert.ok(!chart.args.some((arg) => arg.startsWith("--webhook")));
  });
});

describe("custom resource definitions", () => {
  it("are updated with the release and outlive it", async () => {
    const definitions = (await renderChart()).all("CustomResourceDefinition");
    assert.deepEqual(definitions.map((definition: Loose): string => definition.metadata.name).toSorted(), [
      "proxyconfigs.penstock.dev",
      "routepolicies.penstock.dev",
      "upstreampolicies.penstock.dev",
    ]);
    for (const { metadata } of definitions) assert.equal(metadata.annotations["helm.sh/resource-policy"], "keep");
    const [short] = (await renderChart({ crds: { keep: false } })).all("CustomResourceDefinition");
    assert.equal(short.metadata.annotations?.["helm.sh/resource-policy"], undefined);
    assert.deepEqual((await renderChart({ crds: { install: false } })).all("CustomResourceDefinition"), []);
  });
});

describe("metrics", () => {
  it("are found by the monitors that select them", async () => {
    const chart = await renderChart(EVERYTHING);
    const { labels } = chart.one("Service", "penstock-metrics").metadata;
    for (const [key, value] of Object.entries(chart.one("ServiceMonitor").spec.selector.matchLabels)) {
      assert.equal(labels[key], value);
      if (key === "app.kubernetes.io/component") assert.equal(value, "metrics");
    }
    const { spec } = (await renderChart({ metrics: { podMonitor: { enabled: true, interval: "10s" } } })).one(
      "PodMonitor",
    );
    assert.deepEqual(spec.podMetricsEndpoints, [
      { port: "admin", path: "/metrics", interval: "10s", honorLabels: false },
    ]);
  });

  it("have alerts on figures of this release that the program exposes", async () => {
    const chart = await renderChart(EVERYTHING);
    const [group] = chart.one("PrometheusRule").spec.groups;
    assert.ok(group.rules.length >= 5);
    const documented = readFileSync(path.join(CHART, "../../../docs/guide/operations.md"), "utf8");
    for (const { alert, expr } of group.rules) {
      for (const [name] of expr.matchAll(/\bpenstock_[a-z_]+/g)) {
        assert.ok(documented.includes(name), `${name} is unknown`);
      }
      assert.match(expr, /namespace="ingress",pod=~"penstock-\[a-z0-9-\]\+"/, alert);
    }
    const own = { alert: "Mine", expr: "vector(1)" };
    const mine = await renderChart({
      metrics: { prometheusRule: { enabled: true, defaultRules: false, rules: [own] } },
    });
    assert.deepEqual(mine.one("PrometheusRule").spec.groups[0].rules, [own]);
  });
});

describe("autoscaling", () => {
  it("goes by processor and connections, and then nobody else sets the number of pods", async () => {
    const chart = await renderChart(EVERYTHING);
    const { metrics, scaleTargetRef } = chart.one("HorizontalPodAutoscaler").spec;
    assert.equal(scaleTargetRef.name, chart.one("Deployment").metadata.name);
    assert.deepEqual(metrics, [
      { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
      {
        type: "Pods",
        pods: {
          metric: { name: "penstock_downstream_connections_active" },
          target: { type: "AverageValue", averageValue: "5000" },
        },
      },
    ]);
    assert.equal(chart.one("Deployment").spec.replicas, undefined);
  });
});

describe("the network policy", () => {
  it("lets clients in from everywhere, metrics be read from pods only, and everything out", async () => {
    const { spec } = (await renderChart(EVERYTHING)).one("NetworkPolicy");
    assert.deepEqual(spec.policyTypes, ["Ingress"]);
    const [clients, metrics, webhook] = spec.ingress;
    assert.equal(clients.from, undefined);
    assert.deepEqual(metrics, { ports: [{ port: "admin", protocol: "TCP" }], from: [{ namespaceSelector: {} }] });
    assert.equal(webhook.from, undefined);
  });
});

describe("extras", () => {
  it("reach the pod and the release, with templates rendered", async () => {
    const chart = await renderChart({
      extraEnv: [{ name: "A", value: "1" }],
      envFrom: [{ secretRef: { name: "s" } }],
      extraVolumes: [{ name: "v", emptyDir: {} }],
      extraVolumeMounts: [{ name: "v", mountPath: "/v" }],
      extraContainers: [{ name: "side", image: "side" }],
      extraInitContainers: [{ name: "first", image: "first" }],
      extraObjects: [
        { apiVersion: "v1", kind: "ConfigMap", metadata: { name: '{{ include "penstock.fullname" . }}-extra' } },
        "apiVersion: v1\nkind: Secret\nmetadata: {name: text}",
      ],
      topologySpreadConstraints: [],
      lifecycle: { preStop: { sleep: { seconds: 1 } } },
    });
    assert.equal(envOf(chart, "A").value, "1");
    assert.deepEqual(chart.container.envFrom, [{ secretRef: { name: "s" } }]);
    assert.deepEqual(chart.container.volumeMounts, [{ name: "v", mountPath: "/v" }]);
    assert.deepEqual(chart.podSpec.volumes, [{ name: "v", emptyDir: {} }]);
    assert.deepEqual(
      chart.podSpec.containers.map((container: Loose) => container.name),
      ["penstock", "side"],
    );
    assert.equal(chart.podSpec.initContainers[0].name, "first");
    assert.equal(chart.one("ConfigMap").metadata.name, "penstock-extra");
    assert.equal(chart.one("Secret").metadata.name, "text");
    assert.equal(chart.podSpec.topologySpreadConstraints, undefined);
    assert.deepEqual(chart.container.lifecycle, { preStop: { sleep: { seconds: 1 } } });
  });
});
