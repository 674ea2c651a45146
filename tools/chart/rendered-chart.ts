// The chart as helm renders it for given values, in a form that tests can ask for objects.
import { CHART } from "./generated-files.ts";
import { HelmError, parseObjects, runHelm } from "./run-helm.ts";

export type Values = Readonly<Record<string, unknown>>;

/** An object of the cluster, or a part of one, whose fields a test reads by name. */
export type Loose = any;

export interface RenderOptions {
  readonly release?: string;
  readonly namespace?: string;
}

export class RenderedChart {
  readonly objects: readonly Loose[];

  constructor(objects: readonly Loose[]) {
    this.objects = objects;
  }

  all(kind: string): readonly Loose[] {
    return this.objects.filter((object) => object.kind === kind);
  }

  /** The only object of its kind, or of its kind and name. Throws where there are none or several. */
  one(kind: string, name?: string): Loose {
    const found = this.all(kind).filter((object) => name === undefined || object.metadata.name === name);
    if (found.length !== 1) {
      throw new Error(
        `${found.length} objects of kind ${kind}: ${found.map((object) => object.metadata.name).join(", ")}`,
      );
    }
    return found[0];
  }

  get podSpec(): Loose {
    const workload = this.all("DaemonSet")[0] ?? this.one("Deployment");
    return workload.spec.template.spec;
  }

  get container(): Loose {
    return this.podSpec.containers[0];
  }

  get args(): readonly string[] {
    return this.container.args;
  }
}

export async function renderChart(values: Values = {}, options: RenderOptions = {}): Promise<RenderedChart> {
  const { release = "penstock", namespace = "ingress" } = options;
  const set = Object.entries(values).flatMap(([key, value]) => ["--set-json", `${key}=${JSON.stringify(value)}`]);
  return new RenderedChart(parseObjects(await runHelm("template", release, CHART, "--namespace", namespace, ...set)));
}

/** What helm says when it refuses values; throws where it does not. */
export async function refusalOf(values: Values): Promise<string> {
  try {
    await renderChart(values);
  } catch (error) {
    if (error instanceof HelmError) return error.message;
    throw error;
  }
  throw new Error(`values were not refused: ${JSON.stringify(values)}`);
}
