// Runs the commands of docs/install.md as a newcomer would copy them: the blocks marked `run=cluster` one after the other, in
// one shell, against the cluster of KUBECONFIG, which has the image penstock:0.1.0. With `kind` those marked `run=kind` as well.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { readCommandBlocks } from "./command-blocks.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

const marks = process.argv[2] === "kind" ? ["kind", "cluster"] : ["cluster"];
const blocks = readCommandBlocks(readFileSync(path.join(ROOT, "docs/install.md"), "utf8"));
const script = blocks.filter(({ mark }) => marks.includes(mark)).map(({ commands }) => commands);

// -x shows each command before it runs, -e ends with the first that fails.
const shell = spawn("bash", ["-euxo", "pipefail", "-c", script.join("\n")], { cwd: ROOT, stdio: "inherit" });
const [code] = (await once(shell, "close")) as [number | null];
console.log(
  code === 0 ? `${script.length} blocks of docs/install.md work` : `docs/install.md: a command ended with ${code}`,
);
process.exitCode = code ?? 1;
