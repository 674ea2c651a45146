// Times in the notation of the API's MicroTime. Pure.

/** RFC 3339 with microseconds, from milliseconds since the epoch. */
export function formatMicroTime(wallTimeMs: number): string {
  return `${new Date(wallTimeMs).toISOString().slice(0, -1)}000Z`;
}
