import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { Balancer, WeightedTarget } from "./balancer.ts";
import { EarliestDeadline } from "./earliest-deadline.ts";
import { Rotation } from "./rotation.ts";
import { SmoothRoundRobin } from "./smooth-round-robin.ts";

interface Target {
  readonly name: string;
}

const NONE: readonly Target[] = [];

/** A list that counts how often it is searched. */
class CountedList extends Array<Target> {
  searches = 0;

  override includes(target: Target): boolean {
    this.searches++;
    return super.includes(target);
  }
}

type Algorithm = (weightedTargets: readonly WeightedTarget<Target>[], turn: number) => Balancer<Target>;
const algorithms: readonly (readonly [string, Algorithm])[] = [
  ["smooth round robin", (weightedTargets, turn) => new SmoothRoundRobin(weightedTargets, turn)],
  ["earliest deadline", (weightedTargets, turn) => new EarliestDeadline(weightedTargets, turn)],
  [
    "rotation",
    (weightedTargets, turn) =>
      new Rotation(
        weightedTargets.map(({ target }) => target),
        turn,
      ),
  ],
];

function weightedTargetsOf(weights: readonly number[]): WeightedTarget<Target>[] {
  return weights.map((weight, index) => ({ target: { name: `t${index}` }, weight }));
}

/** How often each target is selected. */
function share(balancer: Balancer<Target>, count: number): Map<Target, number> {
  const counts = new Map<Target, number>();
  for (let i = 0; i < count; i++) {
    const target = balancer.select(NONE);
    assert.ok(target !== null);
    counts.set(target, (counts.get(target) ?? 0) + 1);
  }
  return counts;
}

const sum = (weighted: readonly WeightedTarget<Target>[]): number =>
  weighted.reduce((all, { weight }) => all + weight, 0);

const scenario = fc.record({
  weights: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 30 }),
  turn: fc.nat(10_000),
  before: fc.nat(60),
  leavesOut: fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
});

describe("targets that are left out", () => {
  for (const [name, create] of algorithms) {
    test(`${name}: get no turn, the others share them by weight, and all do once they are back`, () => {
      fc.assert(
        fc.property(scenario, ({ weights, turn, before, leavesOut }) => {
          const weightedTargets = weightedTargetsOf(name === "rotation" ? weights.map(() => 1) : weights);
          const balancer = create(weightedTargets, turn);
          for (let i = 0; i < before; i++) balancer.select(NONE);
          const leftOut = weightedTargets.filter((_, index) => leavesOut[index]);
          const active = weightedTargets.filter((_, index) => !leavesOut[index]);
          for (const { target } of leftOut) assert.equal(balancer.leaveOut(target), true);
          for (const { target } of leftOut) assert.equal(balancer.leaveOut(target), true);
          assert.equal(balancer.size, weights.length);
          const assertShares = (weighted: readonly WeightedTarget<Target>[]): void => {
            const counts = share(balancer, 4 * sum(weighted));
            for (const { target, weight } of weighted) {
              const got = counts.get(target) ?? 0;
              assert.ok(Math.abs(got - 4 * weight) <= 3, `${target.name} of weight ${weight} got ${got} of 4 cycles`);
              counts.delete(target);
            }
            assert.equal(counts.size, 0);
          };
          if (active.length === 0) assert.equal(balancer.select(NONE), null);
          else assertShares(active);
          for (const { target } of leftOut) balancer.takeBack(target);
          for (const { target } of leftOut) balancer.takeBack(target);
          assertShares(weightedTargets);
        }),
        { numRuns: 100 },
      );
    });

    test(`${name}: retries go everywhere but to them and to what was tried`, () => {
      fc.assert(
        fc.property(scenario, ({ weights, turn, leavesOut }) => {
          const weightedTargets = weightedTargetsOf(weights);
          const balancer = create(weightedTargets, turn);
          const [first, ...others] = weightedTargets.map(({ target }) => target) as [Target, ...Target[]];
          // Some before the first retry, some after it.
          const leftOut = others.filter((_, index) => leavesOut[index]);
          for (const target of leftOut.slice(1)) balancer.leaveOut(target);
          balancer.select([first]);
          for (const target of leftOut.slice(0, 1)) balancer.leaveOut(target);
          const tried = [first];
          for (let left = others.length - leftOut.length; left > 0; left--) {
            const target = balancer.select(tried);
            assert.ok(target !== null && !tried.includes(target) && !leftOut.includes(target));
            tried.push(target);
          }
          assert.equal(balancer.select(tried), null);
          for (const target of leftOut) balancer.takeBack(target);
          assert.equal(balancer.select(tried) === null, leftOut.length === 0);
        }),
        { numRuns: 100 },
      );
    });

    test(`${name}: one that comes and goes gets no more than its share`, () => {
      const weightedTargets = weightedTargetsOf([1, 1, 1, 1]);
      const flapping = weightedTargets[2]!.target;
      const balancer = create(weightedTargets, 0);
      let got = 0;
      for (let round = 0; round < 400; round++) {
        if (balancer.select(NONE) !== flapping) continue;
        got++;
        balancer.leaveOut(flapping);
        balancer.takeBack(flapping);
      }
      assert.ok(got <= 101, `${got} of 400`);
    });

    test(`${name}: a target of another list is not known`, () => {
      const balancer = create(weightedTargetsOf([1, 2]), 0);
      assert.equal(balancer.leaveOut({ name: "t0" }), false);
      balancer.takeBack({ name: "t0" });
      assert.equal(share(balancer, 6).size, 2);
    });
  }

  test("rotation: a retry looks at no more targets for those that are left out", () => {
    const weightedTargets = weightedTargetsOf(Array.from({ length: 10_000 }, () => 1));
    const balancer = new Rotation(
      weightedTargets.map(({ target }) => target),
      0,
    );
    for (const { target } of weightedTargets.slice(0, -2)) balancer.leaveOut(target);
    const tried = new CountedList();
    tried.push(weightedTargets[9_998]!.target);
    for (let retry = 0; retry < 10; retry++) assert.equal(balancer.select(tried), weightedTargets[9_999]!.target);
    assert.ok(tried.searches <= 20, `${tried.searches} for 10 retries`);
  });
});
