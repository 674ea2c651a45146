// Puts finished requests into the access log.
import type { DownstreamConnection } from "../engine/proxy/downstream.ts";
import { statusOfError } from "../engine/proxy/proxy-error.ts";
import type { ProxyError } from "../engine/proxy/proxy-error.ts";
import type { Session } from "../engine/proxy/session.ts";
import type { AccessLogRecord, AccessLogWriter } from "../telemetry/access-log.ts";
import type { IngressCtx } from "./ingress-ctx.ts";
import { durationOf, finalStatusOf } from "./request-figures.ts";
import type { RequestObserver } from "./request-observer.ts";

export class AccessLogObserver implements RequestObserver {
  readonly #writer: AccessLogWriter;
  /** Filled in anew for each request; the writer keeps nothing of it. */
  readonly #record: AccessLogRecord;

  constructor(writer: AccessLogWriter) {
    this.#writer = writer;
    this.#record = emptyRecord();
  }

  /** Bytes that were no request have a line as well; what could not be read is empty in it. */
  requestRefused(connection: DownstreamConnection, error: ProxyError): void {
    this.#writer.write({
      ...emptyRecord(),
      client: connection.remoteAddress,
      scheme: connection.tls === null ? "http" : "https",
      status: statusOfError(error.type),
      error: error.type,
      tlsVersion: connection.tls === null ? null : connection.tls.protocol,
      listener: connection.listener,
    });
  }

  onRequestDone(session: Session, ctx: IngressCtx, error: ProxyError | null): void {
    const { request, connection } = session;
    const target = ctx.receivedTarget === "" ? request.target : ctx.receivedTarget;
    const question = target.indexOf("?");
    const record = this.#record;
    record.requestId = session.requestId;
    record.client = session.clientAddress;
    record.method = request.method;
    record.host = request.host;
    record.path = question === -1 ? target : target.slice(0, question);
    record.query = question === -1 ? "" : target.slice(question + 1);
    record.protocol = request.version === 11 ? "HTTP/1.1" : request.version === 20 ? "HTTP/2" : "HTTP/1.0";
    record.scheme = connection.tls === null ? "http" : "https";
    record.status = finalStatusOf(session, error);
    record.requestBytes = session.requestBodyBytes;
    record.responseBytes = session.responseBodyBytes;
    record.durationMs = durationOf(session);
    record.route = ctx.routeId;
    record.upstream = ctx.upstreamId;
    record.endpoint = session.peer === null ? "" : session.peer.label;
    record.attempts = session.attempts;
    record.isUpstreamReused = session.isUpstreamReused;
    record.upstreamHeaderMs = session.upstreamHeaderMs;
    record.userAgent = request.headers.get("user-agent");
    record.referer = request.headers.get("referer");
    record.error = error === null ? null : error.type;
    record.tlsVersion = connection.tls === null ? null : connection.tls.protocol;
    record.listener = connection.listener;
    this.#writer.write(record);
  }
}

function emptyRecord(): AccessLogRecord {
  return {
    requestId: "",
    client: "",
    method: "",
    host: "",
    path: "",
    query: "",
    protocol: "",
    scheme: "http",
    status: 0,
    requestBytes: 0,
    responseBytes: 0,
    durationMs: 0,
    route: "",
    upstream: "",
    endpoint: "",
    attempts: 0,
    isUpstreamReused: false,
    upstreamHeaderMs: -1,
    userAgent: null,
    referer: null,
    error: null,
    tlsVersion: null,
    listener: "",
  };
}
