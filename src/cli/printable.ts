// Makes strings from manifests and the network safe to print: nothing that they hold may steer a terminal.

/** Control characters, and the marks that turn the direction of text around (CVE-2021-42574). */
const STEERING = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** The text with every character that steers a terminal written as `\u001b`. */
export function printable(text: string): string {
  return text.replace(STEERING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
