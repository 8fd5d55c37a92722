import type { ResourceEntry } from "../results/run-report.ts";

/** What was used since `started`, a reading of `performance.now()`. */
export function resourcesSince(started: number): ResourceEntry {
  return { seconds: (performance.now() - started) / 1000, peakMemoryBytes: process.resourceUsage().maxRSS * 1024 };
}
