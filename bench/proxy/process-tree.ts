// CPU time and memory of a process with all its children, and the load of one core, read from /proc.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";

/** In microseconds since the processes began; time of children that have ended is in it. */
export interface CpuTime {
  readonly userUs: number;
  readonly systemUs: number;
}

/** In bytes. Resident counts pages shared between processes once each; proportional shares them out. */
export interface Memory {
  readonly residentBytes: number;
  readonly proportionalBytes: number;
}

let tickUs = 0;

/** One clock tick of /proc/PID/stat, in microseconds. */
function clockTickUs(): number {
  if (tickUs === 0) tickUs = 1_000_000 / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  return tickUs;
}

/** Sums utime, stime, cutime and cstime over the process `root` and all its descendants. */
export function readCpuTime(root: number): CpuTime {
  let userTicks = 0;
  let systemTicks = 0;
  for (const pid of listTree(root)) {
    const fields = readStatFields(pid);
    if (fields === null) continue;
    userTicks += Number(fields[UTIME]) + Number(fields[UTIME + 2]);
    systemTicks += Number(fields[UTIME + 1]) + Number(fields[UTIME + 3]);
  }
  return { userUs: userTicks * clockTickUs(), systemUs: systemTicks * clockTickUs() };
}

/** Sums VmRSS and PSS over the process `root` and all its descendants. */
export function readMemory(root: number): Memory {
  let residentBytes = 0;
  let proportionalBytes = 0;
  for (const pid of listTree(root)) {
    const rollup = readOptional(`/proc/${pid}/smaps_rollup`);
    residentBytes += readKilobytes(rollup, "Rss") * 1024;
    proportionalBytes += readKilobytes(rollup, "Pss") * 1024;
  }
  return { residentBytes, proportionalBytes };
}

/** What the core did since boot, whoever asked for it, in microseconds; idle and I/O wait are left out. */
export function readCoreBusyUs(core: number): number {
  const line = readFileSync("/proc/stat", "utf8")
    .split("\n")
    .find((candidate) => candidate.startsWith(`cpu${core} `));
  if (line === undefined) throw new Error(`this machine has no core ${core}`);
  const [user, nice, system, , , irq, softIrq, steal] = line.split(" ").slice(1).map(Number);
  const busy = [user, nice, system, irq, softIrq, steal].reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0);
  return busy * clockTickUs();
}

/** `root` and every process that descends from it. */
export function listTree(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const fields = readStatFields(pid);
    if (fields === null) continue;
    const parent = Number(fields[PARENT]);
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [pid]);
    else siblings.push(pid);
  }
  const tree = [root];
  for (let index = 0; index < tree.length; index += 1) tree.push(...(children.get(tree[index] ?? -1) ?? []));
  return tree;
}

// Positions after the command, which is the only field that may hold spaces (proc(5): ppid is field 4, utime field 14).
const PARENT = 1;
const UTIME = 11;

function readStatFields(pid: number): readonly string[] | null {
  const text = readOptional(`/proc/${pid}/stat`);
  return text === "" ? null : text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function readKilobytes(text: string, key: string): number {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${key}:`));
  return line === undefined ? 0 : Number.parseInt(line.slice(key.length + 1), 10);
}

/** Processes end while they are being listed: what cannot be read is empty. */
function readOptional(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
