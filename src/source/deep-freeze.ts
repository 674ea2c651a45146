// Freezes an object with everything that it holds, so that the world can be shared without copies.

/**
 * Freezes `value` and all that it reaches, and returns it. Works through a list, not by recursion, so that
 * no depth of nesting can exhaust the stack; what is reached twice is frozen once.
 */
export function deepFreeze<T>(value: T): T {
  const pending: unknown[] = [value];
  const seen = new Set<object>();
  while (pending.length > 0) {
    const current = pending.pop();
    if (typeof current !== "object" || current === null || seen.has(current)) continue;
    seen.add(current);
    Object.freeze(current);
    for (const inner of Object.values(current)) pending.push(inner);
  }
  return value;
}
