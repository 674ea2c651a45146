// Turns samples into Markdown tables: medians, raw values, and ratios to the baseline taken round by round.
import type { Environment } from "./environment.ts";
import { BASELINE } from "./peers/all.ts";
import { DISTURBED_SHARE } from "./sample.ts";
import type { Sample } from "./sample.ts";
import type { Scenario } from "./scenarios.ts";
import { median } from "./statistics.ts";

/** One proxy in one scenario. */
interface Summary {
  readonly proxy: string;
  readonly scenario: string;
  readonly good: readonly Sample[];
  readonly rejected: readonly Sample[];
  /** Median over the rounds of cpuUs divided by the baseline's in the same round; NaN without one. */
  readonly ratio: number;
}

export function summarize(samples: readonly Sample[], scenario: string, proxy: string): Summary {
  const here = samples.filter((sample) => sample.scenario === scenario);
  const own = here.filter((sample) => sample.proxy === proxy);
  const good = own.filter((sample) => sample.errors.length === 0);
  const ratios = good.flatMap((sample) => {
    const other = here.find((candidate) => candidate.proxy === BASELINE && candidate.round === sample.round);
    return other === undefined || other.errors.length > 0 ? [] : [sample.cpuUs / other.cpuUs];
  });
  const rejected = own.filter((sample) => sample.errors.length > 0);
  return { proxy, scenario, good, rejected, ratio: median(ratios) };
}

export function renderEnvironment(environment: Environment): string {
  const versions = Object.entries(environment.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `- ${environment.date}, ${environment.processor}, ${environment.cores} cores, ${environment.memoryGib} GiB, ${environment.kernel}`,
    `- Node ${environment.node}; system ${environment.openssl}`,
    `- ${versions.join("; ")}`,
  ].join("\n");
}

/** Scenarios down, proxies across: CPU µs a request and its ratio to the baseline. */
export function renderOverview(
  samples: readonly Sample[],
  scenarios: readonly Scenario[],
  proxies: readonly string[],
): string {
  const rows = scenarios.map((scenario) => [
    scenario.name,
    ...proxies.map((proxy) => {
      const { good, ratio } = summarize(samples, scenario.name, proxy);
      if (good.length === 0) return "rejected";
      const cpu = formatMicroseconds(median(good.map((sample) => sample.cpuUs)));
      return proxy === BASELINE || Number.isNaN(ratio) ? cpu : `${cpu} (${ratio.toFixed(2)} ×)`;
    }),
  ]);
  return renderTable(["CPU µs a request", ...proxies], rows);
}

/** One scenario in full. */
export function renderScenario(samples: readonly Sample[], scenario: Scenario, proxies: readonly string[]): string {
  const rows = proxies.map((proxy) => renderRow(summarize(samples, scenario.name, proxy)));
  const header = ["proxy", "CPU µs", "user", "kernel", "ratio", "req/s", "p50 ms", "p99 ms", "RSS MiB", "PSS MiB"];
  header.push("core used", "conns up", "each round's CPU µs");
  return `### ${scenario.name}\n\n${scenario.description}\n\n${renderTable(header, rows)}`;
}

function renderRow({ proxy, good, rejected, ratio }: Summary): string[] {
  const of = (pick: (sample: Sample) => number): number => median(good.map(pick));
  const raw = good.map((sample) => formatMicroseconds(sample.cpuUs)).join(" ");
  const refused = rejected.length === 0 ? "" : `${raw === "" ? "" : "; "}${rejected.length} rejected`;
  return [
    proxy,
    formatMicroseconds(of((sample) => sample.cpuUs)),
    formatMicroseconds(of((sample) => sample.userUs)),
    formatMicroseconds(of((sample) => sample.systemUs)),
    Number.isNaN(ratio) ? "–" : `${ratio.toFixed(2)} ×`,
    formatCount(of((sample) => sample.requestsPerSecond)),
    formatMilliseconds(of((sample) => sample.p50Ms)),
    formatMilliseconds(of((sample) => sample.p99Ms)),
    formatCount(of((sample) => sample.residentBytes / 2 ** 20)),
    formatCount(of((sample) => sample.proportionalBytes / 2 ** 20)),
    formatShare(of((sample) => sample.coreShare)),
    formatCount(of((sample) => sample.upstreamConnections)),
    raw + refused,
  ];
}

/** What a reader must know before trusting the numbers: rejected samples, and how quiet the proxy's core was. */
export function renderNotes(samples: readonly Sample[]): string {
  const notes = samples
    .filter((sample) => sample.errors.length > 0)
    .map(
      (sample) => `- rejected: ${sample.scenario}, ${sample.proxy}, round ${sample.round}: ${sample.errors.join("; ")}`,
    );
  const disturbed = samples.filter((sample) => sample.foreignShare > DISTURBED_SHARE).length;
  if (disturbed > 0) {
    notes.push(
      `- disturbed: others used over ${DISTURBED_SHARE * 100} % of the proxy's core in ${disturbed} of ${samples.length} samples`,
    );
  }
  return notes.join("\n");
}

function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    rows.reduce((width, row) => Math.max(width, (row[column] ?? "").length), title.length),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(header), rule, ...rows.map(line)].join("\n");
}

function formatMicroseconds(value: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(value < 100 ? 1 : 0);
}

function formatMilliseconds(value: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(2);
}

function formatCount(value: number): string {
  return Number.isNaN(value) ? "–" : Math.round(value).toLocaleString("en-US");
}

function formatShare(value: number): string {
  return Number.isNaN(value) ? "–" : `${Math.round(value * 100)} %`;
}
