// When the proxy may get traffic, and why it may not, in words for the person who reads `kubectl describe pod`.

export interface Readiness {
  readonly isReady: boolean;
  readonly reason: string;
}

export interface ReadinessFacts {
  readonly isDraining: boolean;
  /** The source has delivered its first full list. */
  readonly isSynced: boolean;
  /** Every worker has served the first full snapshot, and some worker still does. */
  readonly isServing: boolean;
  /** Workers that serve a snapshot now. */
  readonly servingWorkers: number;
  readonly expectedWorkers: number;
}

export function judgeReadiness(facts: ReadinessFacts): Readiness {
  if (facts.isDraining) return { isReady: false, reason: "draining: finishing the requests in flight" };
  if (facts.isServing) return { isReady: true, reason: "ok" };
  if (!facts.isSynced) return { isReady: false, reason: "starting: the objects are not completely read yet" };
  const { servingWorkers, expectedWorkers } = facts;
  return { isReady: false, reason: `${servingWorkers} of ${expectedWorkers} workers serve the configuration` };
}
