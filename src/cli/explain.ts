// `penstock explain`: which host, path and rule a request would match, which others lose and why, and where it would go.
import { Argument, Command, Option } from "commander";
import { usageFailure } from "./exit-code.ts";
import { countSeverities, formatCounts } from "./manifests/diagnostic-report.ts";
import { addSettingFlags, collect, loadCommandOptions } from "./setting-flags.ts";

const EXAMPLES = `
Examples:
  penstock explain --from ./manifests "GET https://shop.example/cart"
  penstock explain --from ./manifests https://10.0.0.1/cart -H 'host: shop.example'

Exit codes: 0 explained, whatever the answer would be; 1 manifests cannot be read; 2 wrong usage.`;

export function explainCommand(): Command {
  const command = new Command("explain")
    .description("Explain what serve would do with a request, and why.")
    .usage("--from PATH [options] REQUEST")
    .addArgument(new Argument("<REQUEST>", 'Method and URL, for example "GET https://shop.example/cart".'));
  addSettingFlags(command, "explain")
    .addOption(
      new Option(
        "-H, --header <HEADER>",
        "A header of the request, 'name: value'; repeat it for more. Only Host chooses a route.",
      )
        .argParser(collect)
        .helpGroup("Request:"),
    )
    .addHelpText("after", EXAMPLES);
  return command.action(async (text: string, { header = [] }: { readonly header?: readonly string[] }) => {
    const { options } = await loadCommandOptions(command, "explain");
    const { parseExplainRequest } = await import("./explain/read-request.ts");
    const request = parseExplainRequest(text, header);
    if ("problem" in request) throw usageFailure(`${request.problem}; see 'penstock explain --help'`);
    if (options.from.length === 0) {
      throw usageFailure("no manifests are given: write for example --from ./manifests; see 'penstock explain --help'");
    }
    const { fileTranslateOptions, readFileWorld } = await import("./manifests/file-world.ts");
    const { explain } = await import("../ingress/explain/explain.ts");
    const { renderConflicts } = await import("./explain/render-conflicts.ts");
    const { renderExplanation } = await import("./explain/render.ts");
    const { result, diagnostics } = await readFileWorld(options.from, fileTranslateOptions(options));
    const explanation = explain(result, request);
    process.stdout.write(renderExplanation(explanation));
    const host = explanation.hosts[0]?.host ?? null;
    if (host !== null) process.stdout.write(renderConflicts(diagnostics, host));
    const counts = countSeverities(diagnostics);
    if (counts.error + counts.warning === 0) return;
    const paths = options.from.join(" ");
    process.stderr.write(
      `note: ${formatCounts({ ...counts, info: 0 })} in the manifests: see 'penstock check ${paths}'\n`,
    );
  });
}
