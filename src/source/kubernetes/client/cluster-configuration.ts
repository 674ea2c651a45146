// Which cluster to talk to and as whom: a kubeconfig or the ServiceAccount of the pod. Reads files; opens no connection.
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
// Types only: the client costs 0.4 s and 80 MB, which only a process that talks to a cluster shall pay.
import type { KubeConfig } from "@kubernetes/client-node";
import { SourceError } from "../../source-error.ts";
import type { ConnectionTarget } from "./connection-failure.ts";
import { detailOf } from "./connection-failure.ts";

/** Files of a pod's ServiceAccount, which kubelet rotates; read by whoever needs them. */
export interface ServiceAccountFiles {
  readonly caFile: string;
  readonly tokenFile: string;
}

/** Everything needed to talk to one API server. */
export interface ClusterConfiguration extends ConnectionTarget {
  /** Where the credentials come from. A pod's are two files: nothing that the client would have to be loaded for. */
  readonly identity: KubeConfig | ServiceAccountFiles;
  readonly serverUrl: URL;
  readonly proxyUrl: URL | null;
}

/** Where the configuration is looked for, as tests may set it. */
export interface ConfigurationPlaces {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where a pod finds its ServiceAccount. */
  readonly serviceAccountFolder: string;
  readonly homeFolder: string;
}

export const DEFAULT_PLACES: ConfigurationPlaces = {
  environment: process.env,
  serviceAccountFolder: "/var/run/secrets/kubernetes.io/serviceaccount",
  homeFolder: homedir(),
};

/**
 * The configuration of the file that is named; else of the pod that this process runs in; else of KUBECONFIG or the
 * default file.
 * @throws SourceError where there is none, or it cannot be used.
 */
export async function loadClusterConfiguration(
  kubeconfig: string | null,
  places: ConfigurationPlaces = DEFAULT_PLACES,
): Promise<ClusterConfiguration> {
  if (kubeconfig !== null) return fromFiles([kubeconfig]);
  const tokenFile = join(places.serviceAccountFolder, "token");
  if (places.environment["KUBERNETES_SERVICE_HOST"] !== undefined && existsSync(tokenFile)) {
    return fromPod(places, tokenFile);
  }
  const named = (places.environment["KUBECONFIG"] ?? "").split(":").filter((file) => file !== "");
  if (named.length > 0) return fromFiles(named);
  const defaultFile = join(places.homeFolder, ".kube", "config");
  if (existsSync(defaultFile)) return fromFiles([defaultFile]);
  throw new SourceError(
    `there is no cluster to talk to: this is no pod, KUBECONFIG is not set, and there is no ${defaultFile}; write for example --kubeconfig FILE`,
  );
}

function fromPod(places: ConfigurationPlaces, tokenFile: string): ClusterConfiguration {
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "443" } = places.environment;
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const origin = "the ServiceAccount of this pod";
  const serverUrl = parseUrl(server, `server of ${origin}`);
  const identity = { caFile: join(places.serviceAccountFolder, "ca.crt"), tokenFile };
  return { identity, server, serverUrl, proxyUrl: null, origin };
}

async function fromFiles(files: readonly string[]): Promise<ClusterConfiguration> {
  const { KubeConfig: Config } = await import("@kubernetes/client-node");
  const kubeConfig = new Config();
  const shown = files.join(":");
  for (const [position, file] of files.entries()) {
    const text = readKubeconfig(file);
    try {
      if (position === 0) {
        kubeConfig.loadFromString(text);
        kubeConfig.makePathsAbsolute(join(file, ".."));
      } else {
        mergeFile(kubeConfig, text, join(file, ".."));
      }
    } catch (error) {
      throw new SourceError(`the kubeconfig ${file} cannot be used: ${detailOf(error)}`);
    }
  }
  const context = kubeConfig.getCurrentContext();
  if (typeof context !== "string" || context === "") {
    throw new SourceError(`the kubeconfig ${shown} has no current-context; write kubectl config use-context NAME`);
  }
  checkContext(kubeConfig, context, shown);
  return complete(kubeConfig, `context "${context}" of ${shown}`);
}

/** The client would go on as nobody where the user is missing, and blame the server's certificate. */
function checkContext(kubeConfig: KubeConfig, name: string, shown: string): void {
  const context = kubeConfig.getContextObject(name);
  if (context === null) {
    const names = kubeConfig.getContexts().map((known) => known.name);
    const there = names.length === 0 ? "it has none" : `it has ${names.slice(0, MAX_SHOWN_NAMES).join(", ")}`;
    throw new SourceError(`context "${name}" is not in ${shown}: ${there}`);
  }
  if (context.user !== "" && kubeConfig.getUser(context.user) === null) {
    throw new SourceError(`user "${context.user}" of context "${name}" is not in ${shown}`);
  }
}

function readKubeconfig(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : detailOf(error);
    throw new SourceError(`cannot read the kubeconfig ${file}: ${why}`);
  }
}

/** As kubectl merges: what an earlier file says stays. */
function mergeFile(kubeConfig: KubeConfig, text: string, folder: string): void {
  const Config = kubeConfig.constructor as new () => KubeConfig;
  const other = new Config();
  other.loadFromString(text);
  other.makePathsAbsolute(folder);
  for (const cluster of other.getClusters()) {
    if (kubeConfig.getCluster(cluster.name) === null) kubeConfig.addCluster(cluster);
  }
  for (const user of other.getUsers()) if (kubeConfig.getUser(user.name) === null) kubeConfig.addUser(user);
  for (const context of other.getContexts()) {
    if (kubeConfig.getContextObject(context.name) === null) kubeConfig.addContext(context);
  }
  kubeConfig.currentContext ||= other.currentContext;
}

function complete(kubeConfig: KubeConfig, origin: string): ClusterConfiguration {
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) {
    throw new SourceError(`${origin} names a cluster that is not there; see kubectl config get-contexts`);
  }
  // The client refuses plain HTTP unless it is told not to verify what there is no certificate for.
  if (cluster.server.startsWith("http:")) Object.assign(cluster, { skipTLSVerify: true });
  const serverUrl = parseUrl(cluster.server, `server of ${origin}`);
  if (serverUrl.protocol !== "https:" && serverUrl.protocol !== "http:") {
    throw new SourceError(`server of ${origin} is ${cluster.server}: write a URL that begins with https://`);
  }
  const proxy = cluster.proxyUrl ?? "";
  const proxyUrl = proxy === "" ? null : parseUrl(proxy, `proxy-url of ${origin}`);
  if (proxyUrl !== null && !PROXY_PROTOCOLS.has(proxyUrl.protocol)) {
    throw new SourceError(`proxy-url of ${origin} must begin with http://, https:// or socks5://`);
  }
  return { identity: kubeConfig, server: cluster.server, serverUrl, proxyUrl, origin };
}

const MAX_SHOWN_NAMES = 5;

const PROXY_PROTOCOLS: ReadonlySet<string> = new Set(["http:", "https:", "socks5:", "socks:"]);

function parseUrl(text: string, what: string): URL {
  const url = URL.parse(text);
  if (url === null) throw new SourceError(`${what} is not a URL: ${detailOf(text)}`);
  return url;
}
