// The lint rule `penstock/import-rules`: judges every import of src/ by import-table.ts. It knows no layer by name.
import { builtinModules } from "node:module";
import path from "node:path";
import { LAYERS, PACKAGES } from "./import-table.ts";
import type { Layer } from "./import-table.ts";
import type { LintNode, LintRule } from "./lint-types.ts";

const ROOT: string = path.resolve(import.meta.dirname, "../..");
const BARREL = "src/index.ts";
const BUILTINS = new Set(builtinModules);

/** Where an import stands and what it asks for. */
interface ImportSite {
  /** Of the importing file, relative to the root, with `/`. */
  readonly file: string;
  readonly specifier: string;
  /** `import type` in full: nothing is left of it at run time. */
  readonly isTypeOnly: boolean;
}

/** What is wrong with an import, one sentence; null when nothing is. */
function judgeImport(site: ImportSite): string | null {
  if (!site.file.startsWith("src/")) return null;
  const layer = findLayer(site.file);
  if (layer === null) return null;
  const { specifier } = site;
  if (specifier.startsWith(".")) return judgeFile(site, layer);
  if (specifier.startsWith("node:")) {
    return isTest(site.file) || site.isTypeOnly ? null : judgeBuiltin(specifier, layer);
  }
  if (BUILTINS.has(specifier)) return `"${specifier}" is written "node:${specifier}"`;
  return judgePackage(site);
}

/** The layer with the longest folder that contains the file; null for a file that the table does not know. */
function findLayer(file: string): Layer | null {
  let found: Layer | null = null;
  for (const layer of LAYERS) {
    if (contains(layer.folder, file) && (found === null || layer.folder.length > found.folder.length)) found = layer;
  }
  return found;
}

function judgeFile(site: ImportSite, layer: Layer): string | null {
  const { file, specifier } = site;
  const target = path.posix.join(path.posix.dirname(file), specifier);
  if (isTest(file)) return null;
  if (isTest(target)) return "only tests import tests";
  if (!target.startsWith("src/")) return `${specifier} leaves src/: it would be missing from the package`;
  if (!/\.(?:ts|json)$/.test(target)) return `${specifier} must name the file with its ending`;
  if (target === BARREL || target === "src/main.ts") return `nothing inside src/ imports ${target}`;

  const isExcepted = (layer.except ?? []).some((folder) => contains(folder, target));
  if (contains(layer.folder, target) && !isExcepted) return null;
  if (!isExcepted && layer.mayImport.some((folder) => contains(folder, target))) return null;
  const mayByType = (layer.mayImportTypesOf ?? []).some((folder) => contains(folder, target));
  if (mayByType && site.isTypeOnly) return null;
  const only = mayByType ? " except with `import type`" : "";
  return `${layer.folder} may not import ${target}${only}: ${layer.reason}`;
}

function judgeBuiltin(specifier: string, layer: Layer): string | null {
  const isForbidden =
    (layer.exceptBuiltins ?? []).includes(specifier) ||
    (layer.builtins !== undefined && !layer.builtins.includes(specifier));
  return isForbidden ? `${layer.folder} may not import ${specifier}: ${layer.reason}` : null;
}

function judgePackage(site: ImportSite): string | null {
  const { file, specifier } = site;
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const folders = PACKAGES.get(name);
  if (isTest(file) && name !== "@kubernetes/client-node") return null;
  if (folders === undefined) return `package ${name} is not in tools/lint/import-table.ts`;
  if (folders.some((folder) => contains(folder, file))) return null;
  return `package ${name} may be imported in ${folders.join(", ")} only`;
}

function contains(folder: string, file: string): boolean {
  return file === folder || file.startsWith(`${folder}/`);
}

function isTest(file: string): boolean {
  return file.endsWith(".test.ts") || file.startsWith("test/");
}

/** Whether nothing of an import or re-export is left when types are stripped. */
function isTypeOnly(node: LintNode): boolean {
  if (node.type === "TSImportType") return true;
  return node.importKind === "type" || node.exportKind === "type";
}

export const importRules: LintRule = {
  meta: { docs: { description: "imports follow the table in tools/lint/import-table.ts" } },
  create(context) {
    const file = path.relative(ROOT, context.filename).split(path.sep).join("/");
    const check = (node: LintNode): void => {
      const source = node.source ?? node.argument ?? null;
      if (source === null) return;
      if (typeof source.value !== "string") {
        if (file.startsWith("src/")) {
          context.report({ node, message: "an import names its module with a plain string" });
        }
        return;
      }
      const message = judgeImport({ file, specifier: source.value, isTypeOnly: isTypeOnly(node) });
      if (message !== null) context.report({ node: source, message });
    };
    const checkReexport = (node: LintNode): void => {
      if (node.source !== null && file.startsWith("src/") && file !== BARREL) {
        context.report({ node, message: `only ${BARREL} is a barrel: import from the file that declares the name` });
      }
      check(node);
    };
    return {
      Program(node) {
        if (file.startsWith("src/") && findLayer(file) === null) {
          context.report({ node, message: `${file} belongs to no layer of tools/lint/import-table.ts` });
        }
      },
      ImportDeclaration: check,
      ExportNamedDeclaration: checkReexport,
      ExportAllDeclaration: checkReexport,
      ImportExpression: check,
      TSImportType: check,
      TSExternalModuleReference: check,
    };
  },
};
