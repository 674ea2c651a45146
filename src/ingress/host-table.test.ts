import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HostTable } from "./host-table.ts";

function tableOf(...hosts: readonly string[]): HostTable<string> {
  const table = new HostTable<string>();
  for (const host of hosts) table.add(host, `for ${host}`);
  return table;
}

describe("host lookup", () => {
  for (const [hosts, host, winner] of [
    // From the conformance suite's host rules.
    [["foo.bar.com"], "foo.bar.com", "foo.bar.com"],
    [["foo.bar.com"], "subdomain.bar.com", null],
    [["*.foo.com"], "bar.foo.com", "*.foo.com"],
    [["*.foo.com"], "baz.bar.foo.com", null],
    [["*.foo.com"], "foo.com", null],
    // Precedence.
    [["*.foo.com", "bar.foo.com", ""], "bar.foo.com", "bar.foo.com"],
    [["*.foo.com", "bar.foo.com", ""], "baz.foo.com", "*.foo.com"],
    [["*.foo.com", "bar.foo.com", ""], "foo.com", ""],
    [["*.bar.foo.com", "*.foo.com"], "x.bar.foo.com", "*.bar.foo.com"],
    // What is no name.
    [["*.foo.com", ""], "", ""],
    [["*.foo.com"], "", null],
    [["*.foo.com"], ".foo.com", null],
    [["*.0.0.1"], "[::ffff:127.0.0.1]", null],
    [[""], "[::1]", ""],
    [["__proto__"], "constructor", null],
  ] as const) {
    test(`of ${JSON.stringify(hosts)}, ${JSON.stringify(host)} gets ${JSON.stringify(winner)}`, () => {
      assert.equal(tableOf(...hosts).lookup(host), winner === null ? null : `for ${winner}`);
    });
  }

  for (const host of ["a.example", "*.a.example", ""]) {
    test(`${JSON.stringify(host)} twice is an error that names it`, () => {
      assert.throws(() => tableOf(host, host), { message: `host "${host}" comes twice` });
    });
  }
});
