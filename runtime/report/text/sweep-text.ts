import type { SweepRecord, SweepReport } from "../../results/sweep-report.ts";
import { experimentText } from "./experiment-text.ts";
import { type Column, NOTHING, tableText } from "./table.ts";
import { grouped, percent, significant, wrapped } from "./wording.ts";

/** The sweep for people: what was run, a row per point, and what could not be. */
export function sweepReportText(report: SweepReport): string {
  const { experiment, records } = report;
  const tables = experiment === undefined ? pointTable(records.filter(isFinal)) : experimentText(experiment);
  return [heading(report), tables, triedText(report), refusedText(report)].filter((part) => part !== "").join("\n\n");
}

function heading({ model, weights, data, floatBackend, records }: SweepReport): string {
  const final = records.filter(isFinal);
  const [first] = final;
  const accuracy = first?.result.accuracy?.float ?? null;
  return [
    `${model}${weights === null ? "" : `, weights ${weights},`} on ${data}, ${grouped(first?.point.images ?? 0)} images, ${grouped(final.length)} points`,
    `float      ${accuracy === null ? "" : `${percent(accuracy)} · `}${floatBackend}`,
  ].join("\n");
}

/** Points that only chose a fraction length stay out of the table. */
function isFinal({ point }: SweepRecord): boolean {
  return point.first === undefined;
}

/** The layers stand there where not every point has all of them. */
function pointTable(records: readonly SweepRecord[]): string {
  const inParts = records.some(({ point }) => point.subunit !== null);
  const layers = left("layers", ({ point }) => point.subunit ?? (inParts ? "all" : NOTHING), 24);
  return tableText([left("datapath", ({ point }) => point.datapath), layers, ...COLUMNS], records);
}

type PointColumn = Column<SweepRecord>;

const left = (title: string, cell: PointColumn["cell"], maxWidth?: number): PointColumn => ({
  title,
  align: "left",
  cell,
  ...(maxWidth !== undefined && { maxWidth }),
});
const right = (title: string, cell: PointColumn["cell"]): PointColumn => ({ title, align: "right", cell });

const COLUMNS: readonly PointColumn[] = [
  right("W,F", ({ point }) => `${point.wordLength},${point.fractionLength}`),
  left("rounding", ({ point }) => point.rounding),
  left("overflow", ({ point }) => point.overflow ?? NOTHING),
  right("fixed", ({ result }) => (result.accuracy === null ? NOTHING : percent(result.accuracy.fixed))),
  right("relative", ({ result }) => result.accuracy?.relative?.toFixed(4) ?? NOTHING),
  left("95 %", ({ result }) => result.accuracy?.relative95?.map((end) => end.toFixed(3)).join(" … ") ?? NOTHING),
  right("p", ({ result }) => probability(result.accuracy?.mcnemar?.pValue)),
  right("same class", ({ result }) => (result.agreement === null ? NOTHING : percent(result.agreement.share))),
  right("SQNR dB", ({ result }) => result.error.sqnrDb?.toFixed(1) ?? NOTHING),
  right("overflows", ({ result }) => grouped(result.overflow.total)),
  right("clipped", ({ result }) => (result.overflow.compile === 0 ? NOTHING : grouped(result.overflow.compile))),
  right("µJ/image", ({ result }) => (result.cost === null ? NOTHING : significant(result.cost.energyPjPerImage / 1e6))),
  right("stored kbit", ({ result }) => (result.cost === null ? NOTHING : grouped(result.cost.storedBits / 1000))),
  right("DSP", ({ result }) => (result.cost === null ? NOTHING : grouped(result.cost.dspBlocks))),
];

function probability(p: number | undefined): string {
  if (p === undefined) return NOTHING;
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

function triedText({ records }: SweepReport): string {
  const tried = records.filter((record) => !isFinal(record));
  const [first] = tried;
  if (first === undefined) return "";
  const { images, first: start = 0 } = first.point;
  return wrapped(
    `${grouped(tried.length)} more points were tried on images ${grouped(start)} to ${grouped(start + images - 1)} alone, to choose the best fraction lengths.`,
  );
}

function refusedText({ refused = [] }: SweepReport): string {
  return refused
    .map(({ point, why }) =>
      wrapped(`not possible: ${point.datapath} ${point.wordLength},${point.fractionLength}, ${why}`),
    )
    .join("\n");
}
