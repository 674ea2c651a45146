import assert from "node:assert/strict";
import { test } from "node:test";
import { serveExample } from "./example-site.ts";

const ORIGINS = [
  { service: "storefront", port: 18_101 },
  { service: "cart", port: 18_102 },
  { service: "orders", port: 18_103 },
  { service: "media", port: 18_104 },
  { service: "boutiques", port: 18_105 },
  { service: "quotes", port: 18_106 },
];

test("shop: hosts, paths, redirect, limits and timeouts are what the README says", async (t) => {
  const site = await serveExample(t, "shop", ORIGINS);
  const serviceOf = async (url: string): Promise<string | null> => (await site.request(url)).service;

  await t.test("the longest path by element wins, exact before prefix", async () => {
    assert.equal(await serviceOf("https://shop.example/"), "storefront");
    assert.equal(await serviceOf("https://shop.example/cart"), "cart");
    assert.equal(await serviceOf("https://shop.example/cart/items"), "cart");
    assert.equal(await serviceOf("https://shop.example/cartoons"), "storefront");
    assert.equal(await serviceOf("https://shop.example/orders"), "orders");
    assert.equal(await serviceOf("https://shop.example/orders/2026"), "storefront");
    assert.equal(await serviceOf("https://shop.example/quotes"), "quotes");
  });

  await t.test("an exact host wins over the wildcard, which stands for one label", async () => {
    assert.equal(await serviceOf("https://media.shop.example/"), "media");
    assert.equal(await serviceOf("https://florist.shop.example/"), "boutiques");
    assert.equal((await site.request("https://a.b.shop.example/")).status, 404);
  });

  await t.test("both hosts of the tls section have their certificate", async () => {
    const expected = "DNS:shop.example, DNS:*.shop.example";
    assert.equal((await site.request("https://shop.example/")).certificateNames, expected);
    assert.equal((await site.request("https://florist.shop.example/")).certificateNames, expected);
  });

  await t.test("plain HTTP is sent to https", async () => {
    const response = await site.request("http://shop.example/cart?a=1");
    assert.equal(response.status, 308);
    assert.equal(response.headers.location, "https://shop.example/cart?a=1");
    assert.equal((await site.request("http://media.shop.example/")).service, "media", "another Ingress, no redirect");
  });

  await t.test("a body over 64 KiB is refused, one of 64 KiB is not", async () => {
    const upload = (bytes: number): ReturnType<typeof site.request> =>
      site.request("https://media.shop.example/", { method: "POST", body: Buffer.alloc(bytes) });
    const accepted = await upload(65_536);
    assert.equal(accepted.status, 200);
    assert.match(accepted.body, /"bodyBytes": 65536/);
    assert.equal((await upload(65_537)).status, 413);
  });

  await t.test("a late quote is a 504", async () => {
    const response = await site.request("https://shop.example/quotes?delay=5000");
    assert.equal(response.status, 504);
  });
});
