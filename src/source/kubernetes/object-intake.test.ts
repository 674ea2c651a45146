// Which of several readings of an object counts, where some of them come out of order.
import assert from "node:assert/strict";
import { it } from "node:test";
import { testSecret } from "../../../test/support/cluster-source.ts";
import { ObjectIntake } from "./object-intake.ts";
import type { ApiObject } from "./reflector/api-object.ts";
import { adoptObject } from "./reflector/api-object.ts";
import { SECRETS } from "./resources.ts";

function secretAt(name: string, resourceVersion: string): ApiObject {
  const plain = testSecret(name);
  const object = adoptObject({ ...plain, metadata: { ...plain.metadata, resourceVersion } });
  assert.ok(object !== null);
  return object;
}

/** An intake and what it says is held: names with their versions. */
function intakeUnderTest(): { intake: ObjectIntake; held: () => string[] } {
  const objects = new Map<string, string>();
  const intake = new ObjectIntake({
    resource: SECRETS,
    isWanted: (key) => key !== "shop/unwanted",
    receiver: {
      accepted: ({ metadata }) => objects.set(metadata.name, metadata.resourceVersion ?? ""),
      refused: () => assert.fail("refused"),
      removed: ({ name }) => objects.delete(name),
      listed: () => {},
    },
  });
  return { intake, held: () => Array.from(objects, ([name, version]) => `${name}@${version}`).toSorted() };
}

it("keeps what is wanted, and lets go of what a list does not name", () => {
  const { intake, held } = intakeUnderTest();
  intake.listing();
  for (const name of ["a", "b", "unwanted"]) intake.upsert(secretAt(name, "5"));
  intake.listed(new Set(["shop/a", "shop/b", "shop/unwanted"]), "5");
  assert.deepEqual(held(), ["a@5", "b@5"]);
  intake.listing();
  intake.upsert(secretAt("a", "5"));
  intake.listed(new Set(["shop/a"]), "6");
  assert.deepEqual(held(), ["a@5"]);
});

it("does not go back to what the watch says from before a reading aside", () => {
  const { intake, held } = intakeUnderTest();
  intake.readAside(secretAt("a", "20"));
  intake.upsert(secretAt("a", "10"));
  intake.delete(secretAt("a", "15"));
  assert.deepEqual(held(), ["a@20"]);
  intake.upsert(secretAt("a", "30"));
  assert.deepEqual(held(), ["a@30"]);
  intake.readAside(secretAt("a", "25"));
  assert.deepEqual(held(), ["a@30"]);
  intake.delete(secretAt("a", "31"));
  assert.deepEqual(held(), []);
});

it("does not bring back what is deleted while it is being read aside", () => {
  const { intake, held } = intakeUnderTest();
  intake.beginReadingAside();
  intake.delete(secretAt("a", "15"));
  intake.readAside(secretAt("a", "10"));
  assert.deepEqual(held(), []);
  intake.readAside(secretAt("a", "16"));
  assert.deepEqual(held(), ["a@16"], "made anew");
  intake.endReadingAside();
});

it("keeps what was read aside while an older list went on", () => {
  const { intake, held } = intakeUnderTest();
  intake.listing();
  intake.readAside(secretAt("a", "20"));
  intake.listed(new Set(), "10");
  assert.deepEqual(held(), ["a@20"]);
});

it("believes a list of a server that was restored, whose versions start anew", () => {
  const { intake, held } = intakeUnderTest();
  intake.readAside(secretAt("a", "900"));
  intake.readAside(secretAt("b", "901"));
  intake.listing();
  intake.upsert(secretAt("a", "7"));
  intake.listed(new Set(["shop/a"]), "9");
  assert.deepEqual(held(), ["a@7"]);
});
