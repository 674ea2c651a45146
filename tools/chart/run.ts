// `npm run manifests` makes all that is made for the chart; `run.ts check` says what is not current, and ends with 1.
import { findStale, findVersionMismatch, makeChartFiles, makeManifests, writeFiles } from "./generated-files.ts";
import { HelmError } from "./run-helm.ts";

async function make(): Promise<number> {
  // The manifests are rendered from a chart that already has its schema and its definitions.
  await writeFiles(await makeChartFiles());
  await writeFiles(await makeManifests());
  return 0;
}

async function check(): Promise<number> {
  const stale = [...(await findStale(await makeChartFiles())), ...(await findStale(await makeManifests()))];
  const mismatch = await findVersionMismatch();
  for (const file of stale) console.error(`${file} is not current: run "npm run manifests"`);
  if (mismatch !== null) console.error(mismatch);
  return stale.length > 0 || mismatch !== null ? 1 : 0;
}

try {
  process.exitCode = process.argv[2] === "check" ? await check() : await make();
} catch (error) {
  if (!(error instanceof HelmError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
