// Writes the few ASN.1 types that a certificate is made of, in DER (X.690). Pure; reads nothing.

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function element(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag]), lengthOctets(content.length), content]);
}

/** One octet below 128, else the number of octets and then those (X.690 §8.1.3). */
function lengthOctets(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(length);
  const significant = octets.subarray(octets.findIndex((octet) => octet !== 0));
  return Buffer.concat([Buffer.from([0x80 | significant.length]), significant]);
}

export function sequence(...members: readonly Buffer[]): Buffer {
  return element(TAG.sequence, Buffer.concat(members));
}

/** A set of one member, which needs no sorting. */
export function setOf(member: Buffer): Buffer {
  return element(TAG.set, member);
}

/** A positive integer, from its octets. */
export function integer(octets: Buffer): Buffer {
  const isNegative = ((octets[0] ?? 0) & 0x80) !== 0;
  return element(TAG.integer, isNegative ? Buffer.concat([Buffer.from([0]), octets]) : octets);
}

export function boolean(value: boolean): Buffer {
  return element(TAG.boolean, Buffer.from([value ? 0xff : 0]));
}

/** `unusedBits`: bits at the end of the last octet that do not count. */
export function bitString(octets: Buffer, unusedBits: number): Buffer {
  return element(TAG.bitString, Buffer.concat([Buffer.from([unusedBits]), octets]));
}

export function octetString(octets: Buffer): Buffer {
  return element(TAG.octetString, octets);
}

export function utf8String(text: string): Buffer {
  return element(TAG.utf8String, Buffer.from(text, "utf8"));
}

/** A member with a tag of its context: `primitive` in place of its own tag, else wrapped around it. */
export function contextTag(number: number, content: Buffer, form: "primitive" | "wrapped"): Buffer {
  return element((form === "primitive" ? 0x80 : 0xa0) | number, content);
}

/** From dotted notation, for example `2.5.29.17`. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return element(TAG.objectIdentifier, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(arc: number): number[] {
  const octets = [arc & 0x7f];
  for (let rest = arc >>> 7; rest > 0; rest >>>= 7) octets.unshift((rest & 0x7f) | 0x80);
  return octets;
}

/** To the second, in UTC: two digits of the year through 2049, four from then on (RFC 5280 §4.1.2.5). */
export function time(date: Date): Buffer {
  const text = `${date
    .toISOString()
    .slice(0, 19)
    .replaceAll(/[^0-9]/g, "")}Z`;
  return date.getUTCFullYear() < 2050
    ? element(TAG.utcTime, Buffer.from(text.slice(2), "ascii"))
    : element(TAG.generalizedTime, Buffer.from(text, "ascii"));
}
