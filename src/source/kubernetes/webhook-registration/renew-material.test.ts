// The life of the webhook's certificates over the years, and what is made of a Secret that somebody has edited.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { renewMaterial } from "./renew-material.ts";
import { findIssuer, readSecretData, toSecretData } from "./serving-material.ts";
import type { ServingMaterial } from "./serving-material.ts";

const SERVICE = { namespace: "penstock", name: "webhook" };
const START_MS = Date.parse("2026-01-02T03:04:05Z");
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

function create(nowMs = START_MS): ServingMaterial {
  return renewMaterial(null, SERVICE, nowMs).material;
}

function leafOf({ leaf }: ServingMaterial): X509Certificate {
  return new X509Certificate(leaf.certificatePem);
}

describe("the webhook's certificates", () => {
  it("are made for the names of the Service, 90 days and 10 years long", () => {
    const { material, change } = renewMaterial(null, SERVICE, START_MS);
    assert.equal(change, "created");
    const leaf = leafOf(material);
    assert.equal(leaf.subjectAltName, "DNS:webhook.penstock.svc, DNS:webhook.penstock.svc.cluster.local");
    assert.equal(leaf.validToDate.getTime(), START_MS + 90 * DAY_MS);
    const authority = new X509Certificate(material.authority.certificatePem);
    assert.equal(authority.validToDate.getTime(), START_MS + 3_650 * DAY_MS);
    assert.deepEqual(material.trusted, [material.authority.certificatePem]);
    assert.equal(findIssuer(material.leaf, material.trusted), material.authority.certificatePem);
  });

  it("stay until two thirds of the leaf's life, then the same authority signs another one", () => {
    const material = create();
    assert.equal(renewMaterial(material, SERVICE, START_MS + 59 * DAY_MS).change, null);
    const renewed = renewMaterial(material, SERVICE, START_MS + 61 * DAY_MS);
    assert.equal(renewed.change, "certificate-renewed");
    assert.deepEqual(renewed.material.authority, material.authority);
    assert.notEqual(renewed.material.leaf.keyPem, material.leaf.keyPem);
  });

  it("get a new leaf at once when the Service has another name, or the leaf has ended", () => {
    const material = create();
    const renamed = renewMaterial(material, { ...SERVICE, name: "hook" }, START_MS + DAY_MS);
    assert.equal(leafOf(renamed.material).subjectAltName, "DNS:hook.penstock.svc, DNS:hook.penstock.svc.cluster.local");
    assert.equal(renewMaterial(material, SERVICE, START_MS + 91 * DAY_MS).change, "certificate-renewed");
  });

  it("come from a new authority only when everybody has had the time to hear of it", () => {
    const old = create();
    // Both are due, as after a long time without anybody to look.
    const laterMs = START_MS + 7 * 365 * DAY_MS;
    const current = { ...old, leaf: renewMaterial(old, SERVICE, laterMs - 61 * DAY_MS).material.leaf };
    const leaf = renewMaterial({ ...old, leaf: old.leaf }, SERVICE, START_MS + 61 * DAY_MS).material.leaf;
    assert.notEqual(leaf.certificatePem, current.leaf.certificatePem);
    const young = leafOf(current).validToDate.getTime() > laterMs ? current : assert.fail("the leaf has ended");
    const announced = renewMaterial(young, SERVICE, laterMs);
    assert.equal(announced.change, "authority-renewed");
    assert.equal(announced.material.trusted.length, 2);
    assert.equal(renewMaterial(announced.material, SERVICE, laterMs + HOUR_MS / 2).change, null);
    const moved = renewMaterial(announced.material, SERVICE, laterMs + HOUR_MS + MINUTE_MS);
    assert.equal(moved.change, "certificate-renewed");
    assert.equal(findIssuer(moved.material.leaf, moved.material.trusted), announced.material.authority.certificatePem);
  });

  it("never serve a leaf that the bundle of an hour ago or of this moment does not trust, over 15 years", () => {
    let material = create();
    let nowMs = START_MS;
    let bundleOfAnHourAgo = material.trusted;
    const changes = new Map<string, number>();
    while (nowMs < START_MS + 15 * 365 * DAY_MS) {
      // Looked at every 25 days, and again an hour and a bit later, as replicas look all the time.
      for (const stepMs of [25 * DAY_MS, HOUR_MS + MINUTE_MS]) {
        nowMs += stepMs;
        const before = material;
        const renewal = renewMaterial(before, SERVICE, nowMs);
        material = renewal.material;
        if (renewal.change !== null) changes.set(renewal.change, (changes.get(renewal.change) ?? 0) + 1);
        for (const { leaf } of [before, material]) {
          assert.notEqual(findIssuer(leaf, material.trusted), null, "the bundle lacks the authority of a leaf in use");
        }
        assert.notEqual(findIssuer(material.leaf, bundleOfAnHourAgo), null, "a leaf of an authority nobody knows yet");
        assert.ok(leafOf(material).validToDate.getTime() > nowMs);
        assert.ok(material.trusted.length <= 2);
        bundleOfAnHourAgo = material.trusted;
      }
    }
    assert.equal(changes.get("authority-renewed"), 2);
    assert.ok((changes.get("certificate-renewed") ?? 0) > 50);
    assert.equal(changes.get("created"), undefined);
  });

  it("come back from a Secret as they were", () => {
    const material = renewMaterial(create(), SERVICE, START_MS + 8 * 365 * DAY_MS).material;
    assert.deepEqual(readSecretData(toSecretData(material)), { material, fault: null });
  });
});

describe("a Secret that somebody has edited", () => {
  const good = toSecretData(create());
  const other = toSecretData(create());
  const cases: readonly [string, unknown, RegExp][] = [
    ["nothing", undefined, /no usable entry tls\.crt/],
    ["no data", null, /no usable entry/],
    ["a list", [], /no usable entry/],
    ["a missing authority's key", { ...good, "ca.key": undefined }, /no usable entry ca\.key/],
    ["a certificate that is none", { ...good, "tls.crt": "aGVsbG8=" }, /no certificate in tls\.crt/],
    ["a key that is none", { ...good, "tls.key": "aGVsbG8=" }, /no private key in tls\.key/],
    ["the key of another certificate", { ...good, "tls.key": other["tls.key"] }, /does not belong to tls\.crt/],
    ["another authority", { ...good, "ca.crt": other["ca.crt"], "ca.key": other["ca.key"] }, /nothing in ca\.crt/],
    ["a leaf for an authority", { ...good, "ca.crt": good["tls.crt"], "ca.key": good["tls.key"] }, /than authorities/],
    ["far too much", { ...good, "ca.crt": "A".repeat(1_000_000) }, /no usable entry ca\.crt/],
    ["a number", { ...good, "tls.crt": 5 }, /no usable entry tls\.crt/],
  ];
  for (const [what, data, expected] of cases) {
    it(`is refused: ${what}`, () => {
      const { material, fault } = readSecretData(data);
      assert.equal(material, null);
      assert.match(fault ?? "", expected);
    });
  }

  it("never makes the reading throw, whatever stands in it", () => {
    const value = fc.oneof(fc.anything(), fc.constantFrom(...Object.values(good), ...Object.values(other)));
    const names = fc.constantFrom("tls.crt", "tls.key", "ca.crt", "ca.key", "__proto__");
    fc.assert(
      fc.property(fc.dictionary(names, value), (data) => void readSecretData(data)),
      { numRuns: 300 },
    );
  });
});
