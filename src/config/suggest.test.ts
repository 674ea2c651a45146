// Which word counts as a misspelling of which.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { didYouMean, suggestClosest } from "./suggest.ts";

const KNOWN = ["http", "https", "workers", "limits", "default-certificate"];

describe("suggestions", () => {
  it("see missing, doubled, wrong and swapped letters", () => {
    for (const [word, meant] of [
      ["htp", "http"],
      ["htttps", "https"],
      ["wrokers", "workers"],
      ["limit", "limits"],
      ["default-cert", null],
      ["defualt-certifcate", "default-certificate"],
    ] as const) {
      assert.equal(suggestClosest(word, KNOWN), meant, word);
    }
  });

  it("stay silent for words like nothing known", () => {
    assert.equal(suggestClosest("colour", KNOWN), null);
    assert.equal(suggestClosest("x", KNOWN), null);
    assert.equal(didYouMean("colour", KNOWN), "");
    assert.equal(didYouMean("htp", KNOWN), " (did you mean http?)");
  });
});
