import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { finishNow, SliceMeter } from "../lib/sliced-work.ts";
import type { PathPattern } from "./path-pattern.ts";
import { PathTrieBuilder } from "./path-trie-builder.ts";
import type { PathTrie } from "./path-trie.ts";

/** `=/foo` is exact, `/foo` a prefix. */
function patternOf(text: string): PathPattern {
  return text.startsWith("=") ? { kind: "exact", path: text.slice(1) } : { kind: "prefix", path: text };
}

function trieOf(...patterns: readonly string[]): PathTrie<string> {
  return buildTrie(patterns.map((text) => [patternOf(text), text]));
}

function buildTrie<T>(entries: Iterable<readonly [PathPattern, T]>): PathTrie<T> {
  const builder = new PathTrieBuilder<T>();
  for (const [pattern, value] of entries) builder.add(pattern, value);
  return finishNow(builder.finish(new SliceMeter(Infinity)));
}

/** From the path rules of the Ingress API documentation and its conformance suite. */
const CONFORMANCE: readonly (readonly [patterns: readonly string[], path: string, winner: string | null])[] = [
  [["=/foo"], "/foo", "=/foo"],
  [["=/foo"], "/foo/", null],
  [["=/foo"], "/FOO", null],
  [["=/foo"], "/bar", null],
  [["=/foo/"], "/foo", null],
  [["/foo"], "/foo", "/foo"],
  [["/foo"], "/foo/", "/foo"],
  [["/foo"], "/FOO", null],
  [["/foo/"], "/foo", "/foo/"],
  [["/foo/"], "/foo/", "/foo/"],
  [["/"], "/anything/at/all", "/"],
  [["/"], "/", "/"],
  [["/aaa/bb"], "/aaa/bbb", null],
  [["/aaa/bbb"], "/aaa/bbb", "/aaa/bbb"],
  [["/aaa/bbb/"], "/aaa/bbb", "/aaa/bbb/"],
  [["/aaa/bbb/"], "/aaa/bbb/", "/aaa/bbb/"],
  [["/aaa/bbb"], "/aaa/bbb/", "/aaa/bbb"],
  [["/aaa/bbb"], "/aaa/bbb/ccc", "/aaa/bbb"],
  [["/aaa/bbb"], "/aaa/bbbxyz", null],
  [["/", "/aaa"], "/aaa/ccc", "/aaa"],
  [["/", "/aaa", "/aaa/bbb"], "/aaa/bbb", "/aaa/bbb"],
  [["/", "/aaa", "/aaa/bbb"], "/aaa/bbb/ccc", "/aaa/bbb"],
  [["/", "/aaa", "/aaa/bbb"], "/aaa/ccc", "/aaa"],
  [["/", "/aaa", "/aaa/bbb"], "/ccc", "/"],
  [["/aaa", "/aaa/bbb"], "/aaaccc", null],
  [["/foo", "=/foo"], "/foo", "=/foo"],
  [["/foo", "=/foo"], "/foo/bar", "/foo"],
];

describe("path lookup", () => {
  for (const [patterns, path, winner] of CONFORMANCE) {
    test(`of ${patterns.join(" and ")}, ${path} gets ${winner}`, () => {
      assert.equal(trieOf(...patterns).lookup(path), winner);
    });
  }

  for (const [patterns, path, winner] of [
    // The longer path string is preferred, even where it is longer by its last slash alone.
    [["=/foo", "/foo/", "/foo"], "/foo", "/foo/"],
    [["/foo/", "/foo"], "/foo/bar", "/foo/"],
    [["=/foo/", "/foo/"], "/foo/", "=/foo/"],
    [["=/", "/"], "/", "=/"],
    [["=/", "/"], "/x", "/"],
    // Edges that share elements with others, end inside of them, or begin like them.
    [["/a/b/c/d", "/a/b/x"], "/a/b/y", null],
    [["/a/b/c/d", "/a/b"], "/a/b/c", "/a/b"],
    [["/a/b/c/d", "/a"], "/a/b/c", "/a"],
    [["/api", "/api2/x"], "/api2", null],
    [["/ab/c", "/a/c"], "/a/c", "/a/c"],
    [["=/a/b", "=/a/b/c"], "/a/b/", null],
    [["/a/b"], "/a", null],
    [[], "/", null],
  ] as const) {
    test(`of ${patterns.join(" and ")}, ${path} gets ${winner} (precedence)`, () => {
      assert.equal(trieOf(...patterns).lookup(path), winner);
      assert.equal(trieOf(...patterns.toReversed()).lookup(path), winner);
    });
  }

  test("of two equal patterns the first counts", () => {
    const trie = buildTrie([
      [patternOf("/a"), "first"],
      [patternOf("/a"), "second"],
    ]);
    assert.equal(trie.lookup("/a/b"), "first");
  });

  test("a path of 100,000 elements is configured and looked up without deep recursion", () => {
    const path = "/a".repeat(100_000);
    const trie = trieOf(path, "/a/b", ...Array.from({ length: 50 }, (_, depth) => "/a".repeat(depth + 1)));
    assert.equal(trie.lookup(`${path}/b`), path);
    assert.equal(trie.lookup(path.slice(0, -2)), "/a".repeat(50));
  });

  test("agrees with a naive matcher", () => {
    const element = fc.constantFrom("a", "b", "aa", "ab", "c", "d", "e", "f", "g");
    const path = fc
      .tuple(fc.array(element, { maxLength: 4 }), fc.boolean())
      .map(([elements, hasSlash]) => `/${elements.join("/")}${hasSlash && elements.length > 0 ? "/" : ""}`);
    const pattern = fc.tuple(fc.boolean(), path).map(([isExact, text]) => (isExact ? `=${text}` : text));
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 60 }), fc.array(path, { maxLength: 30 }), (patterns, paths) => {
        const trie = trieOf(...patterns);
        for (const requested of paths) assert.equal(trie.lookup(requested), lookupNaively(patterns, requested));
      }),
      { numRuns: 300 },
    );
  });
});

function lookupNaively(patterns: readonly string[], path: string): string | null {
  const matching = patterns.filter((text) => matches(patternOf(text), path));
  const [winner] = matching.toSorted((a, b) => {
    const [left, right] = [patternOf(a), patternOf(b)];
    return right.path.length - left.path.length || Number(right.kind === "exact") - Number(left.kind === "exact");
  });
  return winner ?? null;
}

function matches(pattern: PathPattern, path: string): boolean {
  if (pattern.kind === "exact") return pattern.path === path;
  const wanted = pattern.path.split("/").filter((element) => element !== "");
  const given = path.split("/").filter((element) => element !== "");
  return wanted.every((element, index) => given[index] === element);
}
