// How log lines read at a terminal.
import assert from "node:assert/strict";
import { it } from "node:test";
import { formatLogLine } from "./terminal-log.ts";

it("a line has the time, the level, the message and its fields", () => {
  const line = '{"level":"warn","time":"2026-11-24T14:36:02.684Z","worker":1,"cause":"exited","message":"it ended"}\n';
  assert.equal(formatLogLine(line), "14:36:02 warn  it ended (worker=1, cause=exited)\n");
});

it("a line without fields is short", () => {
  const line = '{"level":"info","time":"2026-11-24T14:36:02.684Z","message":"listening"}\n';
  assert.equal(formatLogLine(line), "14:36:02 info  listening\n");
});

it("what a message holds does not steer the terminal", () => {
  const line = JSON.stringify({ level: "error", time: "", message: "a\u001b[2Jb", host: "\u202ec\n" });
  assert.equal(formatLogLine(line), " error a\\u001b[2Jb (host=\\u202ec\\u000a)\n");
});

it("anything else passes as it is", () => {
  assert.equal(formatLogLine("not json\n"), "not json\n");
  assert.equal(formatLogLine("7\n"), "7\n");
});
