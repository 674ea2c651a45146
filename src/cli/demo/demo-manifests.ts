// The manifests of the demo: the folder of the quickstart, or a copy of it where its upstreams had to take other ports.
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CommandFailure, EXIT_CODE } from "../exit-code.ts";

const QUICKSTART = fileURLToPath(new URL("../../../examples/quickstart", import.meta.url));

export interface DemoManifests {
  readonly folder: string;
  /** Removes a copy. */
  dispose(): Promise<void>;
}

/** `ports`: what the EndpointSlices name, and what serves in its place. */
export async function provideDemoManifests(ports: ReadonlyMap<number, number>): Promise<DemoManifests> {
  const files = await listManifests();
  const replaced = [...ports].filter(([wanted, actual]) => wanted !== actual);
  if (replaced.length === 0) return { folder: QUICKSTART, dispose: () => Promise.resolve() };
  const folder = await mkdtemp(join(tmpdir(), "penstock-demo-"));
  await cp(QUICKSTART, folder, { recursive: true });
  for (const file of files) {
    const path = join(folder, file);
    const text = await readFile(path, "utf8");
    const changed = replaced.reduce((sofar, [wanted, actual]) => replacePort(sofar, wanted, actual), text);
    if (changed !== text) await writeFile(path, changed);
  }
  return { folder, dispose: () => rm(folder, { recursive: true, force: true }) };
}

async function listManifests(): Promise<readonly string[]> {
  try {
    return (await readdir(QUICKSTART)).filter((name) => name.endsWith(".yaml"));
  } catch {
    throw new CommandFailure(EXIT_CODE.failure, [
      `the manifests of the demo are missing (${QUICKSTART}): run it from a checkout, or serve a folder of your own`,
    ]);
  }
}

function replacePort(text: string, wanted: number, actual: number): string {
  return text.replaceAll(`port: ${wanted}`, `port: ${actual}`);
}
