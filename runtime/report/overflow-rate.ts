/** How often a register overflowed, beside how often it was written. */
import type { HistogramEntry, RegisterEntry, RunReport } from "../results/run-report.ts";
import { grouped, percent } from "./text/wording.ts";

/** Values that a histogram counts. */
export function histogramTotal({ octaves, zero }: HistogramEntry): number {
  return zero + octaves.reduce((sum, { negative, positive }) => sum + negative + positive, 0);
}

/**
 * Share of the values of all images that overflowed; null where no image was observed. Every image writes a register equally often,
 * and constants are written once.
 */
export function overflowShare(
  { overflow, histogram }: Pick<RegisterEntry, "overflow" | "histogram">,
  register: string,
  { images, observedImages }: Pick<RunReport, "images" | "observedImages">,
): number | null {
  if (histogram === null) return null;
  const counted = histogramTotal(histogram);
  const isConstant = register === "weight" || register === "bias";
  const written = isConstant ? counted : observedImages === 0 ? 0 : (counted / observedImages) * images;
  return written === 0 ? null : overflow / written;
}

/** `448,838 (0.34 %)`, without the share where it is not known. */
export function overflowCountText(
  entry: Pick<RegisterEntry, "overflow" | "histogram">,
  register: string,
  report: Pick<RunReport, "images" | "observedImages">,
): string {
  const share = overflowShare(entry, register, report);
  return share === null ? grouped(entry.overflow) : `${grouped(entry.overflow)} (${shareText(share)})`;
}

/** Small shares keep their first digit. */
export function shareText(share: number): string {
  if (share === 0) return "0 %";
  if (share >= 1e-4) return percent(share, share >= 0.1 ? 1 : 2);
  return `${Number((100 * share).toPrecision(1))} %`;
}
