// What manifests in files mean, for commands that answer and end: read once, translated once.
import type { Options } from "../../config/options.ts";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { DEFAULT_ROUTE_POLICY } from "../../ir/route-table.ts";
import { readManifests } from "../../source/files/read-manifests.ts";
import { ObjectStore } from "../../source/object-store.ts";
import type { TranslateOptions, TranslateResult } from "../../translate/result.ts";
import { translate } from "../../translate/translate.ts";
import { sortDiagnostics } from "./diagnostic-report.ts";
import { FieldLocator } from "./field-locator.ts";

/** `spec.controller` of an IngressClass that is ours. */
const INGRESS_CONTROLLER = "penstock.dev/ingress-controller";

/** How the objects of files are translated: with nobody else to serve them, an Ingress without a class is ours. */
export function fileTranslateOptions(options: Pick<Options, "ingressClass" | "defaultCertificate">): TranslateOptions {
  return {
    ingressClass: options.ingressClass,
    controller: INGRESS_CONTROLLER,
    serveUnclassified: true,
    defaultCertificate: options.defaultCertificate,
    routeDefaults: DEFAULT_ROUTE_POLICY,
    loopback: "serve-loopback",
  };
}

export interface FileWorld {
  readonly objectCount: number;
  readonly result: TranslateResult;
  /** Of reading and of translating, sorted, each with its place. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Throws SourceError where one of the paths cannot be read at all. */
export async function readFileWorld(paths: readonly string[], options: TranslateOptions): Promise<FileWorld> {
  const { objects, diagnostics } = await readManifests(paths);
  const store = new ObjectStore();
  store.apply(objects);
  const result = translate(store.world(), options);
  const locator = new FieldLocator();
  const located = result.diagnostics.map((diagnostic) => locate(diagnostic, store, locator));
  return {
    objectCount: objects.length,
    result,
    diagnostics: sortDiagnostics([...diagnostics, ...(await Promise.all(located))]),
  };
}

async function locate(diagnostic: Diagnostic, store: ObjectStore, locator: FieldLocator): Promise<Diagnostic> {
  const { object, field } = diagnostic;
  const location = object === null ? null : store.locationOf(object);
  if (object === null || location === null) return diagnostic;
  return { ...diagnostic, location: await locator.locate(object, field, location) };
}
