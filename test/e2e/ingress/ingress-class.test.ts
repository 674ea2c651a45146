// Which Ingress objects are ours: by the class's controller, by the old annotation, and by changes of class.
import assert from "node:assert/strict";
import { test } from "node:test";
import { namespaceFor } from "../support/namespace.ts";
import { SHARED_RELEASE } from "../support/release.ts";

test("only Ingress objects of our classes are served, and a change of class counts at once", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const [ours, foreign, unclassed, old] = ["ours", "foreign", "unclassed", "old"].map((label) => namespace.host(label));
  const paths = [{ path: "/" }];
  await namespace.applyIngress({ name: "foreign", ingressClass: "someone-elses", rules: { [foreign!]: paths } });
  await namespace.applyIngress({ name: "unclassed", ingressClass: null, rules: { [unclassed!]: paths } });
  await namespace.applyIngress({
    name: "old",
    ingressClass: null,
    annotations: { "kubernetes.io/ingress.class": SHARED_RELEASE.ingressClass },
    rules: { [old!]: paths },
  });
  // Written last, so when it is served the others were seen.
  await namespace.applyIngress({ name: "ours", rules: { [ours!]: paths } });
  await namespace.requestUntil({ host: ours! }, ({ status }) => status === 200);
  await namespace.requestUntil({ host: old! }, ({ status }) => status === 200);
  assert.equal((await namespace.request({ host: foreign! })).status, 404);
  assert.equal((await namespace.request({ host: unclassed! })).status, 404);

  await namespace.patch("Ingress", "foreign", { spec: { ingressClassName: SHARED_RELEASE.ingressClass } });
  await namespace.requestUntil({ host: foreign! }, ({ status }) => status === 200);
  await namespace.patch("Ingress", "foreign", { spec: { ingressClassName: "someone-elses" } });
  await namespace.requestUntil({ host: foreign! }, ({ status }) => status === 404);
});
