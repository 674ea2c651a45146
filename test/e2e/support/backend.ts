// Manifests of the upstream that tests route to: a Deployment of the echo server and its Service.
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import type { KubeObject } from "./api.ts";
import { SETTINGS } from "./settings.ts";

export interface BackendOptions {
  /** Of the Deployment, the Service and the label `app`; default `echo`. */
  readonly name?: string;
  readonly replicas?: number;
  /** Said in each answer; another one makes another revision of the Deployment. */
  readonly version?: string;
  /** `drain` (default) finishes what is in flight; `exit` ends at once, and cuts it. */
  readonly onSigterm?: "drain" | "exit";
  /** Seconds of a preStop hook; default none, as most applications have none. */
  readonly preStopSeconds?: number;
  readonly terminationGraceSeconds?: number;
  /** Secret of type kubernetes.io/tls; the Service then has a port `https` as well. */
  readonly tlsSecret?: string;
  /** Merged into the pod's spec, such as nodeSelector, affinity and tolerations. */
  readonly podSpec?: Readonly<Record<string, unknown>>;
  readonly serviceSpec?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

const SOURCE = stripTypeScriptTypes(readFileSync(new URL("backend/echo-server.ts", import.meta.url), "utf8"));

/** Service port `http` 80 (and `https` 443) to the pods' 8080 (8443). */
export function echoBackend(options: BackendOptions = {}): readonly KubeObject[] {
  const name = options.name ?? "echo";
  const hasTls = options.tlsSecret !== undefined;
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, labels: { app: name } },
      spec: {
        replicas: options.replicas ?? 1,
        selector: { matchLabels: { app: name } },
        strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template: { metadata: { labels: { app: name } }, spec: podSpec(options) },
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name },
      spec: {
        selector: { app: name },
        ports: [
          { name: "http", port: 80, targetPort: 8080 },
          ...(hasTls ? [{ name: "https", port: 443, targetPort: 8443 }] : []),
        ],
        ...options.serviceSpec,
      },
    },
  ];
}

function podSpec(options: BackendOptions): Readonly<Record<string, unknown>> {
  const hasTls = options.tlsSecret !== undefined;
  const environment = {
    ECHO_ON_SIGTERM: options.onSigterm ?? "drain",
    ECHO_VERSION: options.version ?? "1",
    ...(hasTls ? { ECHO_TLS_FOLDER: "/tls" } : {}),
    ...options.env,
  };
  return {
    terminationGracePeriodSeconds: options.terminationGraceSeconds ?? 30,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    containers: [
      {
        name: "echo",
        image: SETTINGS.image,
        imagePullPolicy: "IfNotPresent",
        command: ["/usr/local/bin/node", "--input-type=module", "--eval", SOURCE],
        env: [
          ...Object.entries(environment).map(([key, value]) => ({ name: key, value })),
          { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
        ],
        ports: [{ name: "http", containerPort: 8080 }],
        readinessProbe: { httpGet: { path: "/-/ready", port: "http" }, periodSeconds: 1, timeoutSeconds: 5 },
        resources: { requests: { cpu: "10m", memory: "48Mi" } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
        ...(options.preStopSeconds === undefined
          ? {}
          : { lifecycle: { preStop: { sleep: { seconds: options.preStopSeconds } } } }),
        ...(hasTls ? { volumeMounts: [{ name: "tls", mountPath: "/tls", readOnly: true }] } : {}),
      },
    ],
    ...(hasTls ? { volumes: [{ name: "tls", secret: { secretName: options.tlsSecret } }] } : {}),
    ...options.podSpec,
  };
}
