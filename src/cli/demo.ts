// `penstock demo`: two built-in upstreams behind the manifests of the quickstart, and what to try with them.
import { Command } from "commander";
import { addSettingFlags, loadCommandOptions } from "./setting-flags.ts";

const EXAMPLES = `
Examples:
  penstock demo
  penstock demo --http :8000 --https :8001      other ports, reachable from other machines
  penstock demo --access-log json               a line for each request`;

export function demoCommand(): Command {
  const command = new Command("demo")
    .description("Try it out: serve two built-in upstreams, and print what to curl.")
    .usage("[options]");
  addSettingFlags(command, "demo").addHelpText("after", EXAMPLES);
  return command.action(async () => {
    const { options, warnings } = await loadCommandOptions(command, "demo");
    const { runDemo } = await import("./demo/run-demo.ts");
    await runDemo(options, warnings);
  });
}
