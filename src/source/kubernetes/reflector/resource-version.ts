// The order of resource versions. Since Kubernetes 1.35 they are promised to be whole numbers that grow (KEP-5504), as
// they have been all along; of any that are not, none is newer.

const DIGITS = /^[1-9]\d{0,38}$/;

/** True where `one` is known to be newer than `other`. */
export function isNewer(one: string, other: string): boolean {
  if (one === other || !DIGITS.test(one) || !DIGITS.test(other)) return false;
  return one.length === other.length ? one > other : one.length > other.length;
}
