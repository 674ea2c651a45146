// `penstock version`: which Penstock and which Node this is.
import { readFileSync } from "node:fs";
import { Command } from "commander";

/** The version of the package that this file belongs to, in a checkout as well as installed. */
export function readVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

export function versionCommand(): Command {
  return new Command("version").description("Print the version of Penstock and of Node.js.").action(() => {
    process.stdout.write(`penstock ${readVersion()}\nnode ${process.versions.node}\n`);
  });
}
