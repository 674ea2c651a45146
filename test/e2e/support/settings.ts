// What the suite is told by its environment, read once. `run.ts` fills in what it finds out itself.

function read(name: string, fallback = ""): string {
  const value = process.env[name] ?? "";
  return value === "" ? fallback : value;
}

export interface SuiteSettings {
  /** Image that is on every node already, `REPOSITORY:TAG`. */
  readonly image: string;
  /** Namespace of the release that the tests share, of its names, and its IngressClass. */
  readonly release: string;
  /** `LoadBalancer` or `NodePort`: how the tests reach a release. */
  readonly serviceType: "LoadBalancer" | "NodePort";
  /** Address of a node for `NodePort`, where its InternalIP cannot be reached from here; else `""`. */
  readonly nodeAddress: string;
  /** Unix socket of the `kubectl proxy` that `run.ts` started. */
  readonly apiSocket: string;
  /** Folder for what failed tests leave to be read. */
  readonly artifacts: string;
}

export const SETTINGS: SuiteSettings = {
  image: read("E2E_IMAGE", "penstock:test"),
  release: read("E2E_RELEASE", "penstock-e2e"),
  serviceType: read("E2E_SERVICE_TYPE", "LoadBalancer") === "NodePort" ? "NodePort" : "LoadBalancer",
  nodeAddress: read("E2E_NODE_ADDRESS"),
  apiSocket: read("E2E_API_SOCKET"),
  artifacts: read("E2E_ARTIFACTS", "/tmp/penstock-e2e"),
};

/** Annotation key, DNS label and so on of things that the suite makes, to find and remove them. */
export const SUITE_LABEL = "penstock.dev/e2e";
