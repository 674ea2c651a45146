// The admission webhook of a running controller, with its log lines and metrics.
import { createAdmissionLog } from "../../admission/admission-events.ts";
import { AdmissionWebhook } from "../../admission/admission-webhook.ts";
import type { WebhookOptions } from "../../config/cluster-settings.ts";
import { systemClock } from "../../lib/clock.ts";
import type { ApiClient } from "../../source/kubernetes/client/api-client.ts";
import type { ObjectStore } from "../../source/object-store.ts";
import type { ClusterMetrics } from "../../telemetry/cluster-metrics.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { TranslateOptions } from "../../translate/result.ts";

export interface ClusterWebhookOptions {
  readonly webhook: WebhookOptions;
  readonly client: ApiClient;
  readonly store: ObjectStore;
  readonly translateOptions: TranslateOptions;
  readonly servesNamespace: (namespace: string) => boolean;
  readonly metrics: ClusterMetrics;
  readonly logger: Logger;
}

export function createWebhook({ webhook, metrics, logger, ...shared }: ClusterWebhookOptions): AdmissionWebhook {
  const log = createAdmissionLog(logger);
  return new AdmissionWebhook({
    ...shared,
    ...webhook,
    clock: systemClock,
    random: Math.random,
    wallTimeMs: Date.now,
    onEvent: (event) => {
      if (event.type === "reviewed") metrics.reviewed(event.outcome);
      log(event);
    },
  });
}
