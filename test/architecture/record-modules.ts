// Preloaded with --import: writes the URL of every module that the thread loads to the file RECORD_MODULES_TO, a line each.
import { appendFileSync } from "node:fs";
import { registerHooks } from "node:module";

const file = process.env["RECORD_MODULES_TO"] ?? "";

registerHooks({
  load(url, context, nextLoad) {
    appendFileSync(file, `${url}\n`);
    return nextLoad(url, context);
  },
});
