import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createLogger } from "./log.ts";

suite("operational log", () => {
  test("one JSON line a message, with the level's name and the time", () => {
    const lines: string[] = [];
    const logger = createLogger({ level: "info", destination: { write: (line) => lines.push(line) } });
    logger.warn({ worker: 1, error: new Error("broken") }, "worker stopped");
    logger.debug("not wanted");
    assert.equal(lines.length, 1);
    const { time, level, message, worker, error } = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual([level, message, worker], ["warn", "worker stopped", 1]);
    assert.equal((error as { message: string }).message, "broken");
  });
});
