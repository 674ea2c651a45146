// `penstock proxy`: a quick reverse proxy for a few upstreams, without any manifest.
import { Command } from "commander";
import { usageFailure } from "./exit-code.ts";
import { addSettingFlags, loadCommandOptions } from "./setting-flags.ts";

const EXAMPLES = `
Examples:
  penstock proxy --to http://127.0.0.1:3000
  penstock proxy --to http://127.0.0.1:3000=90 --to http://127.0.0.1:3001=10 --http :8000
  penstock proxy --to https://api.example --https :8443`;

export function proxyCommand(): Command {
  const command = new Command("proxy")
    .description("Forward all requests to one or more upstreams, shared out by weight.")
    .usage("--to URL[=WEIGHT]... [options]");
  addSettingFlags(command, "proxy").addHelpText("after", EXAMPLES);
  return command.action(async () => {
    const { options, warnings } = await loadCommandOptions(command, "proxy");
    if (options.to.length === 0) {
      throw usageFailure(
        "no upstream is given: write for example --to http://127.0.0.1:3000; see 'penstock proxy --help'",
      );
    }
    if (options.to.every(({ weight }) => weight === 0)) {
      throw usageFailure("--to: every weight is 0: give at least one upstream a weight of 1 or more");
    }
    const [{ TargetFeed }, { serveUntilStopped }] = await Promise.all([
      import("./serving/target-feed.ts"),
      import("./serving/serve-until-stopped.ts"),
    ]);
    await serveUntilStopped({ options, warnings, feed: new TargetFeed(options) });
  });
}
