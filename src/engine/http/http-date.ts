// The value of a Date header for now, made anew at most once a second.

let cached = "";
let validUntilMs = 0;

/** IMF-fixdate, RFC 9110 §5.6.7. */
export function httpDate(): string {
  const now = Date.now();
  if (now >= validUntilMs || now < validUntilMs - 1000) {
    cached = new Date(now).toUTCString();
    validUntilMs = now - (now % 1000) + 1000;
  }
  return cached;
}
