// Feeds a data plane with the upstreams of `penstock proxy`: one snapshot, which never changes.
import type { Options } from "../../config/options.ts";
import { createProxySnapshot } from "./proxy-snapshot.ts";
import type { Feed, FeedContext } from "./serve-until-stopped.ts";

export class TargetFeed implements Feed {
  readonly loopback = "serve-loopback";
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  async prepare(): Promise<void> {}

  async start({ dataPlane }: FeedContext): Promise<string> {
    const { to } = this.#options;
    await dataPlane.publish(createProxySnapshot(to));
    const names = to.map(({ protocol, host, isAddress, port, weight }) => {
      const shown = isAddress && host.includes(":") ? `[${host}]` : host;
      return `${protocol}://${shown}:${port}${to.length > 1 ? ` (weight ${weight})` : ""}`;
    });
    return `forwarding to ${names.join(", ")}`;
  }

  async beginDrain(): Promise<void> {}

  async stop(): Promise<void> {}
}
