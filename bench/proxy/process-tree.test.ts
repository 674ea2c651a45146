// CPU time and memory of real processes.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { listTree, readCoreBusyUs, readCpuTime, readMemory } from "./process-tree.ts";

test("the CPU time of a child that works is the parent's too, and so is its memory", async () => {
  const spin =
    "const end = process.cpuUsage().user + 200_000; while (process.cpuUsage().user < end); console.log(process.pid)";
  const script = `${process.execPath} -e '${spin}; setInterval(() => {}, 1000)' & wait`;
  const shell = spawn("/bin/sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit"], detached: true });
  const pid = shell.pid ?? 0;
  try {
    let output = "";
    for await (const chunk of shell.stdout) {
      output += String(chunk);
      if (output.endsWith("\n")) break;
    }
    const child = Number(output);
    assert.deepEqual(listTree(pid), [pid, child]);
    const { userUs } = readCpuTime(pid);
    assert.ok(userUs >= 150_000 && userUs < 5_000_000, `${userUs} µs`);
    const { residentBytes, proportionalBytes } = readMemory(pid);
    assert.ok(residentBytes > 20 * 2 ** 20, `${residentBytes} bytes`);
    assert.ok(proportionalBytes > 0 && proportionalBytes <= residentBytes);
  } finally {
    const exit = once(shell, "exit");
    process.kill(-pid, "SIGKILL");
    await exit;
  }
});

test("a core's busy time grows and a core that is not there is named", () => {
  assert.ok(readCoreBusyUs(0) > 0);
  assert.throws(() => readCoreBusyUs(4096), /no core 4096/);
});
