// "Did you mean …?" in the words of configuration: keys, environment variables and fixed choices.
import { findClosestWord } from "../lib/closest-word.ts";

/** ` (did you mean x?)`, or nothing where no known word is near. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const closest = findClosestWord(word, known);
  return closest === null ? "" : ` (did you mean ${closest}?)`;
}
