import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { canonicalizeConfiguredPath, canonicalizeTarget, plainPathLength } from "./request-path.ts";

/** Path to match and target to forward, or the refusal. */
function read(target: string): readonly string[] | string {
  const canonical = canonicalizeTarget(target);
  return canonical.refusal ?? [canonical.path, canonical.target];
}

describe("plain paths", () => {
  for (const [target, length] of [
    ["/", 1],
    ["/shop/cart", 10],
    ["/shop/cart?a=%2e/../b//c\\d", 10],
    ["/shop/", 6],
    ["/a.b/c..d/e...", 14],
    ["/a;v=1/b", 8],
  ] as const) {
    test(`${target} is used as it is`, () => {
      assert.equal(plainPathLength(target), length);
      assert.deepEqual(read(target), [target.slice(0, length), target]);
    });
  }

  for (const target of ["/a//b", "//", "/./a", "/a/..", "/a/.b", "/%61", "/a\\b", "*", "", "a/b", "?", "/a/..;x/b"]) {
    test(`${JSON.stringify(target)} needs a closer look`, () => {
      assert.equal(plainPathLength(target), -1);
    });
  }
});

describe("canonical paths", () => {
  for (const [received, path, forwarded] of [
    // Slashes merge for matching only.
    ["//a///b//", "/a/b/", "//a///b//"],
    ["//", "/", "//"],
    // Dot segments are resolved, encoded or not.
    ["/a/./b", "/a/b", "/a/b"],
    ["/a/../b", "/b", "/b"],
    ["/a/%2e%2E/b", "/b", "/b"],
    ["/a/.%2e/b?x=../y", "/b", "/b?x=../y"],
    ["/a/%2e/b", "/a/b", "/a/b"],
    ["/a/.", "/a/", "/a/"],
    ["/a/b/..", "/a/", "/a/"],
    ["/a/..", "/", "/"],
    ["/./", "/", "/"],
    // `..` after repeated slashes removes the segment that matching sees before it.
    ["/a//../b", "/b", "/b"],
    ["/a/b//%2e./c", "/a/c", "/a/c"],
    // The rest of the text stays as it came.
    ["/x%41//y/../z%7e", "/xA/z~", "/x%41//z%7e"],
    // Decoded, but for what would change the path's structure or decode twice.
    ["/%66oo", "/foo", "/%66oo"],
    ["/a%2fb", "/a%2Fb", "/a%2fb"],
    ["/a%252e", "/a%252e", "/a%252e"],
    ["/%252e%252e/a", "/%252e%252e/a", "/%252e%252e/a"],
    ["/caf%C3%A9", "/caf\u00c3\u00a9", "/caf%C3%A9"],
    ["/a%3Fb?c", "/a?b", "/a%3Fb?c"],
    ["/a%5cb", "/a\\b", "/a%5cb"],
    ["/a%0db", "/a\rb", "/a%0db"],
    // Dots that form no dot segment.
    ["/.well-known/x", "/.well-known/x", "/.well-known/x"],
    ["/...", "/...", "/..."],
    ["/..a/.b", "/..a/.b", "/..a/.b"],
    ["/a;..", "/a;..", "/a;.."],
    ["/;x/%20", "/;x/ ", "/;x/%20"],
  ] as const) {
    test(`${received} is matched as ${JSON.stringify(path)}`, () => {
      assert.deepEqual(read(received), [path, forwarded]);
    });
  }

  for (const [received, refusal] of [
    ["/..", "the path climbs above the root"],
    ["/a/../../b", "the path climbs above the root"],
    ["//../a", "the path climbs above the root"],
    ["/%2e%2e/a", "the path climbs above the root"],
    ["/a%00", "the path has a NUL"],
    ["/%zz", "the path has a percent sign without two hex digits"],
    ["/%1", "the path has a percent sign without two hex digits"],
    ["/a%", "the path has a percent sign without two hex digits"],
    ["/%1?f", "the path has a percent sign without two hex digits"],
    ["/a\\b", "the path has a backslash"],
    ["/a/..%2fadmin", "the path hides a dot segment"],
    ["/a/%2e%2e%2fadmin", "the path hides a dot segment"],
    ["/a/x%2f..%2Fadmin", "the path hides a dot segment"],
    ["/a/x%2f..", "the path hides a dot segment"],
    ["/a/..%5cadmin", "the path hides a dot segment"],
    ["/a/x%5C.", "the path hides a dot segment"],
    ["/a/..;/admin", "the path hides a dot segment"],
    ["/a/..;x", "the path hides a dot segment"],
    ["/a/.;", "the path hides a dot segment"],
    ["/a/%2e%2e%3bx/admin", "the path hides a dot segment"],
    ["/a/x;y%2f..;z", "the path hides a dot segment"],
    ["*", "the target is not a path"],
    ["", "the target is not a path"],
  ] as const) {
    test(`${JSON.stringify(received)} is refused`, () => {
      assert.equal(read(received), refusal);
    });
  }
});

describe("configured paths", () => {
  for (const [value, path] of [
    ["/", "/"],
    ["/foo/", "/foo/"],
    ["/a//b", "/a/b"],
    ["/a b", "/a b"],
    ["/a%20b", "/a b"],
    ["/caf\u00e9", "/caf\u00c3\u00a9"],
    ["/\u{1f600}", "/\u00f0\u009f\u0098\u0080"],
    ["/100%", "/100%25"],
    ["/100%25", "/100%25"],
    ["/a%2fb", "/a%2Fb"],
    ["/a?b", "/a?b"],
    ["/a\\b", "/a\\b"],
    ["/a/../b", "/b"],
  ] as const) {
    test(`${value} matches requests as ${JSON.stringify(path)}`, () => {
      assert.equal(canonicalizeConfiguredPath(value), path);
    });
  }

  for (const value of ["", "foo", "/..", "/a/..%2fb", "/a%00"]) {
    test(`${JSON.stringify(value)} can match nothing`, () => {
      assert.equal(canonicalizeConfiguredPath(value), null);
    });
  }

  test("plain text in a configuration matches what a client makes of that text", () => {
    const segment = fc.oneof(fc.constantFrom(".", "..", "..;", ";", "\\", "?", "é"), fc.string({ unit: "grapheme" }));
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
        const texts = segments.map((text) => text.replaceAll(/[%/\0]/g, "x"));
        const request = canonicalizeTarget(`/${texts.map(encodeURIComponent).join("/")}`);
        assert.equal(canonicalizeConfiguredPath(`/${texts.join("/")}`), request.refusal === null ? request.path : null);
      }),
      { numRuns: 500 },
    );
  });
});

const fragment = fc.constantFrom(
  "/",
  "//",
  ".",
  "..",
  "%2e",
  "%2E",
  "%2f",
  "%5c",
  "%25",
  "%00",
  "%3b",
  ";",
  "\\",
  "a",
  "admin",
  "%41",
  "%zz",
  "%",
  "?",
  "é",
);
const targetArbitrary = fc.array(fragment, { maxLength: 12 }).map((parts) => `/${parts.join("")}`);

describe("any path", () => {
  test("agrees with a naive reading", () => {
    fc.assert(
      fc.property(targetArbitrary, (target) => {
        const canonical = canonicalizeTarget(target);
        assert.equal(canonical.refusal === null ? canonical.path : null, readNaively(target));
      }),
      { numRuns: 3_000 },
    );
  });

  test("what is forwarded reads the same again and has no dot segment, however an upstream decodes", () => {
    fc.assert(
      fc.property(targetArbitrary, (target) => {
        const canonical = canonicalizeTarget(target);
        fc.pre(canonical.refusal === null);
        assert.deepEqual(canonicalizeTarget(canonical.target), canonical);
        assert.equal(canonical.target.split("?").slice(1).join("?"), target.split("?").slice(1).join("?"));
        const seenByUpstream = decodeBytes(canonical.target.split("?")[0] as string);
        for (const element of [...canonical.path.split("/"), ...seenByUpstream.split(/[/\\]/)]) {
          const name = element.split(";")[0];
          assert.ok(name !== "." && name !== "..", `${canonical.target} has ${element}`);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test("the short cut gives what the closer look gives", () => {
    fc.assert(
      fc.property(targetArbitrary, (target) => {
        const length = plainPathLength(target);
        fc.pre(length !== -1);
        assert.deepEqual(read(target), [target.slice(0, length), target]);
      }),
      { numRuns: 3_000 },
    );
  });
});

function decodeBytes(text: string): string {
  return text.replaceAll(/%[0-9a-f]{2}/gi, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)));
}

/** The rules written down once more, without a thought for speed. Null: refused. */
function readNaively(target: string): string | null {
  const path = target.split("?")[0] as string;
  if (path.includes("\\") || /%(?![0-9a-f]{2})/i.test(path) || /%00/.test(path)) return null;
  const resolved: string[] = [];
  const segments = path.split("/").slice(1);
  const isDirectory = /(^|\/)(\.|%2e){0,2}$/i.test(path);
  for (const segment of segments) {
    const decoded = decodeBytes(segment);
    if (decoded === "" || decoded === ".") continue;
    if (decoded === "..") {
      if (resolved.pop() === undefined) return null;
      continue;
    }
    if (decoded.split(/[/\\]/).some((piece) => /^\.\.?(;|$)/.test(piece))) return null;
    resolved.push(decodeBytes(segment.replaceAll(/%25/g, "%2525").replaceAll(/%2f/gi, "%252F")));
  }
  if (resolved.length === 0) return "/";
  return `/${resolved.join("/")}${isDirectory ? "/" : ""}`;
}
