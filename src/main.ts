#!/usr/bin/env node
// The entry of the program: hands the command line over to cli/. Imports nothing before it knows that Node is new enough.

const MINIMUM_NODE_MAJOR = 26;

if (Number.parseInt(process.versions.node, 10) < MINIMUM_NODE_MAJOR) {
  process.stderr.write(
    `penstock: needs Node.js ${MINIMUM_NODE_MAJOR} or newer, and this is ${process.versions.node}: install a newer one\n`,
  );
  process.exitCode = 1;
} else {
  const { run } = await import("./cli/run.ts");
  await run(process.argv.slice(2));
}
