// Reads one complete answer: bounded bytes, strict UTF-8, JSON.
import type { Dispatcher } from "undici";
import type { ApiAnswer } from "./api-client.ts";
import { ApiUnreachable } from "./api-client.ts";
import { AnswerTooLarge, detailOf } from "./connection-failure.ts";
import { decodeStrictly } from "./line-splitter.ts";

/**
 * @throws AnswerTooLarge
 * @throws ApiUnreachable where a success is not JSON. A refusal need not be: proxies answer as they like.
 */
export async function readAnswer(response: Dispatcher.ResponseData, maxBytes: number): Promise<ApiAnswer> {
  const { statusCode: status, headers } = response;
  const bytes = await readBody(response, maxBytes);
  return { status, body: parseBody(bytes, status), retryAfterMs: readRetryAfter(headers["retry-after"]) };
}

async function readBody(response: Dispatcher.ResponseData, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    // Leaving the loop destroys the body, and with it the connection.
    if (size > maxBytes) throw new AnswerTooLarge(`the API server's answer is larger than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks, size);
}

function parseBody(bytes: Buffer, status: number): unknown {
  try {
    return JSON.parse(decodeStrictly(bytes));
  } catch (error) {
    if (status >= 300) return null;
    throw new ApiUnreachable(`the API server's answer cannot be read: ${detailOf(error)}`, { cause: error });
  }
}

/** Seconds, as the API server writes them; a date is left aside. */
function readRetryAfter(value: string | string[] | undefined): number | null {
  if (typeof value !== "string" || !/^\d{1,6}$/.test(value)) return null;
  return Number(value) * 1_000;
}
