// Which Secrets and Services count, beyond those that rules and TLS sections name.
import assert from "node:assert/strict";
import { it } from "node:test";
import type { Ingress, Service, UpstreamPolicy, WorldObjects } from "../source/object-types.ts";
import { collectReferences, referencedSecretsOf } from "./references.ts";

function world(objects: Partial<WorldObjects>): WorldObjects {
  return {
    ingresses: [],
    ingressClasses: [],
    services: [],
    endpointSlices: [],
    secrets: [],
    configMaps: [],
    namespaces: [],
    upstreamPolicies: [],
    routePolicies: [],
    proxyConfigs: [],
    ...objects,
  };
}

const CA_ANNOTATION = "penstock.dev/backend-tls-ca-secret";

it("the default certificate counts", () => {
  const { secrets } = collectReferences(world({}), {
    services: [],
    secrets: [{ namespace: "infra", name: "wildcard" }],
  });
  assert.deepEqual([...secrets], ["infra/wildcard"]);
});

it("certificates that annotations of Ingresses and Services name count, in the object's namespace", () => {
  const ingress: Ingress = {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: "web", namespace: "shop", annotations: { [CA_ANNOTATION]: "web-ca" } },
    spec: { tls: [{ secretName: "web-tls" }] },
  };
  const service: Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "api", annotations: { [CA_ANNOTATION]: "api-ca" } },
  };
  const { secrets } = collectReferences(world({ ingresses: [ingress], services: [service] }), {
    services: [],
    secrets: [],
  });
  assert.deepEqual([...secrets].toSorted(), ["default/api-ca", "shop/web-ca", "shop/web-tls"]);
});

it("what an UpstreamPolicy names counts, in the policy's namespace", () => {
  const policy: UpstreamPolicy = {
    apiVersion: "penstock.dev/v1alpha1",
    kind: "UpstreamPolicy",
    metadata: { name: "web", namespace: "shop" },
    spec: { targetRefs: [{ group: "", kind: "Service", name: "web" }], tls: { caSecretName: "web-ca" } },
  };
  const { secrets, services } = collectReferences(world({ upstreamPolicies: [policy] }), { services: [], secrets: [] });
  assert.deepEqual([...secrets], ["shop/web-ca"]);
  assert.deepEqual([...services], ["shop/web"]);
});

it("a Secret that is named often counts once, and what no Secret can be called not at all", () => {
  const names = ["tls", "tls", "../x", ".", "..", "victim/ca", "", "Upper", "other"];
  const ingress: Ingress = {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: "web", namespace: "shop", annotations: { [CA_ANNOTATION]: "victim/ca" } },
    spec: { tls: names.map((secretName) => ({ secretName })) },
  };
  assert.deepEqual(referencedSecretsOf(ingress), [
    { namespace: "shop", name: "tls" },
    { namespace: "shop", name: "other" },
  ]);
});

it("no more Secrets than are looked at are referred to, the authority first", () => {
  const tls = Array.from({ length: 300 }, (_, index) => ({ secretName: `s${index}` }));
  const metadata = { name: "web", namespace: "shop", annotations: { [CA_ANNOTATION]: "authority" } };
  const ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata, spec: { tls } } as const;
  const names = referencedSecretsOf(ingress as unknown as Ingress).map(({ name }) => name);
  assert.deepEqual([names.length, names[0], names.at(-1)], [201, "authority", "s199"]);
});
