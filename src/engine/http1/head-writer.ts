// Writes heads of HTTP/1 messages. Lines that nobody touched are copied as one run of the text they came in.
import { type HeaderList, SPAN_REMOVED, SPAN_REWRITE, SPAN_WIDTH } from "../http/header-list.ts";
import { knownHeaderId } from "../http/known-headers.ts";

/**
 * Appends the field lines of `headers` to `out`, each with its CRLF.
 * @param skipMask known ids to leave out (see known-headers.ts).
 */
export function appendFields(out: string, headers: HeaderList, skipMask: number): string {
  const { text, spans, added } = headers;
  let result = out;
  let runStart = 0;
  let runEnd = 0;
  for (let i = 0; i < spans.length; i += SPAN_WIDTH) {
    const id = spans[i] as number;
    if (id === SPAN_REMOVED || ((1 << (id & 0xff)) & skipMask) !== 0) continue;
    const nameStart = spans[i + 1] as number;
    const valueEnd = spans[i + 4] as number;
    if ((id & SPAN_REWRITE) !== 0) {
      if (runEnd !== runStart) result += text.slice(runStart, runEnd);
      runStart = 0;
      runEnd = 0;
      result += `${text.slice(nameStart, spans[i + 2])}: ${text.slice(spans[i + 3], valueEnd)}\r\n`;
    } else if (nameStart === runEnd) runEnd = valueEnd + 2;
    else {
      if (runEnd !== runStart) result += text.slice(runStart, runEnd);
      runStart = nameStart;
      runEnd = valueEnd + 2;
    }
  }
  if (runEnd !== runStart) result += text.slice(runStart, runEnd);
  return added === null ? result : appendPairs(result, added, (headers.addedSeen & skipMask & ~1) !== 0, skipMask);
}

function appendPairs(out: string, pairs: readonly string[], mustFilter: boolean, skipMask: number): string {
  let result = out;
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i] as string;
    if (mustFilter && ((1 << knownHeaderId(name.toLowerCase())) & skipMask) !== 0) continue;
    result += `${name}: ${pairs[i + 1] as string}\r\n`;
  }
  return result;
}
