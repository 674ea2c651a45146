// What `kubectl describe` tells a user whose objects are wrong, and that it says so when they are mended.
import assert from "node:assert/strict";
import { test } from "node:test";
import { waitForObjects } from "../support/api.ts";
import type { KubeObject } from "../support/api.ts";
import { echoBackend } from "../support/backend.ts";
import { kubectl } from "../support/kubectl.ts";
import { namespaceFor } from "../support/namespace.ts";
import type { TestNamespace } from "../support/namespace.ts";
import { SHARED_RELEASE } from "../support/release.ts";

interface Told {
  readonly about: string;
  readonly type: string;
  readonly reason: string;
  readonly note: string;
}

function toldBy(event: KubeObject): Told {
  const regarding = event["regarding"] as { readonly kind: string; readonly name: string };
  const { type, reason, note } = event as unknown as Told;
  return { about: `${regarding.kind}/${regarding.name}`, type, reason, note };
}

async function waitForEvent(namespace: TestNamespace, wanted: Partial<Told>): Promise<Told> {
  const isWanted = (told: Told): boolean =>
    Object.entries(wanted).every(([key, value]) => told[key as keyof Told].includes(value));
  const events = await waitForObjects(
    { apiVersion: "events.k8s.io/v1", kind: "Event", namespace: namespace.name },
    (all) => all.map(toldBy).some(isWanted),
    { what: `an Event ${JSON.stringify(wanted)}` },
  );
  return events.map(toldBy).find(isWanted) as Told;
}

/** As a user reads it: without the line breaks and columns of the table. */
async function describeObject(namespace: TestNamespace, kind: string, name: string): Promise<string> {
  return (await kubectl(["describe", kind, name, "--namespace", namespace.name])).replaceAll(/\s+/g, " ");
}

test("kubectl describe says what is wrong with an Ingress, where, and what to write; the rest of it is served", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const host = namespace.host("shop");
  await namespace.applyIngress({
    annotations: { "penstock.dev/response-timeout": "5" },
    rules: { [host]: [{ path: "/" }, { path: "/cart", service: "cart" }, { path: "/old", port: 8081 }] },
  });
  await namespace.requestUntil({ host }, ({ status }) => status === 200);
  assert.equal((await namespace.request({ host, path: "/cart" })).status, 503);

  const about = "Ingress/web";
  await waitForEvent(namespace, { about, type: "Warning", reason: "ServiceNotFound" });
  await waitForEvent(namespace, { about, type: "Warning", reason: "ServicePortNotFound" });
  await waitForEvent(namespace, { about, type: "Warning", reason: "AnnotationInvalid" });
  const described = await describeObject(namespace, "ingress", "web");
  assert.match(described, /Warning ServiceNotFound .*spec\.rules\[0\]\.http\.paths\[1\].*cart/);
  assert.match(described, /Warning ServicePortNotFound .*spec\.rules\[0\]\.http\.paths\[2\].*8081/);
  assert.match(described, /Warning AnnotationInvalid .*metadata\.annotations\[penstock\.dev\/response-timeout\]: "5"/);
  assert.match(described, /Write a number with ms, s, m or h/);

  await namespace.apply(...echoBackend({ name: "cart" }));
  await namespace.requestUntil({ host, path: "/cart" }, ({ status }) => status === 200);
  await namespace.patch("Ingress", "web", { metadata: { annotations: { "penstock.dev/response-timeout": "5s" } } });
  await waitForEvent(namespace, { about, type: "Normal", reason: "Resolved", note: "no longer ServiceNotFound" });
  await waitForEvent(namespace, { about, type: "Normal", reason: "Resolved", note: "no longer AnnotationInvalid" });
  assert.match(
    await describeObject(namespace, "ingress", "web"),
    /Normal Resolved .*no longer ServiceNotFound: spec\./,
  );
});

test("an Ingress that claims what another one has is told so, and takes nothing away", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  await namespace.deployEcho({ name: "late" });
  const host = namespace.host("shop");
  await namespace.applyIngress({ name: "first", rules: { [host]: [{ path: "/" }] } });
  await namespace.requestUntil({ host }, ({ status }) => status === 200);
  await namespace.applyIngress({ name: "second", rules: { [host]: [{ path: "/", service: "late" }] } });
  const told = await waitForEvent(namespace, { about: "Ingress/second", reason: "PathConflict" });
  assert.match(told.note, /first/);
  assert.match((await namespace.request({ host })).echo().pod, /^echo-/);
});

test("an Ingress that asks for what cannot be is told so while its neighbours are served", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const [refused, host] = [namespace.host("refused"), namespace.host("shop")];
  await namespace.apply({
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: "refused" },
    spec: {
      ingressClassName: SHARED_RELEASE.ingressClass,
      rules: [
        {
          host: refused,
          http: {
            paths: [
              {
                path: "/",
                pathType: "Prefix",
                backend: { resource: { apiGroup: "storage.example", kind: "Bucket", name: "assets" } },
              },
            ],
          },
        },
      ],
    },
  });
  await namespace.applyIngress({ rules: { [host]: [{ path: "/" }] } });
  await namespace.requestUntil({ host }, ({ status }) => status === 200);
  await waitForEvent(namespace, { about: "Ingress/refused", reason: "ResourceBackendUnsupported" });
  assert.match(
    await describeObject(namespace, "ingress", "refused"),
    /Warning ResourceBackendUnsupported .*spec\.rules\[0\]\.http\.paths\[0\]/,
  );
});

test("policies are told what is wrong with them as well, and when it is mended they hold", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const host = namespace.host("shop");
  await namespace.applyIngress({ rules: { [host]: [{ path: "/" }] } });
  const policy = (target: string): KubeObject => ({
    apiVersion: "penstock.dev/v1alpha1",
    kind: "RoutePolicy",
    metadata: { name: "limits" },
    spec: {
      targetRefs: [{ group: "networking.k8s.io", kind: "Ingress", name: target }],
      timeouts: { response: "200ms" },
      retry: { attempts: 1 },
    },
  });
  await namespace.apply(policy("wbe"));
  await waitForEvent(namespace, { about: "RoutePolicy/limits", type: "Warning", reason: "PolicyTargetNotFound" });
  assert.match(
    await describeObject(namespace, "routepolicy", "limits"),
    /Warning PolicyTargetNotFound .*spec\.targetRefs\[0\]\.name: Ingress "[^"]*wbe" does not exist.*Create it, or name another one/,
  );
  await namespace.requestUntil({ host, path: "/?delay=1000" }, ({ status }) => status === 200, { inARow: 1 });

  await namespace.apply(policy("web"));
  await namespace.requestUntil({ host, path: "/?delay=1000" }, ({ status }) => status === 504);
  await waitForEvent(namespace, { about: "RoutePolicy/limits", type: "Normal", reason: "Resolved" });
});
