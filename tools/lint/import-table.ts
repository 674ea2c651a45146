// Who may import whom: the one table behind the lint rule `penstock/import-rules`. Data only; the reading is import-rules.ts.
// Paths are relative to the repository's root. A folder means everything below it, a file means that file.

/** A part of the source tree and what it may import. The longest `folder` that contains a file is its layer. */
export interface Layer {
  readonly folder: string;
  /** May be imported, values and types; the layer itself always may. */
  readonly mayImport: readonly string[];
  /** May be imported with `import type` only. */
  readonly mayImportTypesOf?: readonly string[];
  /** Taken away again from `mayImport`. */
  readonly except?: readonly string[];
  /** The `node:` modules that the layer may use; missing: all. */
  readonly builtins?: readonly string[];
  /** The `node:` modules that the layer may not use. */
  readonly exceptBuiltins?: readonly string[];
  /** One sentence for whoever runs into the rule. */
  readonly reason: string;
}

/** What a pure function may use of Node: nothing that reads a clock, files, the environment or the network. */
const PURE_BUILTINS = ["node:assert", "node:assert/strict", "node:buffer", "node:crypto", "node:net", "node:util"];

/** The engine has its own HTTP/1 codec; the compatibility layers of Node cost a third of the CPU time of a request. */
const NO_NODE_HTTP = ["node:http", "node:https"];

export const LAYERS: readonly Layer[] = [
  {
    folder: "src/ir",
    mayImport: [],
    builtins: PURE_BUILTINS,
    reason: "the intermediate representation is plain data and imports nothing",
  },
  {
    folder: "src/lib",
    mayImport: [],
    reason: "lib holds small helpers that know nothing of Penstock",
  },
  {
    folder: "src/engine",
    mayImport: ["src/lib"],
    exceptBuiltins: NO_NODE_HTTP,
    reason:
      "the engine is usable alone: it knows neither Kubernetes nor the IR, and declares the interfaces it reports to",
  },
  {
    folder: "src/engine/http",
    mayImport: ["src/lib"],
    exceptBuiltins: NO_NODE_HTTP,
    reason: "messages are shared by both protocols and depend on neither",
  },
  {
    folder: "src/engine/transport",
    mayImport: ["src/lib"],
    exceptBuiltins: NO_NODE_HTTP,
    reason: "sockets are below all protocols and know none of them",
  },
  {
    folder: "src/engine/http/status-text.ts",
    mayImport: [],
    builtins: ["node:http"],
    reason: "the reason phrases are Node's table, and nothing else of node:http is wanted",
  },
  {
    folder: "src/engine/http1",
    mayImport: ["src/engine", "src/lib"],
    except: ["src/engine/http2"],
    exceptBuiltins: [...NO_NODE_HTTP, "node:http2"],
    reason: "the HTTP/1 codec does not know HTTP/2",
  },
  {
    folder: "src/engine/http2",
    mayImport: ["src/engine", "src/lib"],
    except: ["src/engine/http1"],
    exceptBuiltins: NO_NODE_HTTP,
    reason: "HTTP/2 does not know the HTTP/1 codec",
  },
  {
    folder: "src/engine/proxy",
    mayImport: ["src/engine", "src/lib"],
    except: ["src/engine/http1", "src/engine/http2"],
    exceptBuiltins: [...NO_NODE_HTTP, "node:http2"],
    reason: "the proxying workflow exists once: it sees protocols through DownstreamStream and UpstreamStream only",
  },
  {
    folder: "src/source",
    mayImport: ["src/ir", "src/lib", "src/telemetry"],
    reason: "a source says what the cluster says, not what it means",
  },
  {
    folder: "src/translate",
    mayImport: ["src/ir", "src/lib"],
    mayImportTypesOf: ["src/source/object-types.ts"],
    builtins: PURE_BUILTINS,
    reason: "translation is a pure function of objects",
  },
  {
    folder: "src/reconcile",
    mayImport: ["src/translate", "src/ir", "src/lib"],
    mayImportTypesOf: ["src/source"],
    reason: "the loop sees the world through the store's types",
  },
  {
    folder: "src/dataplane",
    mayImport: ["src/ir", "src/lib", "src/engine/health", "src/telemetry"],
    reason: "the main thread starts workers by URL and never loads their code",
  },
  {
    folder: "src/ingress",
    mayImport: ["src/engine", "src/ir", "src/lib", "src/telemetry"],
    mayImportTypesOf: ["src/dataplane/protocol.ts"],
    exceptBuiltins: NO_NODE_HTTP,
    reason: "the worker's side must stay small: no sources, no translation, no configuration",
  },
  {
    folder: "src/telemetry",
    mayImport: ["src/ir", "src/lib"],
    reason: "telemetry is given facts; it does not fetch them",
  },
  {
    folder: "src/admission",
    mayImport: ["src/ir", "src/lib", "src/source", "src/telemetry", "src/translate"],
    except: ["src/source/files"],
    reason: "admission answers what an object would do, with the code that translates it",
  },
  {
    folder: "src/admin",
    mayImport: ["src/ir", "src/lib", "src/telemetry"],
    reason: "admin shows what it is given",
  },
  {
    folder: "src/config",
    mayImport: ["src/ir", "src/lib"],
    mayImportTypesOf: ["src/dataplane/protocol.ts"],
    reason: "configuration is compiled once and handed on",
  },
  {
    folder: "src/cli",
    mayImport: ["src"],
    except: ["src/index.ts", "src/main.ts"],
    reason: "the command line wires the parts together and uses them where they are",
  },
  {
    folder: "src/main.ts",
    mayImport: ["src/cli"],
    reason: "the entry hands over to cli/",
  },
  {
    folder: "src/index.ts",
    mayImport: ["src/engine"],
    reason: "the library is the engine",
  },
];

/** Each package, and the only folders that may import it. Tests may import every package but the Kubernetes client. */
export const PACKAGES: ReadonlyMap<string, readonly string[]> = new Map([
  // 0.4 s and 80 MB a thread: it must never be loaded in a worker.
  ["@kubernetes/client-node", ["src/source/kubernetes"]],
  ["pino", ["src/telemetry"]],
  ["prom-client", ["src/telemetry"]],
  ["yaml", ["src/source/files", "src/config", "src/cli"]],
  ["undici", ["src/source/kubernetes/client"]],
  ["zod", ["src/config", "src/source/custom-resources"]],
  ["commander", ["src/cli"]],
  ["ipaddr.js", ["src/lib", "src/config", "src/source/validation"]],
]);
