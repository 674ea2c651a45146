// Paths of files and folders. Whether anything is there is found out by whoever reads it.
import { parsed, refused } from "../parsed.ts";
import type { Parsed } from "../parsed.ts";

export function parsePath(text: string): Parsed<string> {
  return text === "" ? refused("the path is empty: write a file or a folder") : parsed(text);
}
