// What counts as a DNS name where Kubernetes asks for one: RFC 1123 labels, joined by dots. Knows no wildcards.

const MAX_NAME_LENGTH = 253;
const MAX_LABEL_LENGTH = 63;

const HYPHEN = 0x2d;
const DOT = 0x2e;

/** True for lower-case letters, digits and hyphens in labels of 1 to 63, at most 253 in all, no hyphen at a label's end. */
export function isDnsName(name: string): boolean {
  if (name.length === 0 || name.length > MAX_NAME_LENGTH) return false;
  let labelLength = 0;
  let previous = DOT;
  for (let i = 0; i < name.length; i += 1) {
    const code = name.charCodeAt(i);
    if (code === DOT) {
      if (labelLength === 0 || previous === HYPHEN) return false;
      labelLength = 0;
    } else {
      if (!isLetterOrDigit(code) && (code !== HYPHEN || labelLength === 0)) return false;
      labelLength += 1;
      if (labelLength > MAX_LABEL_LENGTH) return false;
    }
    previous = code;
  }
  return labelLength > 0 && previous !== HYPHEN;
}

function isLetterOrDigit(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39);
}
