import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { frame } from "../../../test/support/raw-http2.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { CLIENT_PREFACE } from "./protocol.ts";

class Recorder implements FrameSink {
  readonly frames: string[] = [];
  readonly reader: FrameReader = new FrameReader(this);
  /** Frames after which it wants no more. */
  patience: number = Infinity;

  onFrame(bytes: Buffer, start: number, end: number): boolean {
    const { type, flags, streamId } = this.reader;
    this.frames.push(`${type} ${flags} ${streamId} ${bytes.toString("hex", start, end)}`);
    return this.frames.length < this.patience;
  }

  onBadPreface(): void {
    this.frames.push("bad preface");
  }

  onOversizedFrame(): void {
    this.frames.push("oversized");
  }
}

function readAll(...parts: Buffer[]): string[] {
  const recorder = new Recorder();
  for (const part of parts) recorder.reader.read(part);
  return recorder.frames;
}

const anyFrame = fc
  .tuple(fc.nat(255), fc.nat(255), fc.nat(0x7fffffff), fc.uint8Array({ maxLength: 60 }))
  .map(([type, flags, id, payload]) => frame(type, flags, id, Buffer.from(payload)));

test("frames are the same wherever the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 30 })), (frames, cuts) => {
      const whole = Buffer.concat([CLIENT_PREFACE, ...frames]);
      const parts: Buffer[] = [];
      let position = 0;
      for (const cut of cuts) {
        parts.push(Buffer.from(whole.subarray(position, position + cut)));
        position += cut;
      }
      parts.push(whole.subarray(position));
      const expected = readAll(whole);
      assert.equal(expected.length, frames.length);
      assert.deepEqual(readAll(...parts), expected);
    }),
    { numRuns: 500 },
  );
});

test("a byte at a time is enough, and memory that is used again harms nothing", () => {
  const whole = Buffer.concat([CLIENT_PREFACE, frame(6, 0, 0, Buffer.from("12345678")), frame(4, 1, 0)]);
  const recorder = new Recorder();
  const shared = Buffer.alloc(1);
  for (const byte of whole) {
    shared[0] = byte;
    recorder.reader.read(shared);
  }
  assert.deepEqual(recorder.frames, readAll(whole));
});

test("a frame above the default size is refused by its head alone", () => {
  const head = frame(0, 0, 1, Buffer.alloc(16_385)).subarray(0, 9);
  assert.deepEqual(readAll(CLIENT_PREFACE, head, Buffer.alloc(100)), ["oversized"]);
  assert.deepEqual(readAll(CLIENT_PREFACE, head.subarray(0, 5), head.subarray(5), Buffer.alloc(9)), ["oversized"]);
  assert.equal(readAll(CLIENT_PREFACE, frame(0, 0, 1, Buffer.alloc(16_384))).length, 1);
});

test("nothing is read after a broken preface, nor after the sink has had enough", () => {
  assert.deepEqual(readAll(Buffer.from("PRI * HTTP/1.1\r\n"), frame(4, 0, 0)), ["bad preface"]);
  const recorder = new Recorder();
  recorder.patience = 1;
  recorder.reader.read(Buffer.concat([CLIENT_PREFACE, frame(4, 0, 0), frame(6, 0, 0)]));
  recorder.reader.read(frame(6, 0, 0));
  assert.equal(recorder.frames.length, 1);
});

test("the reserved bit of a stream's id is passed over", () => {
  const bytes = frame(3, 0, 5);
  bytes[5] = 0x80;
  assert.deepEqual(readAll(CLIENT_PREFACE, bytes), ["3 0 5 "]);
});
