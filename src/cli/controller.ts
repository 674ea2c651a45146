// `penstock controller`: the proxy for the Ingress objects of a cluster.
import { Command } from "commander";
import { readPodIdentity } from "./cluster/pod-identity.ts";
import { addSettingFlags, loadCommandOptions } from "./setting-flags.ts";

const EXAMPLES = `
Examples:
  penstock controller
  penstock controller --namespace shop --namespace blog --publish-service ingress/penstock
  penstock controller --kubeconfig ~/.kube/config --http :8080 --https :8443 --no-leader-elect

In a pod it finds the cluster by itself. SIGTERM and SIGINT drain; a second signal ends at once.`;

export function controllerCommand(): Command {
  const command = new Command("controller")
    .description("Serve the Ingress objects of a Kubernetes cluster.")
    .usage("[options]");
  addSettingFlags(command, "controller").addHelpText("after", EXAMPLES);
  return command.action(async () => {
    const { options, warnings } = await loadCommandOptions(command, "controller");
    const [{ ClusterFeed }, { serveUntilStopped }] = await Promise.all([
      import("./cluster/cluster-feed.ts"),
      import("./serving/serve-until-stopped.ts"),
    ]);
    const feed = new ClusterFeed(options, readPodIdentity(process.env));
    await serveUntilStopped({ options, warnings, feed });
  });
}
