import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { Balancer, WeightedTarget } from "./balancer.ts";
import { TURN_LIMIT } from "./balancer.ts";
import { EarliestDeadline } from "./earliest-deadline.ts";
import { createRoundRobin } from "./round-robin.ts";
import { Rotation } from "./rotation.ts";
import { SmoothRoundRobin } from "./smooth-round-robin.ts";

interface Target {
  readonly name: string;
}

const NONE: readonly Target[] = [];

function weightedTargetsOf(weights: readonly number[]): WeightedTarget<Target>[] {
  return weights.map((weight, index) => ({ target: { name: `t${index}` }, weight }));
}

function targetsOf(weightedTargets: readonly WeightedTarget<Target>[]): Target[] {
  return weightedTargets.map((one) => one.target);
}

function take(balancer: Balancer<Target>, count: number): string[] {
  return Array.from({ length: count }, () => balancer.select(NONE)?.name ?? "none");
}

function countByName(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Longest wait of a target between two of its turns, in selections. */
function longestGap(names: readonly string[], name: string): number {
  const positions = names.flatMap((candidate, index) => (candidate === name ? [index] : []));
  return Math.max(...positions.slice(1).map((position, index) => position - (positions[index] as number)));
}

const weightsArbitrary = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 40 });
const turnArbitrary = fc.integer({ min: 0, max: TURN_LIMIT });
type Algorithm = (weightedTargets: readonly WeightedTarget<Target>[], turn: number) => Balancer<Target>;
const weightedAlgorithms: readonly (readonly [string, Algorithm])[] = [
  ["smooth round robin", (weightedTargets, turn) => new SmoothRoundRobin(weightedTargets, turn)],
  ["earliest deadline", (weightedTargets, turn) => new EarliestDeadline(weightedTargets, turn)],
];
const algorithms: typeof weightedAlgorithms = [
  ...weightedAlgorithms,
  ["rotation", (weightedTargets, turn) => new Rotation(targetsOf(weightedTargets), turn)],
];

describe("weighted round robin", () => {
  test("equal weights go around in order, beginning where the turn says", () => {
    const balancer = createRoundRobin(weightedTargetsOf([7, 7, 7]), 4);
    assert.deepEqual(take(balancer, 5), ["t1", "t2", "t0", "t1", "t2"]);
    assert.ok(balancer instanceof Rotation);
  });

  test("5:1:1 is spread as nginx spreads it", () => {
    const balancer = createRoundRobin(weightedTargetsOf([5, 1, 1]), 0);
    assert.deepEqual(take(balancer, 7), ["t0", "t0", "t1", "t0", "t2", "t0", "t0"]);
  });

  test("a later turn begins later in the same cycle", () => {
    const fromStart = take(createRoundRobin(weightedTargetsOf([5, 1, 1]), 0), 14);
    assert.deepEqual(take(createRoundRobin(weightedTargetsOf([5, 1, 1]), 3), 7), fromStart.slice(3, 10));
  });

  test("weight 0 is never selected", () => {
    const balancer = createRoundRobin(weightedTargetsOf([0, 3, 0, 1]), 0);
    assert.equal(balancer.size, 2);
    assert.deepEqual(
      [...countByName(take(balancer, 40))].toSorted(([a], [b]) => (a < b ? -1 : 1)),
      [
        ["t1", 30],
        ["t3", 10],
      ],
    );
  });

  test("without a target of positive weight nothing is selected", () => {
    assert.equal(createRoundRobin(weightedTargetsOf([]), 3).select(NONE), null);
    assert.equal(createRoundRobin(weightedTargetsOf([0, 0]), 3).select(NONE), null);
  });

  test("many targets of equal weight and one heavy one alternate, whatever the number", () => {
    const weights = [100, ...Array.from({ length: 100 }, () => 1)];
    const names = take(createRoundRobin(weightedTargetsOf(weights), 17), 2_000);
    assert.ok(longestGap(names, "t0") <= 5, `the heavy target waited ${longestGap(names, "t0")} selections`);
  });

  test("a rebuild goes on where its predecessor stood, so that frequent changes favour nobody", () => {
    for (const weights of [
      [1, 1, 1, 1],
      [1, 1, 1, 2],
    ]) {
      const weightedTargets = weightedTargetsOf(weights);
      let turn = 0;
      const names: string[] = [];
      for (let rebuild = 0; rebuild < 40; rebuild++) {
        const balancer = createRoundRobin(weightedTargets, turn);
        names.push(...take(balancer, 1));
        turn = balancer.turn;
      }
      const whole = weights.reduce((sum, weight) => sum + weight, 0);
      const expected = weights.map((weight, index) => [`t${index}`, (40 * weight) / whole]);
      assert.deepEqual(
        [...countByName(names)].toSorted(([a], [b]) => (a < b ? -1 : 1)),
        expected,
      );
    }
  });

  for (const [name, create] of algorithms) {
    test(`${name}: what was tried does not come again until everything was`, () => {
      fc.assert(
        fc.property(weightsArbitrary, turnArbitrary, (weights, turn) => {
          const weightedTargets = weightedTargetsOf(weights);
          const balancer = create(weightedTargets, turn);
          const tried: Target[] = [];
          for (let attempt = 0; attempt < weights.length; attempt++) {
            const target = balancer.select(tried);
            assert.ok(target !== null && !tried.includes(target));
            tried.push(target);
          }
          assert.equal(balancer.select(tried), null);
        }),
        { numRuns: 60 },
      );
    });

    test(`${name}: the turn stays an integer below its limit`, () => {
      const balancer = create(weightedTargetsOf([1, 2, 3]), TURN_LIMIT - 1);
      assert.notEqual(balancer.select(NONE), null);
      assert.equal(balancer.turn, 0);
    });
  }

  for (const [name, create] of weightedAlgorithms) {
    test(`${name}: over a whole cycle everyone gets exactly its weight, from any turn`, () => {
      fc.assert(
        fc.property(weightsArbitrary, turnArbitrary, (weights, turn) => {
          const weightedTargets = weightedTargetsOf(weights);
          const cycle = weights.reduce((sum, weight) => sum + weight, 0);
          const balancer = create(weightedTargets, turn);
          for (let round = 0; round < 3; round++) {
            const counts = countByName(take(balancer, cycle));
            weights.forEach((weight, index) => {
              assert.equal(counts.get(`t${index}`), weight);
            });
          }
        }),
        { numRuns: 60 },
      );
    });

    test(`${name}: no target waits much longer than its share says`, () => {
      fc.assert(
        fc.property(weightsArbitrary, turnArbitrary, (weights, turn) => {
          const cycle = weights.reduce((sum, weight) => sum + weight, 0);
          const names = take(create(weightedTargetsOf(weights), turn), 3 * cycle);
          weights.forEach((weight, index) => {
            assert.ok(longestGap(names, `t${index}`) <= 2 * Math.ceil(cycle / weight) + weights.length);
          });
        }),
        { numRuns: 60 },
      );
    });
  }

  for (const [name, create] of algorithms) {
    test(`${name}: with one dead target, requests begin with it no more often than its share says`, () => {
      const weightedTargets = weightedTargetsOf([1, 1, 1, 1]);
      const targets = targetsOf(weightedTargets);
      const dead = targets[0] as Target;
      const balancer = create(weightedTargets, 0);
      const retries: string[] = [];
      for (let request = 0; request < 120; request++) {
        if (balancer.select(NONE) === dead) retries.push(balancer.select([dead])?.name ?? "none");
      }
      assert.equal(retries.length, 30);
      for (const other of ["t1", "t2", "t3"]) {
        const share = countByName(retries).get(other) ?? 0;
        assert.ok(Math.abs(share - 10) <= 2, `${other} took ${share} of 30 retries`);
      }
    });
  }

  test("earliest deadline: shares hold for the largest weights over many cycles' worth of turns", () => {
    const weights = [1_000_000, 500_000, ...Array.from({ length: 18 }, () => 250_000)];
    const balancer = createRoundRobin(weightedTargetsOf(weights), 123_456_789);
    assert.ok(balancer instanceof EarliestDeadline);
    const counts = countByName(take(balancer, 24_000));
    assert.ok(Math.abs((counts.get("t0") ?? 0) - 4_000) <= 2);
    assert.ok(Math.abs((counts.get("t1") ?? 0) - 2_000) <= 2);
  });
});
