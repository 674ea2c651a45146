// `penstock serve`: the proxy for manifests in files, without a cluster.
import { Command } from "commander";
import { usageFailure } from "./exit-code.ts";
import { addSettingFlags, loadCommandOptions } from "./setting-flags.ts";

const EXAMPLES = `
Examples:
  penstock serve --from ./manifests
  penstock serve --from ingress.yaml services/ --http :80 --https :443
  penstock serve --from ./manifests --trusted-proxies 10.0.0.0/8 --log-level warn

Changed files go live without a restart. SIGTERM and SIGINT drain; a second signal ends at once.`;

export function serveCommand(): Command {
  const command = new Command("serve")
    .description("Serve Kubernetes manifests from files and folders.")
    .usage("--from PATH... [options]");
  addSettingFlags(command, "serve").addHelpText("after", EXAMPLES);
  return command.action(async () => {
    const { options, warnings } = await loadCommandOptions(command, "serve");
    if (options.from.length === 0) {
      throw usageFailure("no manifests are given: write for example --from ./manifests; see 'penstock serve --help'");
    }
    const [{ FileFeed }, { serveUntilStopped }] = await Promise.all([
      import("./serving/file-feed.ts"),
      import("./serving/serve-until-stopped.ts"),
    ]);
    await serveUntilStopped({ options, warnings, feed: new FileFeed(options) });
  });
}
