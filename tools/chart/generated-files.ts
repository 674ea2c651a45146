// Every file that is made from another one for the chart: what it is to hold, and whether it does.
import { globSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parse, stringify } from "yaml";
import { parseObjects, runHelm } from "./run-helm.ts";
import { renderValuesSchema } from "./values-schema.ts";
import { renderValuesTable } from "./values-table.ts";

const ROOT: string = path.resolve(import.meta.dirname, "../..");
export const CHART: string = path.join(ROOT, "deploy/helm/penstock");

/** Folders in which nothing lies but generated files: what else is there is left from before. */
const GENERATED_FOLDERS = ["deploy/helm/penstock/files/crds", "deploy/manifests"];

const TABLE_START = "<!-- values: made from deploy/helm/penstock/values.yaml -->\n";
const TABLE_END = "<!-- end of values -->";

/** Path from the repository's root, and content. */
export type GeneratedFiles = ReadonlyMap<string, string>;

export interface Manifest {
  readonly file: string;
  readonly about: string;
  readonly namespace: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** What people without helm can apply; each with the values that a person would give to helm. */
export const MANIFESTS: readonly Manifest[] = [
  {
    file: "cluster.yaml",
    about: "Serves all namespaces behind a load balancer: two pods, with the chart's own values.",
    namespace: "penstock",
    values: {},
  },
  {
    file: "namespaced.yaml",
    about: "Serves the namespace penstock only, with a Role in it and no right to read Secrets elsewhere.",
    namespace: "penstock",
    values: { scope: { namespaces: ["penstock"] } },
  },
  {
    file: "daemonset-hostport.yaml",
    about: "Serves on ports 80 and 443 of every node, for clusters without load balancers.",
    namespace: "penstock",
    values: {
      kind: "DaemonSet",
      hostPort: { enabled: true },
      service: { type: "ClusterIP" },
      publishNodeAddresses: true,
      tolerations: [{ key: "node-role.kubernetes.io/control-plane", operator: "Exists", effect: "NoSchedule" }],
    },
  },
  {
    file: "webhook.yaml",
    about: "As cluster.yaml, and refuses wrong Ingress objects when they are applied.",
    namespace: "penstock",
    values: { webhook: { enabled: true } },
  },
];

/** What needs no helm: the schema of the values, their table, and the chart's copy of the custom resource definitions. */
export async function makeChartFiles(): Promise<GeneratedFiles> {
  const files = new Map([["deploy/helm/penstock/values.schema.json", renderValuesSchema()]]);
  for (const name of globSync("*.yaml", { cwd: path.join(ROOT, "crds") })) {
    files.set(`deploy/helm/penstock/files/crds/${name}`, await read(`crds/${name}`));
  }
  const guide = "docs/guide/helm-values.md";
  const text = await read(guide);
  const [before, after] = [text.indexOf(TABLE_START), text.indexOf(TABLE_END)];
  if (before === -1 || after === -1) throw new Error(`${guide} lacks the comments that enclose the table of values`);
  const { markdown } = renderValuesTable(await read("deploy/helm/penstock/values.yaml"));
  files.set(guide, `${text.slice(0, before)}${TABLE_START}\n${markdown}\n${text.slice(after)}`);
  return files;
}

/** What helm renders. */
export async function makeManifests(): Promise<GeneratedFiles> {
  const made = MANIFESTS.map(
    async (manifest) => [`deploy/manifests/${manifest.file}`, await render(manifest)] as const,
  );
  return new Map(await Promise.all(made));
}

async function render({ file, about, namespace, values }: Manifest): Promise<string> {
  const set = Object.entries(values).flatMap(([key, value]) => ["--set-json", `${key}=${JSON.stringify(value)}`]);
  const rendered = await runHelm("template", "penstock", CHART, "--namespace", namespace, "--no-hooks", ...set);
  const head = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels: RESTRICTED } };
  const labels = values["hostPort"] === undefined ? RESTRICTED : PRIVILEGED;
  const objects = [{ ...head, metadata: { ...head.metadata, labels } }, ...parseObjects(rendered).map(withoutHelm)];
  const documents = objects.map((object) => stringify(object, YAML_FOR_KUBECTL));
  return `# ${about}\n# Made from deploy/helm/penstock by "npm run manifests": kubectl apply --server-side -f ${file}\n${documents.map((document) => `---\n${document}`).join("")}`;
}

/** kubectl reads YAML 1.1, to which a bare `yes` is true. */
const YAML_FOR_KUBECTL = { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false } as const;

const RESTRICTED = { "pod-security.kubernetes.io/enforce": "restricted" };
/** Host ports are what even the baseline standard refuses. */
const PRIVILEGED = { "pod-security.kubernetes.io/enforce": "privileged" };

/** Whoever applies these with kubectl has no release: labels of helm would only confuse a later `helm install`. */
function withoutHelm(object: unknown): unknown {
  const { metadata, ...rest } = object as { metadata: { labels?: Record<string, string> } };
  const labels = Object.entries(metadata.labels ?? {}).filter(
    ([key]) => key !== "helm.sh/chart" && key !== "app.kubernetes.io/managed-by",
  );
  const { apiVersion, kind, ...others } = rest as Record<string, unknown>;
  return { apiVersion, kind, metadata: { ...metadata, labels: Object.fromEntries(labels) }, ...others };
}

export async function writeFiles(files: GeneratedFiles): Promise<void> {
  for (const stale of await findOrphans(files)) await rm(path.join(ROOT, stale));
  for (const [file, content] of files) {
    await mkdir(path.join(ROOT, path.dirname(file)), { recursive: true });
    await writeFile(path.join(ROOT, file), content);
  }
}

/** Paths of files that do not hold what they are to hold, or that nothing makes any more. */
export async function findStale(files: GeneratedFiles): Promise<readonly string[]> {
  const stale = await findOrphans(files);
  for (const [file, content] of files) {
    if ((await read(file).catch(() => null)) !== content) stale.push(file);
  }
  return stale.toSorted();
}

/** Only folders that `files` has something of are looked at. */
async function findOrphans(files: GeneratedFiles): Promise<string[]> {
  const made = Array.from(files.keys());
  const folders = GENERATED_FOLDERS.filter((folder) => made.some((file) => path.dirname(file) === folder));
  const present = folders.flatMap((folder) => globSync(`${folder}/*`, { cwd: ROOT }));
  return present.filter((file) => !files.has(file));
}

/** Differences between Chart.yaml and package.json; the chart's image is the program's version. */
export async function findVersionMismatch(): Promise<string | null> {
  const chart = parse(await read("deploy/helm/penstock/Chart.yaml")) as { appVersion?: string };
  const { version } = JSON.parse(await read("package.json")) as { version: string };
  return chart.appVersion === version
    ? null
    : `Chart.yaml has appVersion ${chart.appVersion}, package.json has version ${version}`;
}

function read(file: string): Promise<string> {
  return readFile(path.join(ROOT, file), "utf8");
}
