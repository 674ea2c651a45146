// How an explanation reads.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EXPLAINED_SHOP } from "../../../test/support/explained-shop.ts";
import { snapshotOf } from "../../../test/support/ingress-snapshot.ts";
import type { SnapshotSpec } from "../../../test/support/ingress-snapshot.ts";
import { explain } from "../../ingress/explain/explain.ts";
import { parseExplainRequest } from "./read-request.ts";
import { renderExplanation } from "./render.ts";

function render(text: string, headers: readonly string[] = [], spec: SnapshotSpec = EXPLAINED_SHOP): string {
  const request = parseExplainRequest(text, headers);
  assert.ok(!("problem" in request), "problem" in request ? request.problem : "");
  return renderExplanation(explain(snapshotOf(spec), request));
}

describe("the explanation as text", () => {
  test("says what happens first, then why", () => {
    const text = render("https://shop.example/x/../cart//7");
    assert.equal(
      text,
      `GET https://shop.example/x/../cart//7

Answer       forwarded to one of 2 upstreams by weight, for 90 % of requests; the rest gets 503, as its upstream has no endpoint
Certificate  shop/tls: configured for shop.example
             clients will refuse it: it is for *.other.example, www.shop.example
Host         shop.example: the exact host
             *.example: a wildcard that stands for exactly one label; not asked, as shop.example is more specific and has the only say
             any host: routes for every host that has none of its own; not asked, as shop.example is more specific and has the only say
Path         matched as /cart/7, forwarded as /cart//7
Route        cart: Prefix /cart/ begins the path; the most specific of 2 routes that match
             from Ingress shop/web, spec.rules[0].http.paths[0]
Policy       connect 5 s, response 60 s, idle 60 s, idle tunnel 3600 s, bodies of any size, up to 3 attempts, plain HTTP is served
Lost         short: Prefix /cart matches too, but its path is shorter
             items: Exact /cart/items is another path
             gone: Prefix /gone does not begin the path
             old: Prefix /old does not begin the path
             name: Prefix /name does not begin the path
             empty: Prefix /empty does not begin the path
Upstream     shop/cart/80: http, weight 9 (90 % of requests)
             10.0.0.1:8080  ready, takes requests
             [2001:db8::1]:8080  terminating, still serves, takes none, zone a
Upstream     shop/canary/80: http, weight 1 (10 % of requests)
             no endpoint
`,
    );
  });

  test("names the Host header where it differs, and what nothing matches", () => {
    const text = render("https://shop.example/x", ["Host: none.test"], { ...EXPLAINED_SHOP, hosts: { "a.test": [] } });
    assert.match(text, /^GET https:\/\/shop\.example\/x with Host: none\.test\n/);
    assert.match(text, /^Host {9}no virtual host takes none\.test$/m);
  });

  test("where no host matches, the one that was probably meant is named", () => {
    const spec = { hosts: { "shop.example": [{ path: "/" }] } };
    assert.match(
      render("http://shop.exmaple/x", [], spec),
      /^Host {9}no virtual host takes shop\.exmaple; did you mean shop\.example\?$/m,
    );
    assert.match(render("/x", [], spec), /^GET \/x\n[\s\S]*^Host {9}no virtual host takes requests without a host$/m);
  });

  test("text of objects cannot steer a terminal", () => {
    const spec: SnapshotSpec = { hosts: { "": [{ path: "/\u001b[2J\u202e", id: "odd", to: "web" }] } };
    const text = render("/x", [], spec);
    assert.match(text, /odd: Prefix "\/\\u001b\[2J\\u202e" does not begin the path/);
  });

  test("what the engine refuses is an answer and its reason, no more", () => {
    assert.equal(
      render("get http://shop..example:99999/cart"),
      "get http://shop..example:99999/cart\n\nAnswer       400: the request line has no valid method\n",
    );
  });

  test("says what the headers beside Host do", () => {
    assert.match(
      render("http://shop.example/cart", ["Accept: */*", "X-Forwarded-Proto: https"]),
      /^Headers {6}X-Forwarded-Proto is believed .*\n {13}Accept: no part in the choice, which is by host and path$/m,
    );
  });

  test("nor can text of the command line", () => {
    const text = render("/x", ["Host: \u001b[2J"]);
    assert.match(text, /^GET \/x with Host: "\\u001b\[2J"\n\nAnswer {7}400: /);
  });
});
