// Keeps secrets that travel in query strings out of the logs.

/**
 * Parameters whose values are credentials: the list of the OpenTelemetry HTTP conventions 1.44, and what OAuth 2 (RFC 6749,
 * RFC 6750, RFC 7662) and common APIs put there. Lower case.
 */
const SECRET_PARAMETERS: ReadonlySet<string> = new Set([
  "x-amz-signature",
  "x-amz-credential",
  "x-amz-security-token",
  "awsaccesskeyid",
  "signature",
  "sig",
  "x-goog-signature",
  "access_token",
  "refresh_token",
  "id_token",
  "token",
  "code",
  "client_secret",
  "client_assertion",
  "api_key",
  "apikey",
  "key",
  "password",
  "passwd",
  "secret",
  "auth",
  "jwt",
]);
const LONGEST_NAME = 20;
const REDACTED = "REDACTED";

/** @param query without its question mark. */
export function redactQuery(query: string): string {
  let redacted = "";
  let copied = 0;
  let start = 0;
  while (start < query.length) {
    const ampersand = query.indexOf("&", start);
    const end = ampersand === -1 ? query.length : ampersand;
    const equals = query.indexOf("=", start);
    if (equals !== -1 && equals < end - 1 && isSecret(query.slice(start, equals))) {
      redacted += query.slice(copied, equals + 1) + REDACTED;
      copied = end;
    }
    start = end + 1;
  }
  return copied === 0 ? query : redacted + query.slice(copied);
}

/** A URL with the secrets of its query redacted and its fragment and user information left out. */
export function redactUrl(url: string): string {
  const withoutUser = dropUserInformation(url);
  const question = withoutUser.indexOf("?");
  if (question === -1) return withoutUser;
  return withoutUser.slice(0, question + 1) + redactQuery(withoutUser.slice(question + 1));
}

/** RFC 9110 §4.2.4: recipients should not pass `user:password@` on. */
function dropUserInformation(url: string): string {
  const at = url.indexOf("@");
  if (at === -1) return url;
  const authority = url.indexOf("//");
  if (authority === -1) return url;
  const start = authority + 2;
  const path = url.indexOf("/", start);
  const end = path === -1 ? url.length : path;
  const lastAt = url.lastIndexOf("@", end);
  return lastAt < start ? url : url.slice(0, start) + url.slice(lastAt + 1);
}

function isSecret(name: string): boolean {
  const plain = name.includes("%") ? decode(name) : name;
  return plain.length <= LONGEST_NAME && SECRET_PARAMETERS.has(plain.toLowerCase());
}

/** Whoever reads the parameter decodes its name first. A name that cannot be decoded is nobody's. */
function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
