// The errors of the file system in words that a person can act on.

const WORDS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "no such file or folder"],
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["ELOOP", "too many symbolic links, perhaps one that points at itself"],
  ["ENOTDIR", "a part of the path is not a folder"],
  ["EISDIR", "it is a folder"],
  ["EMFILE", "too many open files"],
  ["ENFILE", "too many open files"],
  ["EIO", "the disk reports an error"],
  ["ENAMETOOLONG", "the name is too long"],
]);

/** What a failed call to the file system means; the code itself where it is a rare one. */
export function describeFileError(error: unknown): string {
  const code = errorCode(error);
  return WORDS.get(code) ?? (code === "" ? "unknown error" : code);
}

/** The error's code, such as `ENOENT`, or `""`. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
