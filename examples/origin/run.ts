// Starts the upstreams of an example: `node examples/origin/run.ts [--tls FOLDER] SERVICE:PORT…`.
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { startOrigin } from "./origin.ts";

const USAGE = "usage: node examples/origin/run.ts [--tls FOLDER] SERVICE:PORT…";

const { values, positionals } = parseArgs({ options: { tls: { type: "string" } }, allowPositionals: true });
const origins = positionals.map((text) => /^([a-z0-9-]+):(\d+)$/.exec(text));
if (origins.length === 0 || origins.includes(null)) {
  console.error(USAGE);
  process.exit(2);
}

const folder = values.tls;
const tls =
  folder === undefined
    ? {}
    : {
        tls: {
          cert: readFileSync(path.join(folder, "tls.crt"), "utf8"),
          key: readFileSync(path.join(folder, "tls.key"), "utf8"),
        },
      };
for (const match of origins) {
  const [, service = "", port = ""] = match ?? [];
  const origin = await startOrigin({ service, port: Number(port), ...tls });
  console.log(`${origin.service} listens on 127.0.0.1:${origin.port}`);
}
