// Headers of responses: those that a phase gives, and those that the proxy adds where nobody gave them.
import { HeaderList } from "../http/header-list.ts";
import { httpDate } from "../http/http-date.ts";
import { headerBit, KnownHeader } from "../http/known-headers.ts";

const DATE = headerBit(KnownHeader.date);
const SERVER = headerBit(KnownHeader.server);
const SERVER_NAME = "penstock";

/** Sets Date (RFC 9110 §6.6.1) and Server in place. */
export function completeResponseHeaders(headers: HeaderList): void {
  if ((headers.seen & DATE) === 0) headers.appendTrusted("Date", httpDate(), KnownHeader.date);
  if ((headers.seen & SERVER) === 0) headers.appendTrusted("Server", SERVER_NAME, KnownHeader.server);
}

/** The list of flat name, value pairs. Throws TypeError for what HTTP does not allow. */
export function checkedHeaders(pairs: readonly string[]): HeaderList {
  const list = HeaderList.empty();
  for (let i = 0; i < pairs.length; i += 2) list.append(pairs[i] as string, pairs[i + 1] as string);
  return list;
}
