// What memory a process has, as the kernel counts it, and when a number has stopped to change.
import { readFile } from "node:fs/promises";

export const MIB: number = 1024 * 1024;

/** Resident bytes (VmRSS) of a process on this machine. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** Resolves with the number when `read` has given the same for half a second: nothing moves any more. */
export async function untilSteady(read: () => number): Promise<number> {
  let last = -1;
  for (let same = 0; same < 5;) {
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return last;
}
