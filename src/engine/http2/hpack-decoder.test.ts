// RFC 7541's own examples (Appendix C), and what is no HPACK.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HpackDecoder } from "./hpack-decoder.ts";

const LIMITS = { maxListBytes: 64 * 1024, maxLines: 256 };
/** A table of 256 bytes, as the examples of responses have (§C.5, §C.6). */
const RESIZE_TO_256 = "3fe101";

function decoder(limits = LIMITS): HpackDecoder {
  return new HpackDecoder(limits);
}

function decode(hpack: HpackDecoder, hex: string): string[] | null {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  return hpack.decode(bytes, 0, bytes.length) ? hpack.lines : null;
}

const REQUESTS = [
  [":method GET", ":scheme http", ":path /", ":authority www.example.com"],
  [":method GET", ":scheme http", ":path /", ":authority www.example.com", "cache-control no-cache"],
  [":method GET", ":scheme https", ":path /index.html", ":authority www.example.com", "custom-key custom-value"],
];
const RESPONSES = [
  [":status 302", "cache-control private", "date Mon, 21 Oct 2013 20:13:21 GMT", "location https://www.example.com"],
  [":status 307", "cache-control private", "date Mon, 21 Oct 2013 20:13:21 GMT", "location https://www.example.com"],
  [
    ":status 200",
    "cache-control private",
    "date Mon, 21 Oct 2013 20:13:22 GMT",
    "location https://www.example.com",
    "content-encoding gzip",
    "set-cookie foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
  ],
];

const EXAMPLES: Record<string, readonly [blocks: readonly string[], lists: readonly (readonly string[])[]]> = {
  "C.2.1, a literal with indexing": [
    ["400a637573746f6d2d6b65790d637573746f6d2d686561646572"],
    [["custom-key custom-header"]],
  ],
  "C.2.2, a literal without": [["040c2f73616d706c652f70617468"], [[":path /sample/path"]]],
  "C.2.3, a literal that is never indexed": [["100870617373776f726406736563726574"], [["password secret"]]],
  "C.2.4, an indexed field": [["82"], [[":method GET"]]],
  "C.3, requests without Huffman": [
    [
      "828684410f7777772e6578616d706c652e636f6d",
      "828684be58086e6f2d6361636865",
      "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ],
    REQUESTS,
  ],
  "C.4, requests with Huffman": [
    [
      "828684418cf1e3c2e5f23a6ba0ab90f4ff",
      "828684be5886a8eb10649cbf",
      "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ],
    REQUESTS,
  ],
  "C.5, responses without Huffman, with eviction": [
    [
      `${RESIZE_TO_256}4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
      "4803333037c1c0bf",
      "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
    ],
    RESPONSES,
  ],
  "C.6, responses with Huffman, with eviction": [
    [
      `${RESIZE_TO_256}488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3`,
      "4883640effc1c0bf",
      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ],
    RESPONSES,
  ],
};

for (const [what, [blocks, lists]] of Object.entries(EXAMPLES)) {
  test(`reads ${what}`, () => {
    const hpack = decoder();
    blocks.forEach((block, i) => {
      const expected = (lists[i] as readonly string[]).flatMap((line) => {
        const space = line.indexOf(" ");
        return [line.slice(0, space), line.slice(space + 1)];
      });
      assert.deepEqual(decode(hpack, block), expected);
      assert.equal(hpack.isMalformed, false);
    });
  });
}

const NO_HPACK: Record<string, string> = {
  "index 0": "80",
  "an index beyond both tables": "be",
  "a literal whose name has no entry": "7f0001",
  "a number that does not end": "ffffffffffffffffff",
  "a number that is cut off": "ff",
  "a number beyond any length": "0001617fffffffff0f",
  "a string that is cut off": "0003616263056162",
  "a literal without a value": "000161",
  "a literal without a name": "00",
  "a table larger than allowed": "3fe21f",
  "a resize after a field": "8220",
  "padding of a byte": "00016182ffff",
  "padding that is not of ones": "0001618118",
  "the end of string within a string": "00016184ffffffff",
};

for (const [what, block] of Object.entries(NO_HPACK)) {
  test(`refuses ${what}`, () => {
    assert.equal(decode(decoder(), block), null);
  });
}

test("two resizes may begin a block, and a table of nothing holds nothing", () => {
  const hpack = decoder();
  assert.deepEqual(decode(hpack, "203fe11f82"), [":method", "GET"]);
  assert.deepEqual(decode(hpack, "2040016101624001610162"), ["a", "b", "a", "b"]);
  assert.equal(decode(hpack, "be"), null);
});

test("an entry that is larger than the table empties it, and is a field all the same", () => {
  const hpack = decoder();
  assert.deepEqual(decode(hpack, "4001610162"), ["a", "b"]);
  const large = Buffer.concat([Buffer.from("400163", "hex"), Buffer.from([0x7f, 0x81, 0x20]), Buffer.alloc(4224, "x")]);
  assert.ok(hpack.decode(large, 0, large.length));
  assert.deepEqual(hpack.lines, ["c", "x".repeat(4224)]);
  assert.equal(decode(hpack, "be"), null);
});

test("a list that is too large is read to its end, kept no further than its limit, and changes the table", () => {
  const hpack = decoder({ maxListBytes: 200, maxLines: 256 });
  assert.deepEqual(decode(hpack, `4001610162${"be".repeat(1000)}4001630164`)?.length, 10);
  assert.equal(hpack.isTooLarge, true);
  assert.deepEqual(decode(hpack, "be"), ["c", "d"]);
  assert.equal(hpack.isTooLarge, false);
});

test("more lines than allowed are too many, however short", () => {
  const hpack = decoder({ maxListBytes: 64 * 1024, maxLines: 3 });
  assert.equal(decode(hpack, "82828282")?.length, 6);
  assert.equal(hpack.isTooLarge, true);
});

test("whatever the bytes, it decodes or refuses, within its limits", () => {
  const hpack = decoder();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      hpack.decode(Buffer.from(bytes), 0, bytes.length);
      let size = 0;
      for (let i = 0; i < hpack.lines.length; i++) size += (hpack.lines[i] as string).length + 16;
      assert.ok(size <= LIMITS.maxListBytes);
    }),
    { numRuns: 3000 },
  );
});
