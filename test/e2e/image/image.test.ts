// What the image promises: not root, nothing to write to, no shell, and a first process that minds its signals.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../support/api.ts";
import { kubectl } from "../support/kubectl.ts";
import { CommandError } from "../support/run-command.ts";
import { namespaceFor } from "../support/namespace.ts";
import type { TestNamespace } from "../support/namespace.ts";
import { SETTINGS } from "../support/settings.ts";

const RESTRICTED = {
  runAsNonRoot: true,
  readOnlyRootFilesystem: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

function pod(name: string, container: Readonly<Record<string, unknown>>): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      containers: [{ name: "penstock", image: SETTINGS.image, securityContext: RESTRICTED, ...container }],
    },
  };
}

const statusOf = (object: KubeObject | null): PodStatus => object?.["status"] ?? {};

interface PodStatus {
  readonly phase?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  readonly containerStatuses?: readonly {
    readonly state?: { readonly terminated?: { readonly exitCode: number; readonly reason?: string } };
  }[];
}

/** Runs the image with these arguments to their end; its exit code and output. */
async function runToEnd(
  namespace: TestNamespace,
  name: string,
  container: Readonly<Record<string, unknown>>,
): Promise<{ readonly code: number | undefined; readonly output: string }> {
  await namespace.apply(pod(name, container));
  const ended = await namespace.waitFor("Pod", name, (object) => {
    return ["Succeeded", "Failed"].includes(statusOf(object).phase ?? "");
  });
  return {
    code: statusOf(ended).containerStatuses?.[0]?.state?.terminated?.exitCode,
    output: await kubectl(["logs", "--namespace", namespace.name, name]),
  };
}

test("the image runs where Pod Security is restricted, as its own user and without a place to write to", async (t) => {
  const namespace = await namespaceFor(t, { "pod-security.kubernetes.io/enforce": "restricted" });
  const probe = `
    import fs from "node:fs";
    const canWrite = (folder) => {
      try { fs.writeFileSync(folder + "/probe", ""); return true; } catch { return false; }
    };
    const isExecutable = (mode) => (mode & 0o111) !== 0;
    const programs = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin"].filter((folder) => fs.existsSync(folder))
      .flatMap((folder) => fs.readdirSync(folder).map((name) => folder + "/" + name))
      .filter((file) => isExecutable(fs.statSync(file).mode));
    console.log(JSON.stringify({
      uid: process.getuid(), gid: process.getgid(), programs,
      writable: ["/", "/app", "/app/.cache", "/tmp", "/etc"].filter(canWrite),
      capabilities: /CapEff:\\s*(\\w+)/.exec(fs.readFileSync("/proc/self/status", "utf8"))?.[1],
    }));`;
  const { code, output } = await runToEnd(namespace, "probe", {
    command: ["/usr/local/bin/node", "--input-type=module", "--eval", probe],
  });
  assert.equal(code, 0, output);
  const facts = JSON.parse(output) as Readonly<Record<string, unknown>>;
  assert.equal(facts["uid"], 65532);
  assert.equal(facts["gid"], 65532);
  assert.deepEqual(
    facts["programs"],
    ["/usr/local/bin/node"],
    "Node is the only program: no shell, no package manager",
  );
  assert.deepEqual(facts["writable"], []);
  assert.equal(Number.parseInt(String(facts["capabilities"]), 16), 0);
});

test("the command that the image starts with is the controller, under the flags of the engine", async (t) => {
  const namespace = await namespaceFor(t);
  const help = await runToEnd(namespace, "help", { args: ["controller", "--help"] });
  assert.equal(help.code, 0, help.output);
  assert.match(help.output, /penstock controller/);
  // Without a cluster's token or a kubeconfig the controller says what is missing; nothing else would.
  const bare = await runToEnd(namespace, "bare", {});
  assert.notEqual(bare.code, 0);
  assert.match(bare.output, /^penstock: .*(?:kubeconfig|service account|cluster)/im);
  assert.doesNotMatch(bare.output, /\n\s+at /, "a stack trace");
});

test("SIGTERM drains the first process of the container, which then exits with 0", async (t) => {
  const namespace = await namespaceFor(t, { "pod-security.kubernetes.io/enforce": "restricted" });
  await namespace.apply(
    pod("serving", {
      args: ["serve", "--from", "/app/examples/quickstart", "--workers", "1"],
      readinessProbe: { httpGet: { path: "/readyz", port: 10254 }, periodSeconds: 1 },
    }),
  );
  await namespace.waitFor("Pod", "serving", (object) => {
    return statusOf(object).conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
  });
  const lastState = namespace.waitFor("Pod", "serving", (object) => {
    return object === null || statusOf(object).containerStatuses?.[0]?.state?.terminated !== undefined;
  });
  await namespace.delete("Pod", "serving");
  const terminated = statusOf(await lastState).containerStatuses?.[0]?.state?.terminated;
  assert.equal(terminated?.exitCode, 0, "the pod was gone, or was killed, before it ended by itself");
});

test("there is no shell to run", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  for (const shell of ["sh", "bash", "/bin/sh"]) {
    await assert.rejects(
      kubectl(["exec", "--namespace", namespace.name, "deployment/echo", "--", shell, "-c", "true"]),
      (error) => error instanceof CommandError && /not found|no such file/i.test(error.message),
      shell,
    );
  }
});
