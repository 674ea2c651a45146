// One line of a watch: what it says, or why it says nothing that can be relied on. Pure.
import type { ApiObject } from "./api-object.ts";
import { isMapping } from "../../validation/decode.ts";
import { adoptObject } from "./api-object.ts";
import type { Refusal } from "../client/refusal.ts";
import { refusalOf } from "../client/refusal.ts";

export type WatchEvent =
  | { readonly type: "upsert" | "delete"; readonly object: ApiObject }
  /** Nothing happened up to this version. */
  | { readonly type: "bookmark"; readonly resourceVersion: string }
  /** The server ends the watch. */
  | { readonly type: "error"; readonly refusal: Refusal };

/** A line that is no event: whatever it was meant to say is lost, so the list must be read again. */
export class BrokenEvent extends Error {
  override readonly name = "BrokenEvent";
}

/** @throws BrokenEvent */
export function parseWatchEvent(line: string): WatchEvent {
  const value = parseJson(line);
  if (!isMapping(value)) throw new BrokenEvent("a line of the watch is no event");
  const { type, object } = value;
  switch (type) {
    case "ADDED":
    case "MODIFIED":
      return { type: "upsert", object: adopt(object) };
    case "DELETED":
      return { type: "delete", object: adopt(object) };
    case "BOOKMARK":
      return { type: "bookmark", resourceVersion: bookmarkVersion(object) };
    case "ERROR":
      return { type: "error", refusal: refusalOf(statusCodeOf(object), object, null) };
    default:
      throw new BrokenEvent("an event of the watch has no type that is known");
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // What the parser says quotes the line, which may be a Secret's.
    throw new BrokenEvent(`a line of the watch is not JSON (${line.length} characters)`);
  }
}

function adopt(value: unknown): ApiObject {
  const object = adoptObject(value);
  if (object === null) throw new BrokenEvent("an event of the watch lacks the object's name or resourceVersion");
  return object;
}

function bookmarkVersion(object: unknown): string {
  const metadata = isMapping(object) ? object["metadata"] : undefined;
  const version = isMapping(metadata) ? metadata["resourceVersion"] : undefined;
  if (typeof version !== "string" || version === "") throw new BrokenEvent("a bookmark lacks its resourceVersion");
  return version;
}

/** 500 for an error that does not say its own. */
function statusCodeOf(status: unknown): number {
  const code = isMapping(status) ? status["code"] : undefined;
  return typeof code === "number" ? code : 500;
}
