// The HTTPS server that the API server asks before it stores an object. Reads requests within tight limits, has them judged in
// turn, and answers; it changes nothing anywhere.
import { createServer } from "node:https";
import type { Socket } from "node:net";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:https";
import type { Clock } from "../lib/clock.ts";
import { listenOn } from "../lib/listen.ts";
import type { AdmissionEvent, ReviewOutcome } from "./admission-events.ts";
import type { JudgeContext, Verdict } from "./judge-review.ts";
import { judgeReview } from "./judge-review.ts";
import { PacedQueue } from "./paced-queue.ts";
import type { ConnectionLimits } from "./connection-room.ts";
import { ConnectionRoom } from "./connection-room.ts";
import type { BodyRoomLimits } from "./read-body.ts";
import { BodyRoom, readBody } from "./read-body.ts";
import { peekUid, readReview } from "./read-review.ts";
import { answerUnchecked, answerVerdict, encodeAnswer } from "./review-answer.ts";
import type { ReviewAnswer } from "./review-answer.ts";

export interface AdmissionServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly clock: Clock;
  /** The live world; null while it is not completely read. */
  readonly context: () => JudgeContext | null;
  readonly onEvent: (event: AdmissionEvent) => void;
}

const LIMITS = {
  minVersion: "TLSv1.2",
  handshakeTimeout: 5_000,
  maxHeaderSize: 16 * 1_024,
  headersTimeout: 5_000,
  requestTimeout: 15_000,
  // The API server opens another one, and asks again where this one closes just when it is used.
  keepAliveTimeout: 15_000,
  connectionsCheckingInterval: 5_000,
} as const;
const SOCKET_TIMEOUT_MS = 30_000;
/** All API servers may come from one address, that of a tunnel. */
const CONNECTION_LIMITS: ConnectionLimits = { total: 256, perAddress: 128 };

/** The object and what is stored of it, each at most as large as the API server takes, and the rest of the review. */
const MAX_REVIEW_BYTES = 2 * 3 * 1_024 * 1_024 + 64 * 1_024;
/**
 * Larger ones are not looked at, as that would take the thread from the proxy's control for too long. It is enough for
 * a thousand paths, twice, with all that the API server adds.
 */
const MAX_JUDGED_BYTES = 512 * 1_024;
const BODY_TIMEOUT_MS = 5_000;
/** For the bodies of all requests together. */
const MIB = 1_024 * 1_024;
const BODY_ROOM: BodyRoomLimits = { totalBytes: 32 * MIB, perAddressBytes: 12 * MIB, reservedBytes: 8 * MIB };
const MAX_WAITING = 128;

/** People wait for the answer, and the API server gives up after 10 s unless told otherwise. */
const DEADLINE_MS = 2_000;
/** For reviews under way when the server closes. */
const CLOSE_GRACE_MS = 1_000;

/** An answer that is no review: the API server then does as the webhook's failurePolicy says. */
interface Rejection {
  readonly status: number;
  readonly text: string;
}

type Judged = { readonly verdict: Verdict; readonly uid: string } | { readonly fault: string };

export class AdmissionServer {
  readonly #options: AdmissionServerOptions;
  readonly #server: Server;
  readonly #queue: PacedQueue;
  readonly #room = new BodyRoom(BODY_ROOM);

  readonly #connections = new ConnectionRoom(CONNECTION_LIMITS);

  constructor(options: AdmissionServerOptions) {
    this.#options = options;
    this.#queue = new PacedQueue({ clock: options.clock, maxWaiting: MAX_WAITING });
    this.#server = createServer(LIMITS, (request, response) => void this.#serve(request, response));
    this.#server.on("connection", (socket: Socket) => this.#connections.admit(socket));
    this.#server.timeout = SOCKET_TIMEOUT_MS;
  }

  /**
   * No handshake succeeds before there is a certificate.
   * @returns the real port.
   * @throws ListenError
   */
  start(): Promise<number> {
    const { host, port } = this.#options;
    return listenOn(this.#server, "webhook", host, port);
  }

  /** For handshakes from now on; connections that are open stay as they are. */
  useCertificate(certificate: { readonly certificatePem: string; readonly keyPem: string }): void {
    this.#server.setSecureContext({
      minVersion: LIMITS.minVersion,
      cert: certificate.certificatePem,
      key: certificate.keyPem,
    });
  }

  /** Lets reviews under way end, for a second at most. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    // The server itself does not know of connections that are still shaking hands.
    const grace = this.#options.clock.setTimer(() => this.#connections.closeAll(), CLOSE_GRACE_MS);
    await closed;
    grace.cancel();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = this.#options.clock.now();
    const { socket } = request;
    this.#connections.beginRequest(socket);
    response.once("close", () => this.#connections.endRequest(socket));
    const rejection = judgeHead(request);
    let told: Told;
    try {
      told = rejection === null ? await this.#review(request) : rejected(rejection);
    } catch (error) {
      this.#options.onEvent({ type: "review-failed", error });
      told = rejected({ status: 500, text: "the review failed; the log says why" });
    }
    send(request, response, told);
    const durationMs = this.#options.clock.now() - startedAt;
    const { outcome, object, detail } = told;
    this.#options.onEvent({ type: "reviewed", outcome, object, detail, durationMs });
  }

  async #review(request: IncomingMessage): Promise<Told> {
    const limits = { maxBytes: MAX_REVIEW_BYTES, timeoutMs: BODY_TIMEOUT_MS };
    const body = await readBody(request, this.#room, limits, this.#options.clock);
    if (body.outcome !== "whole") return rejected(BODY_REJECTIONS[body.outcome]);
    try {
      return await this.#judge(body.bytes, deadlineOf(request.url ?? ""));
    } finally {
      body.release();
    }
  }

  async #judge(bytes: Buffer, deadlineMs: number): Promise<Told> {
    if (bytes.length > MAX_JUDGED_BYTES) return waveThrough(bytes, "it is too large");
    const outcome = await this.#queue.submit(() => judgeBytes(bytes, this.#options.context()), deadlineMs);
    if (outcome.outcome === "full" || outcome.outcome === "late") return waveThrough(bytes, "Penstock is busy");
    if (outcome.outcome === "failed") {
      this.#options.onEvent({ type: "review-failed", error: outcome.error });
      return waveThrough(bytes, "a fault of Penstock itself stands in its log");
    }
    const judged = outcome.value;
    if (judged === null) return waveThrough(bytes, "Penstock has not read the cluster yet");
    if ("fault" in judged) return rejected({ status: 400, text: judged.fault });
    const { verdict, uid } = judged;
    const allowed = verdict.errors.length === 0;
    const answer = answerVerdict(uid, verdict);
    return { outcome: allowed ? "allowed" : "denied", object: verdict.object, detail: "", answer };
  }
}

/** What is answered, and what is told of it. */
type Told = {
  readonly outcome: ReviewOutcome;
  readonly object: Verdict["object"];
  readonly detail: string;
  readonly answer: ReviewAnswer | Rejection;
};

const BODY_REJECTIONS: Readonly<Record<"too-large" | "no-room" | "slow" | "broken", Rejection>> = {
  "too-large": { status: 413, text: `a review has at most ${MAX_REVIEW_BYTES} bytes` },
  "no-room": { status: 503, text: "too many reviews at once" },
  slow: { status: 408, text: `the body did not come within ${BODY_TIMEOUT_MS} ms` },
  broken: { status: 400, text: "the body broke off" },
};

function judgeHead({ method, url = "", headers }: IncomingMessage): Rejection | null {
  if (url.split("?", 1)[0] !== "/validate") return { status: 404, text: "there is only /validate" };
  if (method !== "POST") return { status: 405, text: "a review comes by POST" };
  const mediaType = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") return { status: 415, text: "a review is application/json" };
  return null;
}

/** Half of what the API server says that it waits (`?timeout=10s`), so that the answer still counts. */
function deadlineOf(url: string): number {
  const seconds = /[?&]timeout=(\d{1,3})s(?:&|$)/.exec(url.slice(0, 256))?.[1];
  return seconds === undefined ? DEADLINE_MS : Math.min(DEADLINE_MS, Number(seconds) * 500);
}

/** In the world as it is when the review's turn has come; null where that is not known yet. */
function judgeBytes(bytes: Buffer, context: JudgeContext | null): Judged | null {
  if (context === null) return null;
  const { review, fault } = readReview(bytes);
  return review === null ? { fault } : { verdict: judgeReview(review, context), uid: review.uid };
}

/** Fails open: the webhook is a help to people, not a guard, and what is wrong still becomes a diagnostic. */
function waveThrough(bytes: Buffer, why: string): Told {
  const uid = peekUid(bytes);
  if (uid === null) return rejected({ status: 503, text: `not checked: ${why}` });
  return { outcome: "unchecked", object: null, detail: why, answer: answerUnchecked(uid, why) };
}

function rejected(rejection: Rejection): Told {
  return { outcome: "rejected", object: null, detail: `${rejection.status}, ${rejection.text}`, answer: rejection };
}

function send(request: IncomingMessage, response: ServerResponse, { answer }: Told): void {
  if (response.destroyed) return;
  const isReview = "uid" in answer;
  const bytes = isReview ? encodeAnswer(answer) : Buffer.from(`${answer.text}\n`);
  const status = isReview ? 200 : answer.status;
  // Nobody wants to read the rest of what was refused.
  if (!request.complete) response.setHeader("Connection", "close");
  const contentType = isReview ? "application/json" : "text/plain; charset=utf-8";
  response.writeHead(status, { "Content-Type": contentType, "Content-Length": bytes.byteLength });
  response.end(bytes, () => {
    if (!request.complete) request.destroy();
  });
}
