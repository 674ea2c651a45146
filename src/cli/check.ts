// `penstock check`: what is wrong with manifests, before anything serves them.
import { Argument, Command, Option } from "commander";
import type { FileWorld } from "./manifests/file-world.ts";
import { countSeverities, formatCounts, formatDiagnostic, plural, toDocument } from "./manifests/diagnostic-report.ts";
import { EXIT_CODE } from "./exit-code.ts";
import { addSettingFlags, loadCommandOptions } from "./setting-flags.ts";

type Format = "text" | "json";

const EXAMPLES = `
Examples:
  penstock check ./manifests
  penstock check ingress.yaml services/ --format json

Exit codes: 0 no errors (warnings allowed), 1 errors found, 2 wrong usage.`;

export function checkCommand(): Command {
  const command = new Command("check")
    .description("Find what is wrong with manifests, as serve would, without serving them.")
    .usage("PATH... [options]")
    .addArgument(new Argument("<PATH...>", "Files and folders of manifests (YAML or JSON, recursive)."));
  addSettingFlags(command, "check")
    .addOption(
      new Option("--format <FORMAT>", "How to print; json is for programs.")
        .choices(["text", "json"])
        .default("text" satisfies Format)
        .helpGroup("Output:"),
    )
    .addHelpText("after", EXAMPLES);
  return command.action(async (paths: readonly string[], { format }: { readonly format: Format }) => {
    const { options } = await loadCommandOptions(command, "check");
    const { fileTranslateOptions, readFileWorld } = await import("./manifests/file-world.ts");
    const world = await readFileWorld(paths, fileTranslateOptions(options));
    process.stdout.write(format === "json" ? formatDocument(world) : formatText(world));
    const hasErrors = countSeverities(world.diagnostics).error > 0;
    process.exitCode = hasErrors ? EXIT_CODE.failure : EXIT_CODE.clean;
  });
}

function formatDocument({ diagnostics }: FileWorld): string {
  return `${JSON.stringify(toDocument(diagnostics), null, 2)}\n`;
}

function formatText({ diagnostics, objectCount }: FileWorld): string {
  const counts = countSeverities(diagnostics);
  const summary = `${formatCounts(counts)} in ${plural(objectCount, "object")}`;
  return `${[...diagnostics.map(formatDiagnostic), summary].join("\n")}\n`;
}
