// What people may write for each kind of value, and what the refusal tells them to write instead.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { formatListenAddress } from "../../lib/address-text.ts";
import type { Parsed } from "../parsed.ts";
import { formatDuration, parseDuration } from "./duration.ts";
import { parseListenAddress } from "./listen-address.ts";
import { formatSize, parseCount, parseSize } from "./number.ts";
import { parseProxyTarget } from "./proxy-target.ts";
import { parseChoice, parseCidr, parseNamespacedName, parseObjectName, parseSwitch } from "./words.ts";

function valueOf<Value>(outcome: Parsed<Value>): Value {
  assert.ok(outcome.ok, outcome.ok ? "" : outcome.problem);
  return outcome.value;
}

function problemOf(outcome: Parsed<unknown>): string {
  assert.ok(!outcome.ok, `accepted: ${JSON.stringify(outcome)}`);
  return outcome.problem;
}

describe("listen addresses", () => {
  const accepted: readonly (readonly [string, string, number])[] = [
    [":8080", "::", 8080],
    ["127.0.0.1:80", "127.0.0.1", 80],
    ["localhost:0", "localhost", 0],
    ["[::1]:65535", "::1", 65_535],
    ["[::]:80", "::", 80],
    ["0.0.0.0:80", "0.0.0.0", 80],
  ];
  for (const [text, host, port] of accepted) {
    it(`reads ${text}`, () => assert.deepEqual(valueOf(parseListenAddress(text)), { host, port }));
  }

  const refusals: readonly (readonly [string, RegExp])[] = [
    ["8080", /write :8080 for every address$/],
    ["localhost", /has no port: write host:port/],
    ["localhost:", /no port from 0 to 65535/],
    [":65536", /no port from 0 to 65535/],
    [":-1", /no port from 0 to 65535/],
    ["::1:8080", /write \[::1\]:8080/],
    ["[127.0.0.1]:80", /not an IPv6 address/],
    ["[::1:80", /needs brackets/],
    ["*:80", /write :80 for every address/],
    ["http://localhost:80", /is a URL/],
    ["a b:80", /not a host name/],
    ["", /has no port/],
  ];
  for (const [text, problem] of refusals) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.match(problemOf(parseListenAddress(text)), problem));
  }

  it("prints what it would read again", () => {
    for (const [text] of accepted) {
      const address = valueOf(parseListenAddress(text));
      assert.deepEqual(valueOf(parseListenAddress(formatListenAddress(address.host, address.port))), address);
    }
  });
});

describe("durations", () => {
  it("reads units alone and together", () => {
    for (const [text, durationMs] of [
      ["250ms", 250],
      ["30s", 30_000],
      ["1m30s", 90_000],
      ["2h", 7_200_000],
      ["1h1m1s1ms", 3_661_001],
      ["0", 0],
      ["0s", 0],
    ] as const) {
      assert.equal(valueOf(parseDuration(text, 0)), durationMs, text);
    }
  });

  it("asks for a unit, since a bare number could be either", () => {
    assert.match(problemOf(parseDuration("30", 0)), /"30" has no unit: write 30s or 30ms/);
  });

  it("refuses what is no duration, too short, or past Node's timers", () => {
    for (const text of ["", "s", "1.5s", "-1s", "30 s", "1d"]) {
      assert.match(problemOf(parseDuration(text, 0)), /is not a duration: write for example/, text);
    }
    assert.match(problemOf(parseDuration("99ms", 100)), /too short: write 100ms or more/);
    assert.match(problemOf(parseDuration("0", 100)), /has no unit|too short/);
    assert.match(problemOf(parseDuration("600h", 0)), /too long/);
  });

  it("reads back what it prints", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_147_483_647 }), (durationMs) => {
        assert.equal(valueOf(parseDuration(formatDuration(durationMs), 0)), durationMs);
      }),
    );
  });
});

describe("numbers and sizes", () => {
  const bounds = { min: 1, max: 1_073_741_824 };

  it("reads binary units and plain bytes", () => {
    for (const [text, bytes] of [
      ["8192", 8_192],
      ["8192B", 8_192],
      ["8KiB", 8_192],
      ["8Ki", 8_192],
      ["1Mi", 1_048_576],
      ["1GiB", 1_073_741_824],
    ] as const) {
      assert.equal(valueOf(parseSize(text, bounds)), bytes, text);
    }
  });

  it("refuses units that mean two things", () => {
    for (const text of ["8k", "8K", "8kB", "8m", "8M", "1.5MiB", "-1", "", "KiB"]) {
      assert.match(problemOf(parseSize(text, bounds)), /is not a size: write for example 32KiB/, text);
    }
  });

  it("keeps to the bounds and names them", () => {
    assert.match(problemOf(parseSize("2GiB", bounds)), /from 1B to 1GiB/);
    assert.match(problemOf(parseCount("0", bounds)), /from 1 to 1073741824/);
    assert.match(problemOf(parseCount("1e3", bounds)), /not a whole number/);
    assert.equal(valueOf(parseCount("1073741824", bounds)), 1_073_741_824);
  });

  it("reads back what it prints", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_073_741_824 }), (bytes) => {
        assert.equal(valueOf(parseSize(formatSize(bytes), bounds)), bytes);
      }),
    );
  });
});

describe("words", () => {
  it("suggests the choice that was meant", () => {
    assert.match(problemOf(parseChoice("jsn", ["json", "off"])), /did you mean json\?.*write json or off/);
    assert.equal(valueOf(parseChoice("off", ["json", "off"])), "off");
  });

  it("reads switches", () => {
    assert.equal(valueOf(parseSwitch("true")), true);
    assert.equal(valueOf(parseSwitch("0")), false);
    assert.match(problemOf(parseSwitch("yes")), /write true or false/);
  });

  it("reads names of objects", () => {
    assert.deepEqual(valueOf(parseNamespacedName("default/wildcard-tls")), {
      namespace: "default",
      name: "wildcard-tls",
    });
    assert.equal(valueOf(parseObjectName("a.b-c")), "a.b-c");
    for (const text of ["tls", "a/b/c", "/tls", "a/", "A/b", "a/b_c", "a/-b", `a/${"b".repeat(254)}`]) {
      assert.match(problemOf(parseNamespacedName(text)), /is not NAMESPACE\/NAME/, text);
    }
  });

  it("reads blocks of addresses in canonical form", () => {
    assert.equal(valueOf(parseCidr("10.0.0.0/8")), "10.0.0.0/8");
    assert.equal(valueOf(parseCidr("10.1.2.3")), "10.1.2.3/32");
    assert.equal(valueOf(parseCidr("FD00:0::/8")), "fd00::/8");
    assert.equal(valueOf(parseCidr("::1")), "::1/128");
    assert.match(problemOf(parseCidr("10.1.0.0/8")), /bits set behind its prefix: write 10\.0\.0\.0\/8/);
    for (const text of [
      "10/8",
      "010.0.0.0/8",
      "0x0a.0.0.0/8",
      "10.0.0.0/33",
      "fe80::%eth0/10",
      "lan",
      "",
      "1.2.3.4/",
    ]) {
      assert.match(problemOf(parseCidr(text)), /is not a block of addresses/, text);
    }
  });
});

describe("proxy targets", () => {
  it("reads scheme, host, port and weight", () => {
    const target = { protocol: "http", host: "127.0.0.1", isAddress: true, port: 3_000, weight: 1 };
    assert.deepEqual(valueOf(parseProxyTarget("http://127.0.0.1:3000")), target);
    assert.deepEqual(valueOf(parseProxyTarget("http://127.0.0.1:3000/=20")), { ...target, weight: 20 });
    assert.deepEqual(valueOf(parseProxyTarget("http://[::1]:3000=0")), { ...target, host: "::1", weight: 0 });
    assert.deepEqual(valueOf(parseProxyTarget("https://API.example")), {
      protocol: "https",
      host: "api.example",
      isAddress: false,
      port: 443,
      weight: 1,
    });
  });

  it("refuses what it would have to ignore", () => {
    for (const [text, problem] of [
      ["127.0.0.1:3000", /not an http or https URL/],
      ["ftp://127.0.0.1", /not an http or https URL/],
      ["http://127.0.0.1/base", /paths pass through unchanged, write http:\/\/127\.0\.0\.1/],
      ["http://127.0.0.1/?a", /more than a host and port/],
      ["http://127.0.0.1=many", /no weight from 0 to 1000000/],
      ["http://127.0.0.1=1000001", /no weight from 0 to 1000000/],
      ["http://127.0.0.1:0", /port 0/],
    ] as const) {
      assert.match(problemOf(parseProxyTarget(text)), problem, text);
    }
  });

  it("does not repeat a password", () => {
    assert.doesNotMatch(problemOf(parseProxyTarget("http://me:hunter2@127.0.0.1")), /hunter2/);
  });
});

describe("refusals", () => {
  it("never throw and stay one short line, whatever was written", () => {
    const readers: readonly ((text: string) => Parsed<unknown>)[] = [
      parseListenAddress,
      parseCidr,
      parseNamespacedName,
      parseProxyTarget,
      parseSwitch,
      (text) => parseDuration(text, 0),
      (text) => parseSize(text, { min: 0, max: 1 }),
    ];
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), fc.constantFrom(...readers), (text, read) => {
        const outcome = read(text);
        if (outcome.ok) return;
        assert.doesNotMatch(outcome.problem, /[\u0000-\u001f]/);
        assert.ok(outcome.problem.length < 700, outcome.problem);
      }),
    );
  });
});
