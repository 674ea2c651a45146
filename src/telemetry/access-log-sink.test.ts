import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, createReadStream, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { TestContext } from "node:test";
import { AccessLogSink } from "./access-log-sink.ts";

const BATCH_LINES = 320;
const BATCH = Buffer.from(`${"x".repeat(99)}\n`.repeat(BATCH_LINES));

suite("access log sink", () => {
  test("everything that was written is there after closing, and later lines are counted as dropped", async (t) => {
    const file = join(folder(t), "access.log");
    let dropped = 0;
    const sink = new AccessLogSink({ destination: file, onDropped: (lines) => (dropped += lines) });
    sink.write(Buffer.from("one\ntwo\n"));
    sink.write(Buffer.from("three\n"));
    assert.equal(await sink.close(5_000), true);
    assert.equal(readFileSync(file, "utf8"), "one\ntwo\nthree\n");
    sink.write(Buffer.from("four\nfive\n"));
    assert.equal(dropped, 2);
  });

  test("a reader that stalls costs counted lines, and closing gives up in time", async (t) => {
    const fifo = makeFifo(t);
    const descriptor = openSync(fifo, constants.O_RDWR);
    let dropped = 0;
    const sink = new AccessLogSink({
      destination: descriptor,
      maxQueuedBytes: 256 * 1_024,
      onDropped: (lines) => (dropped += lines),
    });
    for (let i = 0; i < 100; i += 1) sink.write(BATCH);
    // What is under way counts as queued until the system has taken it.
    assert.equal(dropped, (100 - Math.floor((256 * 1_024) / BATCH.byteLength)) * BATCH_LINES);
    assert.equal(await sink.close(20), false);
    // Once the reader goes on, what was queued still arrives, in whole lines.
    let read = "";
    for await (const chunk of createReadStream(fifo, "latin1")) read += chunk;
    assert.equal(
      read,
      "x"
        .repeat(99)
        .concat("\n")
        .repeat(100 * BATCH_LINES - dropped),
    );
  });

  test("a reader that is gone costs lines, not the process", async (t) => {
    const fifo = makeFifo(t);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const descriptor = openSync(fifo, constants.O_WRONLY);
    closeSync(reader);
    const firstLoss = Promise.withResolvers<number>();
    const sink = new AccessLogSink({ destination: descriptor, onDropped: firstLoss.resolve });
    const writing = setInterval(() => sink.write(Buffer.from("lost\n")), 1);
    assert.equal(await firstLoss.promise, 1);
    clearInterval(writing);
    assert.equal(await sink.close(5_000), true);
    closeSync(descriptor);
  });
});

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "penstock-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function makeFifo(t: TestContext): string {
  const path = join(folder(t), "fifo");
  execFileSync("mkfifo", [path]);
  return path;
}
