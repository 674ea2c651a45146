// Feeds a data plane from manifests in files: reads and watches them, translates, publishes.
import type { Options } from "../../config/options.ts";
import { FileSource } from "../../source/files/file-source.ts";
import { ObjectStore } from "../../source/object-store.ts";
import { countSeverities, formatCounts } from "../manifests/diagnostic-report.ts";
import { fileTranslateOptions } from "../manifests/file-world.ts";
import type { Feed, FeedContext } from "./serve-until-stopped.ts";
import { StorePublisher } from "./store-publisher.ts";

export class FileFeed implements Feed {
  readonly loopback = "serve-loopback";
  readonly #options: Options;
  readonly #store = new ObjectStore();
  #source: FileSource | null = null;
  #publisher: StorePublisher | null = null;

  constructor(options: Options) {
    this.#options = options;
  }

  async prepare({ diagnostics }: FeedContext): Promise<void> {
    this.#source = new FileSource({
      paths: this.#options.from,
      store: this.#store,
      watch: this.#options.watch,
      onDiagnostics: (found) => diagnostics.replace("files", found),
    });
    await this.#source.start();
  }

  async start(context: FeedContext): Promise<string> {
    const translateOptions = fileTranslateOptions(this.#options);
    this.#publisher = new StorePublisher({ store: this.#store, translateOptions, context });
    await this.#publisher.start();
    const counts = formatCounts({ ...countSeverities(context.diagnostics.current()), info: 0 });
    return `serving ${this.#publisher.summarize()} from ${this.#options.from.join(", ")}: ${counts}`;
  }

  async beginDrain(): Promise<void> {}

  async stop(): Promise<void> {
    this.#publisher?.stop();
    await this.#source?.close();
  }
}
