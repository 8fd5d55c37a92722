/** The result of `macroscope bits` for people: what was found, why it can be believed, and how to use it. */

import type {
  BitsReport,
  Measured,
  MeasuredAssignment,
  RegisterRequirement,
  TargetKind,
} from "../../results/bits-report.ts";
import type { CandidateCost } from "../../results/evaluation.ts";
import { type Column, NOTHING, tableText } from "./table.ts";
import { grouped, percent, percentRange, significant, wrapped } from "./wording.ts";

/** What was written, and the command line that runs it. */
export interface BitsUse {
  readonly file: string;
  /** File of the alternative; null where there is none. */
  readonly alternative: string | null;
  readonly command: string;
}

/** `use` is null where nothing was written. */
export function bitsReportText(report: BitsReport, use: BitsUse | null): string {
  const parts = [
    heading(report),
    verdict(report),
    alternativeText(report),
    comparison(report),
    registerTable(report),
    front(report),
    trials(report),
  ];
  return [...parts, report.chosen === null ? "" : usage(report, use)].filter((part) => part !== "").join("\n\n");
}

function heading({ model, weights, target, search, final, floatBackend }: BitsReport): string {
  const span = ({ data, span: { first, images } }: BitsReport["search"]): string =>
    `${data}, ${grouped(images)} images${first === 0 ? "" : ` from image ${grouped(first)} on`}`;
  const margin = target.margin === 0 ? "" : `, with a margin of ${figureText(target.kind, target.margin)}`;
  const sign = BETTER[target.kind] === "higher" ? "at least" : "at most";
  return [
    `${model}${weights === null ? "" : `, weights ${weights}`}`,
    `target     ${TARGET_NAMES[target.kind]} ${sign} ${figureText(target.kind, target.value)}${margin}`,
    `search     ${span(search)}`,
    `final      ${span(final)}, seen by no decision`,
    `float      ${floatBackend}`,
  ].join("\n");
}

/** Names of targets in sentences. */
export const TARGET_NAMES: Readonly<Record<TargetKind, string>> = {
  relative: "relative accuracy",
  agreement: "agreement with float",
  "top1-drop": "top-1 drop",
  sqnr: "SQNR",
  "mean-error": "mean error",
  "largest-error": "largest error",
};

export const BETTER: Readonly<Record<TargetKind, "higher" | "lower">> = {
  relative: "higher",
  agreement: "higher",
  "top1-drop": "lower",
  sqnr: "higher",
  "mean-error": "lower",
  "largest-error": "lower",
};

export function figureText(kind: TargetKind, figure: number): string {
  if (!Number.isFinite(figure)) return kind === "sqnr" ? "no error" : NOTHING;
  if (kind === "relative" || kind === "agreement") return figure.toFixed(4);
  if (kind === "top1-drop") return `${figure.toFixed(2)} points`;
  return kind === "sqnr" ? `${figure.toFixed(1)} dB` : significant(figure);
}

function withInterval(kind: TargetKind, { figure, figure95 }: Measured): string {
  const interval =
    figure95 === null ? "" : ` (95 %: ${figureText(kind, figure95[0])} … ${figureText(kind, figure95[1])})`;
  return `${figureText(kind, figure)}${interval}`;
}

function verdict({ target, chosen, kept }: BitsReport): string {
  if (chosen === null) return wrapped("Not reached: no candidate keeps the target on the images of the search.");
  const { final } = chosen;
  if (final === null) return "";
  const lines = [
    `${kept ? "Kept" : "NOT kept"} on the final images: ${TARGET_NAMES[target.kind]} ${withInterval(target.kind, final)}`,
  ];
  const { accuracy, agreement } = final;
  if (accuracy !== null && accuracy.float !== null) {
    lines.push(
      `accuracy   float ${percent(accuracy.float)} · fixed ${percent(accuracy.fixed)} (95 %: ${percentRange(accuracy.fixed95)})`,
    );
    const { mcnemar } = accuracy;
    if (mcnemar !== null) {
      const differs = mcnemar.pValue < 0.05;
      lines.push(
        `McNemar    only float right ${grouped(mcnemar.onlyFloat)}, only fixed ${grouped(mcnemar.onlyFixed)}, p = ${significant(mcnemar.pValue)}: ` +
          (differs ? "a difference from float is shown" : "no difference from float is shown"),
      );
    }
  } else if (agreement !== null) {
    lines.push(`agreement  ${percent(agreement.share)} (95 %: ${percentRange(agreement.share95)})`);
  }
  if (final.overflow > 0) lines.push(`overflows  ${grouped(final.overflow)} on the final images`);
  return lines.join("\n");
}

interface CostRow {
  readonly name: string;
  readonly of: (cost: CandidateCost) => number;
}

const COST_ROWS: readonly CostRow[] = [
  { name: "stored bits", of: ({ storedBits }) => storedBits },
  { name: "  weights and biases", of: ({ constantBits }) => constantBits },
  { name: "  words between layers", of: ({ activationBits }) => activationBits },
  { name: "energy nJ per image", of: ({ energyPjPerImage }) => energyPjPerImage / 1000 },
  { name: "cycles per image", of: ({ cyclesPerImage }) => cyclesPerImage },
  { name: "DSP blocks", of: ({ dspBlocks }) => dspBlocks },
];

interface ComparisonRow {
  readonly name: string;
  readonly chosen: string;
  readonly uniform: string;
  readonly ratio: string;
}

function comparison({ target, chosen, uniform }: BitsReport): string {
  if (chosen === null) return "";
  const rows: ComparisonRow[] = COST_ROWS.map(({ name, of }) => {
    const [ours, other] = [chosen.cost, uniform?.cost ?? null].map((cost) => (cost === null ? null : of(cost)));
    const shown = (value: number | null | undefined): string => (value == null ? NOTHING : grouped(value));
    const ratio = ours == null || other == null || other === 0 ? NOTHING : (ours / other).toFixed(3);
    return { name, chosen: shown(ours), uniform: shown(other), ratio };
  });
  const figure = (assignment: MeasuredAssignment | null, on: "search" | "final"): string => {
    const measured = assignment?.[on] ?? null;
    return measured === null ? NOTHING : withInterval(target.kind, measured);
  };
  for (const on of ["search", "final"] as const) {
    const name = `${TARGET_NAMES[target.kind]}, ${on === "search" ? "search" : "final images"}`;
    rows.push({ name, chosen: figure(chosen, on), uniform: figure(uniform, on), ratio: NOTHING });
  }
  const columns: readonly Column<ComparisonRow>[] = [
    { title: "", align: "left", cell: ({ name }) => name },
    { title: chosen.name, align: "right", cell: (row) => row.chosen },
    { title: uniform === null ? "no uniform format" : uniform.name, align: "right", cell: (row) => row.uniform },
    { title: "ratio", align: "right", cell: ({ ratio }) => ratio },
  ];
  const same = uniform !== null && chosen.name === uniform.name;
  return `${same ? "Chosen: the best uniform format" : "Chosen beside the best uniform format"}\n${tableText(columns, rows)}`;
}

interface RegisterRow {
  readonly layer: string;
  readonly name: string;
  readonly needs: RegisterRequirement;
}

function registerTable({ layers, request }: BitsReport): string {
  const rows: RegisterRow[] = layers.flatMap(({ name: layer, registers }) =>
    Object.entries(registers).map(([name, needs], index) => ({ layer: index === 0 ? layer : "", name, needs })),
  );
  if (rows.length === 0) return "";
  const number = (value: number | null): string => (value === null ? NOTHING : String(value));
  const columns: readonly Column<RegisterRow>[] = [
    { title: "layer", align: "left", cell: ({ layer }) => layer },
    { title: "register", align: "left", cell: ({ name }) => name },
    { title: "format", align: "right", cell: ({ needs }) => needs.format.split(" ")[0] ?? NOTHING },
    { title: "alone", align: "right", cell: ({ needs }) => number(needs.targetWordLength) },
    { title: "same bits", align: "right", cell: ({ needs }) => number(needs.identicalWordLength) },
    { title: "integer: seen", align: "right", cell: ({ needs }) => number(needs.observedIntegerBits) },
    { title: "proven", align: "right", cell: ({ needs }) => number(needs.provenIntegerBits) },
    { title: "", align: "left", cell: ({ needs }) => (needs.bottleneck ? "<- bottleneck" : "") },
  ];
  const legend = wrapped(
    `alone: bits that keep the target with all others at the start of ${String(request.startWordLength)} bits · same bits: that change no output bit of the search's images · ` +
      `integer: W − F that the images seen need (the start has ${String(request.marginBits)} more), and beyond which no input can bring it · all bits count the sign`,
  );
  return `Registers\n${tableText(columns, rows)}\n${legend}`;
}

/** The front of a search that was asked for one. */
function front({ strategy, front: indices, trials, target }: BitsReport): string {
  if (strategy !== "pareto") return "";
  const rows = indices.flatMap((index) => trials[index] ?? []);
  const columns: readonly Column<(typeof rows)[number]>[] = [
    { title: TARGET_NAMES[target.kind], align: "right", cell: ({ figure }) => figureText(target.kind, figure) },
    { title: "stored bits", align: "right", cell: ({ cost }) => (cost === null ? NOTHING : grouped(cost.storedBits)) },
    {
      title: "energy nJ",
      align: "right",
      cell: ({ cost }) => (cost === null ? NOTHING : grouped(cost.energyPjPerImage / 1000)),
    },
    { title: "trial", align: "left", cell: ({ change }) => change },
  ];
  return `Front: nothing tried is both cheaper and better\n${tableText(columns, rows)}`;
}

function trials({ trials: all, search, request, resources }: BitsReport): string {
  const early = all.filter((trial) => trial.early).length;
  const images = all.reduce((sum, trial) => sum + trial.images, 0);
  const share = percent(images / Math.max(1, all.length * search.span.images), 0);
  return wrapped(
    `Tried ${grouped(all.length)} candidates in ${grouped(resources.seconds)} s; ${grouped(early)} were decided before all images were seen ` +
      `(each wrong with a probability of ${percent(Number(request.errorProbability), 1)} at most, images in random order), which took ${share} of the images. ` +
      "What is chosen was seen on all of them.",
  );
}

function usage({ kept, search, final }: BitsReport, use: BitsUse | null): string {
  if (use === null) {
    return "Write it with -o assignment.yaml, and run it with npx macroscope run --assign assignment.yaml";
  }
  const { file, alternative, command } = use;
  const { first } = final.span;
  return [
    kept ? "" : `${file} MISSED the target${alternative === null ? "" : `; ${alternative} keeps it`}.`,
    `Use: ${command}`,
    first === 0 || search.data !== final.data ? "" : `  Its first ${grouped(first)} images are those of the search.`,
  ]
    .filter((line) => line !== "")
    .join("\n");
}

/** What to use instead of what missed. */
function alternativeText({ chosen, kept, alternative, target, final }: BitsReport): string {
  if (chosen === null || kept) return "";
  if (!alternative?.final) return wrapped("No dearer candidate keeps the target on images that no decision saw.");
  const { name, rest, cost, final: found } = alternative;
  const times = (own: number, other: number): string => (other === 0 ? "" : ` (${(own / other).toFixed(2)} ×)`);
  const costs =
    cost === null || chosen.cost === null
      ? ""
      : `; ${grouped(cost.storedBits)} stored bits${times(cost.storedBits, chosen.cost.storedBits)}, ` +
        `${grouped(cost.energyPjPerImage / 1000)} nJ per image${times(cost.energyPjPerImage, chosen.cost.energyPjPerImage)}`;
  return wrapped(
    `Instead: "${name}" is the cheapest tried that keeps it, ${TARGET_NAMES[target.kind]} ${withInterval(target.kind, found)} on ` +
      `images ${grouped(rest.first)} to ${grouped(rest.first + rest.images - 1)} of ${final.data}, which no decision saw: those before ` +
      `them chose it${costs}.`,
  );
}
