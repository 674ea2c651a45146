// Reads V8's .cpuprofile files and lists the functions that took the most time themselves.
import { globSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";

/** The part of the format that is used here (Chrome DevTools Protocol, Profiler.Profile). */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  /** Node ids, one a sample. */
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

export interface HotFunction {
  /** `name file:line`. */
  readonly place: string;
  readonly selfUs: number;
}

const SHOWN = 40;

/** Prints a table for each profile of the last run in `directory`. */
export function printHotFunctions(directory: string): void {
  const files = globSync("*.cpuprofile", { cwd: directory }).map((name) => join(directory, name));
  const newest = Math.max(...files.map((file) => statSync(file).mtimeMs));
  for (const file of files.filter((candidate) => statSync(candidate).mtimeMs > newest - 10_000)) {
    const hot = findHotFunctions(JSON.parse(readFileSync(file, "utf8")) as CpuProfile);
    const busyUs = hot.reduce((sum, { selfUs }) => sum + selfUs, 0);
    const rows = hot
      .slice(0, SHOWN)
      .map(({ place, selfUs }) => `${((100 * selfUs) / busyUs).toFixed(1).padStart(5)} %  ${place}`);
    process.stdout.write(`\n${basename(file)}: ${Math.round(busyUs / 1000)} ms busy\n${rows.join("\n")}\n`);
  }
}

/** Self time by function, most first; idle time is left out. */
export function findHotFunctions(profile: CpuProfile): readonly HotFunction[] {
  const places = new Map<number, string>();
  for (const { id, callFrame } of profile.nodes) {
    const { functionName, url, lineNumber } = callFrame;
    const file =
      url === ""
        ? ""
        : ` ${url.replace(/^file:\/\//, "").replace(/^.*\/(dist|src|node_modules)\//, "$1/")}:${lineNumber + 1}`;
    places.set(id, `${functionName === "" ? "(anonymous)" : functionName}${file}`);
  }
  const selfTimes = new Map<string, number>();
  profile.samples.forEach((id, index) => {
    const place = places.get(id) ?? "(unknown)";
    if (place === "(idle)") return;
    selfTimes.set(place, (selfTimes.get(place) ?? 0) + (profile.timeDeltas[index] ?? 0));
  });
  return [...selfTimes].map(([place, selfUs]) => ({ place, selfUs })).toSorted((a, b) => b.selfUs - a.selfUs);
}
