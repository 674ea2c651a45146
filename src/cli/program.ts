// The command line as a whole: which commands there are, its help, and how its parser's errors read.
import { Command } from "commander";
import { checkCommand } from "./check.ts";
import { controllerCommand } from "./controller.ts";
import { demoCommand } from "./demo.ts";
import { explainCommand } from "./explain.ts";
import { proxyCommand } from "./proxy.ts";
import { serveCommand } from "./serve.ts";
import { readVersion, versionCommand } from "./version.ts";

const SERVING = "Serve:";
const INSPECTING = "Inspect:";

const FOOTER = `
Examples:
  penstock controller                                 serve the Ingress objects of a cluster
  penstock demo                                       two upstreams and a proxy, to try it out
  penstock serve --from ./manifests                   serve a folder of Kubernetes YAML
  penstock proxy --to http://127.0.0.1:3000           a reverse proxy without any manifest
  penstock check ./manifests                          find mistakes before they are served
  penstock explain --from ./manifests "GET https://shop.example/cart"

Run 'penstock COMMAND --help' for the options of a command.`;

export function createProgram(): Command {
  const program = new Command("penstock")
    .description("Kubernetes ingress controller with its own programmable proxy engine.")
    .usage("COMMAND [options]")
    .version(readVersion(), "-v, --version", "Print the version.")
    .helpOption("-h, --help", "Print this help.")
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .addHelpText("after", FOOTER);
  for (const command of [controllerCommand(), serveCommand(), proxyCommand(), demoCommand()]) {
    program.addCommand(command.helpGroup(SERVING));
  }
  for (const command of [checkCommand(), explainCommand(), versionCommand()]) {
    program.addCommand(command.helpGroup(INSPECTING));
  }
  reportInOneLine(program, "penstock");
  for (const command of program.commands) {
    reportInOneLine(command, `penstock ${command.name()}`);
    command.helpOption("-h, --help", "Print this help.");
  }
  return program;
}

/** Turns the parser's errors of several lines into one that says where help is. */
function reportInOneLine(command: Command, name: string): void {
  command.exitOverride().configureOutput({
    outputError(text, write) {
      const line = text
        .replace(/^error: /, "")
        .trim()
        .replaceAll(/\s*\n\s*/g, " ")
        .replace("(Did you mean", "(did you mean");
      write(`${name}: ${line}; see '${name} --help'\n`);
    },
  });
}
