// `penstock check` and `penstock explain` over real files.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createFolder, runPenstock } from "../../support/penstock-process.ts";

const WEB = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web, namespace: shop }
spec:
  rules:
    - host: shop.example
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: { service: { name: web, port: { number: 80 } } }
          - path: /cart
            pathType: Prefix
            backend: { service: { name: cart, port: { number: 80 } } }
`;

const WEB_SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: shop, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ port: 8000 }]
endpoints: [{ addresses: [192.0.2.1] }]
`;

const CART_SERVICE = WEB_SERVICE.replaceAll("web", "cart");

describe("check", { concurrency: 2 }, () => {
  it("finds nothing to say about right manifests", async (context) => {
    const cwd = await createFolder(context, { "web.yaml": WEB, "services.yaml": `${WEB_SERVICE}---${CART_SERVICE}` });
    const { code, stdout, stderr } = await runPenstock(context, ["check", "."], { cwd });
    assert.deepEqual([code, stdout, stderr], [0, "no errors in 5 objects\n", ""]);
  });

  it("names file, line, object, field, what is wrong and what to do", async (context) => {
    const cwd = await createFolder(context, { "web.yaml": WEB, "services.yaml": WEB_SERVICE });
    const { code, stdout } = await runPenstock(context, ["check", "web.yaml", "services.yaml"], { cwd });
    assert.equal(code, 1);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, 2, stdout);
    assert.match(
      lines[0] ?? "",
      /^web\.yaml:15: error: Ingress shop\/web spec\.rules\[0\]\.http\.paths\[1\]\.backend\.service\.name: .*cart.*\. .+$/,
    );
    assert.equal(lines[1], "1 error in 3 objects");
  });

  it("passes with warnings alone", async (context) => {
    const second = WEB.replace("name: web,", "name: web-again,");
    const files = { "1.yaml": WEB, "2.yaml": second, "services.yaml": `${WEB_SERVICE}---${CART_SERVICE}` };
    const cwd = await createFolder(context, files);
    const { code, stdout } = await runPenstock(context, ["check", "."], { cwd });
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^2\.yaml:\d+: warning: Ingress shop\/web-again .*\n/);
    assert.match(stdout, /\nno errors, 2 warnings in 6 objects\n$/);
  });

  it("prints one document with stable keys for programs", async (context) => {
    const cwd = await createFolder(context, { "web.yaml": WEB, "services.yaml": WEB_SERVICE });
    const { code, stdout } = await runPenstock(context, ["check", ".", "--format", "json"], { cwd });
    assert.equal(code, 1);
    const document = JSON.parse(stdout) as { readonly diagnostics: readonly Record<string, unknown>[] };
    assert.deepEqual(
      { ...document, diagnostics: [] },
      { summary: { errors: 1, warnings: 0, infos: 0 }, diagnostics: [] },
    );
    const [diagnostic = {}] = document.diagnostics;
    assert.deepEqual(Object.keys(diagnostic), ["severity", "reason", "object", "field", "message", "hint", "location"]);
    assert.deepEqual(
      [diagnostic["severity"], diagnostic["reason"], diagnostic["object"], diagnostic["location"]],
      [
        "error",
        "ServiceNotFound",
        { kind: "Ingress", namespace: "shop", name: "web" },
        { file: "web.yaml", document: 1, line: 15 },
      ],
    );
  });

  it("tells the line of broken YAML, and checks the rest", async (context) => {
    const broken = `${WEB_SERVICE}---\nkind: Service\n metadata: [\n`;
    const cwd = await createFolder(context, { "web.yaml": WEB, "services.yaml": broken });
    const { code, stdout } = await runPenstock(context, ["check", "."], { cwd });
    assert.equal(code, 1);
    assert.match(stdout, /^services\.yaml:1[4-6]: error: .+$/m);
    assert.match(stdout, /^web\.yaml:15: error: .*cart/m);
    assert.doesNotMatch(stdout, /Service "?shop\/web"? does not exist/);
  });

  it("finds a field inside a List in JSON", async (context) => {
    const ingress = {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name: "web", namespace: "shop" },
      spec: { defaultBackend: { service: { name: "gone", port: { number: 80 } } } },
    };
    const list = {
      apiVersion: "v1",
      kind: "List",
      items: [{ ...ingress, spec: {}, metadata: { name: "a" } }, ingress],
    };
    const text = JSON.stringify(list, null, 1);
    const cwd = await createFolder(context, { "list.json": text });
    const { stdout } = await runPenstock(context, ["check", "list.json", "--format", "json"], { cwd });
    const { diagnostics } = JSON.parse(stdout) as {
      readonly diagnostics: readonly { readonly reason: string; readonly location: { readonly line: number } }[];
    };
    const line = text.split("\n").findIndex((one) => one.includes("gone")) + 1;
    assert.equal(diagnostics.find(({ reason }) => reason === "ServiceNotFound")?.location.line, line);
  });

  it("does not obey escape sequences in names", async (context) => {
    const cwd = await createFolder(context, { "web.yaml": WEB.replace("host: shop.example", 'host: "\\e[31mred"') });
    const { stdout } = await runPenstock(context, ["check", "."], { cwd });
    assert.doesNotMatch(stdout, /\u001b/);
    assert.match(stdout, /error: Ingress shop\/web spec\.rules\[0\]\.host/);
  });

  it("says in one line that a path cannot be read", async (context) => {
    const { code, stdout, stderr } = await runPenstock(context, ["check", "/nowhere/at/all"]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^penstock: cannot read manifests from \/nowhere\/at\/all: [^\n]*\n$/);
  });

  it("knows the class that it is told", async (context) => {
    const classed = WEB.replace("spec:\n", "spec:\n  ingressClassName: inner\n");
    const cwd = await createFolder(context, { "web.yaml": classed, "services.yaml": WEB_SERVICE });
    const foreign = await runPenstock(context, ["check", "."], { cwd });
    assert.equal(foreign.code, 0, foreign.stdout);
    const ours = await runPenstock(context, ["check", ".", "--ingress-class", "inner"], { cwd });
    assert.match(ours.stdout, /cart/);
    assert.equal(ours.code, 1);
    const fromEnvironment = await runPenstock(context, ["check", "."], {
      cwd,
      env: { PENSTOCK_INGRESS_CLASS: "inner" },
    });
    assert.deepEqual(fromEnvironment, ours);
  });
});

describe("explain", { concurrency: 2 }, () => {
  it("says which route takes a request, which lose, and where it goes", async (context) => {
    const files = { "web.yaml": WEB, "services.yaml": `${WEB_SERVICE}---${CART_SERVICE}` };
    const cwd = await createFolder(context, files);
    const { code, stdout, stderr } = await runPenstock(
      context,
      ["explain", "--from", ".", "GET http://shop.example/cart/7"],
      { cwd },
    );
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^GET http:\/\/shop\.example\/cart\/7\n/);
    assert.match(stdout, /forwarded to upstream shop\/cart\/80/);
    assert.match(stdout, /Route .*shop\/web\/0\/1/);
    assert.match(stdout, /Lost .*shop\/web\/0\/0/);
    assert.match(stdout, /192\.0\.2\.1:8000/);
  });

  it("takes the host from a header", async (context) => {
    const cwd = await createFolder(context, { "web.yaml": WEB, "services.yaml": WEB_SERVICE });
    const args = ["explain", "--from", ".", "http://192.0.2.9/", "-H", "Host: shop.example"];
    const { stdout } = await runPenstock(context, args, { cwd });
    assert.match(stdout, /forwarded to upstream shop\/web\/80/);
  });

  it("succeeds for a request that would get 404, and points at mistakes in the manifests", async (context) => {
    const cwd = await createFolder(context, { "web.yaml": WEB, "services.yaml": WEB_SERVICE });
    const args = ["explain", "--from", ".", "GET http://other.example/"];
    const { code, stdout, stderr } = await runPenstock(context, args, { cwd });
    assert.equal(code, 0);
    assert.match(stdout, /Answer +404/);
    assert.equal(stderr, "note: 1 error in the manifests: see 'penstock check .'\n");
  });

  it("names the rules that lost to another object before any request could come", async (context) => {
    const ingress = (name: string, year: number): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: ${name}, creationTimestamp: "${year}-01-01T00:00:00Z" }
spec:
  rules:
  - host: shop.example
    http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: ${name}, port: { number: 80 } } } }] }
`;
    const folder = await createFolder(context, { "all.yaml": `${ingress("young", 2021)}---${ingress("old", 2020)}` });
    const args = ["explain", "--from", ".", "GET http://shop.example/"];
    const { stdout } = await runPenstock(context, args, { cwd: folder });
    assert.match(stdout, /^Route +default\/old\/0\/0: /m);
    assert.match(
      stdout,
      /^Never asked +Ingress default\/young, spec\.rules\[0\]\.http\.paths\[0\]: .*Ingress default\/old/m,
    );
  });
});
