/** What text and page alike say of a comparison: how much it covered, and which other rounding would agree. */
import type { CoverageEntry, PartingEntry } from "../results/compare-report.ts";
import { type Column, NOTHING } from "./text/table.ts";
import { grouped } from "./text/wording.ts";

export const COVERAGE_COLUMNS: readonly Column<CoverageEntry>[] = [
  { title: "layer", align: "left", cell: ({ layer }) => layer ?? "input" },
  { title: "words", align: "right", cell: (layer) => grouped(layer.words) },
  { title: "looked behind", align: "right", cell: (layer) => (layer.ties === null ? NOTHING : grouped(layer.traced)) },
  { title: "ties", align: "left", cell: ({ ties }) => (ties === null ? NOTHING : tiesText(ties)) },
];

/** Whether registers were looked into, on the way to any word. */
export function looksBehind(coverage: readonly CoverageEntry[]): boolean {
  return coverage.some((layer) => layer.traced > 0);
}

export function coverageTitle(coverage: readonly CoverageEntry[]): string {
  const words = coverage.reduce((sum, layer) => sum + layer.words, 0);
  const ties = looksBehind(coverage) ? "; ties: exactly half of a register's last bit was dropped, in image 0" : "";
  return `covered: ${grouped(words)} words${ties}`;
}

function tiesText(ties: Readonly<Record<string, number>>): string {
  const counts = Object.entries(ties).map(([register, count]) => `${register} ${grouped(count)}`);
  return counts.length === 0 ? "no register drops bits" : counts.join(", ");
}

/** Which other rounding of one register would make the layer agree; null where none was tried. */
export function roundingText({ layer, rounding }: PartingEntry): string | null {
  if (rounding === null) return null;
  const { side, different, tried, triedEqual, fits } = rounding;
  const where = `${layer ?? "the input"} in this image`;
  const all =
    tried === different
      ? different === 1
        ? `the only difference of ${where} fits`
        : `all ${grouped(different)} differences of ${where} fit`
      : `the first ${grouped(tried)} of ${grouped(different)} differences of ${where} fit`;
  if (fits.length === 0) return `no other rounding of one register of ${side} gives the differing words of ${where}`;
  const choices = fits.map(
    ({ register, rounding: own, modes }) =>
      `${modes.join(" or ")} instead of ${own} in the ${register} register of ${side}`,
  );
  return `${all} ${choices.join("; or ")} (${grouped(triedEqual)} of its equal words stay equal)`;
}
