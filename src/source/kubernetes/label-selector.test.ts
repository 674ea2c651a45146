// What selectors select, and what is said of texts that are none.
import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { parseLabelSelector } from "./label-selector.ts";

const LABELS = { env: "prod", tier: "web", "example.com/size": "12", empty: "" };

for (const [text, isSelected] of [
  ["", true],
  ["  ", true],
  ["env", true],
  ["!env", false],
  ["! legacy", true],
  ["env=prod", true],
  ["env==prod", true],
  ["env = prod , tier = web", true],
  ["env=prod,tier=api", false],
  ["env!=prod", false],
  ["legacy!=yes", true],
  ["legacy=yes", false],
  ["empty=", true],
  ["empty=,env=prod", true],
  ["env in (dev, prod)", true],
  ["env in(dev)", false],
  ["env notin (dev,test)", true],
  ["legacy notin (a)", true],
  ["legacy in ()", false],
  ["empty in (,a)", true],
  ["example.com/size>10", true],
  ["example.com/size < 12", false],
  ["tier>1", false],
  ["legacy<1", false],
  ["in=a", false],
  ["notin", false],
] as const) {
  it(`${JSON.stringify(text)} ${isSelected ? "selects" : "passes over"} the object`, () => {
    const parsed = parseLabelSelector(text);
    assert.ok(parsed.ok, parsed.ok ? "" : parsed.error);
    assert.equal(parsed.selector(LABELS), isSelected);
  });
}

for (const [text, error] of [
  ["env in (a", /ends where "\)" is expected/],
  ["env in a", /"a" stands where "\(" is expected/],
  ["env prod", /"prod" stands where one of =/],
  ["=prod", /"=" stands where a label's key is expected/],
  ["env=prod,", /ends where a label's key is expected/],
  ["!", /ends where a label's key is expected/],
  ["env=a=b", /"=" stands where "," is expected/],
  ["-env", /"-env" is no label's key/],
  ["env=b@d", /"b@d" is no label's value/],
  ["env>many", /"many" is not a whole number/],
  ["x".repeat(5_000), /longer than 4096/],
] as const) {
  it(`says what is wrong with ${JSON.stringify(text.slice(0, 20))}`, () => {
    const parsed = parseLabelSelector(text);
    assert.ok(!parsed.ok);
    assert.match(parsed.error, error);
  });
}

it("does not take what every JavaScript object has for labels", () => {
  const parsed = parseLabelSelector("constructor");
  assert.ok(parsed.ok);
  assert.equal(parsed.selector({}), false);
});

it("answers every text", () => {
  const piece = fc.constantFrom(
    "env",
    "in",
    "notin",
    "(",
    ")",
    ",",
    "=",
    "!=",
    "==",
    "!",
    ">",
    "<",
    " ",
    "a",
    "1",
    "/",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const parsed = parseLabelSelector(pieces.join(""));
      if (parsed.ok) assert.equal(typeof parsed.selector(LABELS), "boolean");
      else assert.notEqual(parsed.error, "");
    }),
  );
});
