// Writes crds/*.yaml anew. Run with `npm run crds`; a test fails where the files are not what this would write.
import { globSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CUSTOM_RESOURCES } from "../../src/source/custom-resources/custom-resources.ts";
import { fileNameOf, renderDefinition } from "./custom-resource-definition.ts";

const FOLDER = join(import.meta.dirname, "../../crds");

for (const file of globSync("*.yaml", { cwd: FOLDER })) rmSync(join(FOLDER, file));
for (const resource of CUSTOM_RESOURCES) writeFileSync(join(FOLDER, fileNameOf(resource)), renderDefinition(resource));
