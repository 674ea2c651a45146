import assert from "node:assert/strict";
import test from "node:test";
import { listCaSecrets } from "./ca-references.ts";
import { worldOf } from "./worlds.test.ts";

test("the CA Secrets of Ingress and Service annotations are listed with their namespace", () => {
  const annotations = (ca: string): object => ({ "penstock.dev/backend-tls-ca-secret": ca });
  const world = worldOf([
    { kind: "Ingress", metadata: { namespace: "x", name: "web", annotations: annotations("one") } },
    { kind: "Ingress", metadata: { namespace: "x", name: "plain" } },
    { kind: "Service", metadata: { name: "api", annotations: annotations(" two ") } },
    { kind: "Service", metadata: { name: "No Name", annotations: annotations("three") } },
  ]);
  assert.deepEqual(listCaSecrets(world), [
    { namespace: "x", name: "one" },
    { namespace: "default", name: "two" },
  ]);
});
