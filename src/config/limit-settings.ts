// The bounds on downstream connections: keys under `limits` and environment variables, without flags.
import { singleSetting } from "./setting.ts";
import type { Setting } from "./setting.ts";
import { parseDuration } from "./values/duration.ts";
import { parseCount, parseSize } from "./values/number.ts";
import type { Bounds } from "./values/number.ts";

/** Times in milliseconds, sizes in bytes. */
export interface LimitValues {
  readonly "limits.max-connections": number;
  readonly "limits.header-timeout": number;
  readonly "limits.keep-alive-timeout": number;
  readonly "limits.max-keep-alive-requests": number;
  readonly "limits.max-header-count": number;
  readonly "limits.max-header-bytes": number;
  readonly "limits.max-request-line-bytes": number;
  readonly "limits.min-body-rate": number;
  readonly "limits.max-concurrent-streams": number;
}

const KIB = 1_024;
const MIB = 1_048_576;

function count(description: string, fallback: number, bounds: Bounds): Setting<number> {
  const defaults = [String(fallback)];
  return singleSetting({ description, valueName: "N", example: String(fallback), defaults, hasFlag: false }, (text) =>
    parseCount(text, bounds),
  );
}

function size(description: string, fallback: string, bounds: Bounds): Setting<number> {
  const defaults = [fallback];
  return singleSetting({ description, valueName: "SIZE", example: fallback, defaults, hasFlag: false }, (text) =>
    parseSize(text, bounds),
  );
}

function duration(description: string, fallback: string, minMs: number): Setting<number> {
  const defaults = [fallback];
  return singleSetting({ description, valueName: "TIME", example: fallback, defaults, hasFlag: false }, (text) =>
    parseDuration(text, minMs),
  );
}

export const LIMIT_SETTINGS: { readonly [Key in keyof LimitValues]: Setting<LimitValues[Key]> } = {
  "limits.max-connections": count("Downstream connections that one worker holds at once.", 20_000, {
    min: 1,
    max: 1_000_000,
  }),
  "limits.header-timeout": duration(
    "From a request's first byte to the end of its headers, absolute (408).",
    "10s",
    100,
  ),
  "limits.keep-alive-timeout": duration("How long an idle connection is kept open.", "75s", 1_000),
  "limits.max-keep-alive-requests": count("Requests that one connection may carry.", 10_000, {
    min: 1,
    max: 1_000_000_000,
  }),
  "limits.max-header-count": count("Header lines of one request (431).", 100, { min: 10, max: 10_000 }),
  "limits.max-header-bytes": size("All header lines of one request (431).", "32KiB", { min: KIB, max: MIB }),
  "limits.max-request-line-bytes": size("The request line (414).", "8KiB", { min: 256, max: MIB }),
  "limits.min-body-rate": size(
    "Slowest request body, in bytes a second after a grace of 10 s (408); 0 for no bound.",
    "100",
    { min: 0, max: 1_024 * MIB },
  ),
  "limits.max-concurrent-streams": count("Streams that one HTTP/2 connection may have open.", 128, {
    min: 1,
    max: 10_000,
  }),
};
