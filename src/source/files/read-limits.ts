// How much a source of files reads before it says no. A folder of manifests is trusted no more than any other input.

/** Sizes in bytes, depths in levels. Every bound has a diagnostic that names it. */
export interface ReadLimits {
  readonly maxFileBytes: number;
  /** All files together. */
  readonly maxTotalBytes: number;
  readonly maxFiles: number;
  /** Folders inside folders, from the path given. */
  readonly maxFolderDepth: number;
  readonly maxFolders: number;
  readonly maxDocumentsPerFile: number;
  readonly maxObjectsPerFile: number;
  /** Lexical tokens of one YAML document; the parser takes about a microsecond for each. */
  readonly maxYamlTokens: number;
  /** Values of one JSON file. */
  readonly maxJsonValues: number;
  /** Mappings and lists inside each other. */
  readonly maxNesting: number;
  /** Values that the aliases of one document stand for. */
  readonly maxAliasedValues: number;
  /** More diagnostics of one file than this are counted, not kept. */
  readonly maxDiagnosticsPerFile: number;
}

export const DEFAULT_READ_LIMITS: ReadLimits = {
  maxFileBytes: 16 * 1024 * 1024,
  maxTotalBytes: 256 * 1024 * 1024,
  maxFiles: 20_000,
  maxFolderDepth: 32,
  maxFolders: 5_000,
  maxDocumentsPerFile: 20_000,
  maxObjectsPerFile: 50_000,
  maxYamlTokens: 1_000_000,
  maxJsonValues: 1_000_000,
  maxNesting: 64,
  maxAliasedValues: 100_000,
  maxDiagnosticsPerFile: 1_000,
};
