import type {
  BitsReport,
  LayerRequirement,
  Measured,
  MeasuredAssignment,
  RegisterRequirement,
  TargetKind,
  Trial,
} from "../../results/bits-report.ts";
import { yamlText } from "../../yaml.ts";
import { neededBits } from "../charts/needed-bits.ts";
import { paretoFront } from "../charts/pareto-front.ts";
import { NOTHING } from "../text/table.ts";
import { grouped, percent, percentRange, significant } from "../text/wording.ts";
import { figure } from "./figure.ts";
import { type KeyFigure, keyFigures } from "./key-figures.ts";
import { html, type Markup } from "./markup.ts";
import { configuredStep, reproduction } from "./reproduction.ts";
import type { Section } from "./section.ts";
import { type HtmlColumn, htmlTable } from "./table.ts";

/** What a target asks for, with its figure in it. */
const TARGETS: Readonly<Record<TargetKind, (figure: string) => string>> = {
  relative: (figure) => `a relative accuracy of at least ${figure}`,
  agreement: (figure) => `the class of float on a share of at least ${figure}`,
  "top1-drop": (figure) => `at most ${figure} points of accuracy lost`,
  sqnr: (figure) => `a signal-to-quantization-noise ratio of at least ${figure} dB`,
  "mean-error": (figure) => `a mean error of at most ${figure}`,
  "largest-error": (figure) => `a largest error of at most ${figure}`,
};

/** One search: what every register was given, what stands behind it and what it costs. */
export function bitsSection(report: BitsReport, prefix: string, file: string | null): Section {
  const { model, weights, chosen, uniform, trials, layers } = report;
  const charts = [neededBits(report), paretoFront(report)].filter((chart) => chart !== null);
  const mood = chosen === null || !report.kept ? "bad" : "good";
  const assignment = chosen === null ? null : yamlText(chosen.assignment);
  const body = html`<p class="summary">${summary(report)}</p>
<p class="verdict ${mood}">${verdict(report)}</p>
${chosen === null ? null : keyFigures(figures(chosen, uniform))}
${report.kept ? null : alternative(report)}
${charts.map((chart) => figure(chart, prefix))}
${comparisonTable(chosen, uniform)}
${layers.length === 0 ? null : html`<h3>What stands behind every register</h3>\n${requirementTable(layers)}`}
${
  assignment === null
    ? null
    : html`<h3>The assignment${report.kept ? "" : ", which misses the target"}</h3><p>Save it as <code>assignment.yaml</code> and give it to <code>--assign</code>.</p><pre><code>${assignment}</code></pre>`
}
<h3>Candidates</h3>
${trialTable(trials)}
${reproduction({
  ...report,
  steps: [configuredStep("bits", file, searchFlags(report.request))],
  configurations: new Map([["configuration.yaml", report.configuration]]),
  digest: chosen?.final?.digest ?? null,
})}`;
  return {
    heading: `${model}: formats ${report.kept ? "for" : "sought for"} ${TARGETS[report.target.kind](significant(report.target.value))}`,
    subtitle: [
      `bits, ${report.strategy} search for ${OBJECTIVES[report.objective]}`,
      ...(weights === null ? [] : [`weights ${weights}`]),
      `${grouped(trials.length)} candidates`,
    ].join(" · "),
    body,
    charts,
  };
}

/** What was asked for, by the names of the command's flags. */
function searchFlags(request: BitsReport["request"]): Readonly<Record<string, unknown>> {
  const fields = (value: unknown): Readonly<Record<string, unknown>> =>
    typeof value === "object" && value !== null ? { ...value } : {};
  const { target, weights, strategy, searchData, searchImages, finalImages, errorProbability } = request;
  const { kind, value, margin } = fields(target);
  const terms = Object.entries(fields(weights)).filter(([, weight]) => typeof weight === "number" && weight > 0);
  return {
    target: value,
    targetKind: kind,
    margin,
    ...(terms.length === 0 ? {} : { objective: terms.map(([term, weight]) => `${term}=${weight}`).join(",") }),
    strategy,
    searchData,
    searchImages,
    images: finalImages,
    earlyError: errorProbability,
    marginBits: request.marginBits,
    observedImages: request.observedImages,
  };
}

const OBJECTIVES: Readonly<Record<BitsReport["objective"], string>> = {
  bits: "the fewest stored bits",
  energy: "the least energy",
  dsp: "the fewest DSP blocks",
  weighted: "the least weighted cost",
};

function summary({ search, final, target }: BitsReport): string {
  const span = ({ span: { first, images } }: BitsReport["search"]): string =>
    `images ${grouped(first)} to ${grouped(first + Math.max(1, images) - 1)}`;
  const margin = target.margin === 0 ? "" : `, with a margin of ${significant(target.margin)},`;
  return (
    `The search looked${margin} at ${span(search)} of ${search.data}; ` +
    `the final figures are of ${span(final)} of ${final.data}, which no decision saw.`
  );
}

function verdict({ chosen, kept, target }: BitsReport): string {
  const wanted = TARGETS[target.kind](significant(target.value));
  if (chosen === null) return `No candidate keeps the target: ${wanted}.`;
  const { final } = chosen;
  if (final === null) return `The assignment found was not verified on other images; wanted: ${wanted}.`;
  const interval = final.figure95 === null ? "" : ` (95 %: ${final.figure95.map(significant).join(" … ")})`;
  return `On images no decision saw the assignment has ${significant(final.figure)}${interval}; wanted: ${wanted}. ${
    kept ? "The target is kept." : "The target is missed."
  }`;
}

/** What to use where the chosen assignment missed. */
function alternative({ chosen, alternative: found, target, final }: BitsReport): Markup | null {
  if (chosen === null) return null;
  if (!found?.final) return html`<p>No dearer candidate keeps the target on images that no decision saw.</p>`;
  const { name, rest, assignment } = found;
  const { figure: value, figure95 } = found.final;
  const interval = figure95 === null ? "" : ` (95 %: ${figure95.map(significant).join(" … ")})`;
  return html`<p>Instead: “${name}” is the cheapest tried that keeps ${TARGETS[target.kind](significant(target.value))}: ${significant(value)}${interval} on images ${grouped(rest.first)} to ${grouped(rest.first + rest.images - 1)} of ${final.data}, which no decision saw; those before them chose it.</p>
<details><summary>The assignment that keeps the target</summary>
<pre><code>${yamlText(assignment)}</code></pre></details>`;
}

function figures(chosen: MeasuredAssignment, uniform: MeasuredAssignment | null): readonly KeyFigure[] {
  const { cost } = chosen;
  if (cost === null) return [];
  const against = (value: number, other: number | undefined): string =>
    other === undefined || other === 0 ? "" : `${percent(value / other, 1)} of the best uniform format`;
  return [
    {
      name: "stored bits",
      value: grouped(cost.storedBits),
      remark: against(cost.storedBits, uniform?.cost?.storedBits),
    },
    {
      name: "energy per image",
      value: `${significant(cost.energyPjPerImage / 1e6)} µJ`,
      remark: against(cost.energyPjPerImage, uniform?.cost?.energyPjPerImage),
    },
    {
      name: "cycles per image",
      value: grouped(cost.cyclesPerImage),
      remark: against(cost.cyclesPerImage, uniform?.cost?.cyclesPerImage),
    },
    { name: "DSP blocks", value: grouped(cost.dspBlocks), remark: against(cost.dspBlocks, uniform?.cost?.dspBlocks) },
  ];
}

function comparisonTable(chosen: MeasuredAssignment | null, uniform: MeasuredAssignment | null): Markup | null {
  const rows = [
    { role: "chosen", assignment: chosen } as const,
    { role: "best uniform", assignment: uniform } as const,
  ].flatMap(({ role, assignment }) =>
    assignment === null
      ? []
      : [
          { role, assignment, images: "search", measured: assignment.search },
          ...(assignment.final === null ? [] : [{ role, assignment, images: "final", measured: assignment.final }]),
        ],
  );
  if (rows.length === 0) return null;
  const figureText = ({ figure: value, figure95 }: Measured): string =>
    figure95 === null ? significant(value) : `${significant(value)} (${figure95.map(significant).join(" … ")})`;
  const columns: readonly HtmlColumn<(typeof rows)[number]>[] = [
    { title: "", align: "left", cell: ({ role }) => role },
    { title: "assignment", align: "left", cell: ({ assignment }) => assignment.name },
    { title: "images", align: "left", cell: ({ images, measured }) => `${images}: ${grouped(measured.images)}` },
    { title: "target’s figure (95 %)", align: "right", cell: ({ measured }) => figureText(measured) },
    {
      title: "accuracy (95 %)",
      align: "right",
      cell: ({ measured: { accuracy } }) =>
        accuracy === null ? NOTHING : `${percent(accuracy.fixed)} (${percentRange(accuracy.fixed95)})`,
    },
    {
      title: "float",
      align: "right",
      cell: ({ measured: { accuracy } }) => (accuracy?.float == null ? NOTHING : percent(accuracy.float)),
    },
    { title: "overflows", align: "right", cell: ({ measured }) => grouped(measured.overflow) },
    { title: "stored bits", align: "right", cell: ({ assignment }) => costText(assignment, "storedBits") },
    {
      title: "energy per image, nJ",
      align: "right",
      cell: ({ assignment }) => costText(assignment, "energyPjPerImage", 1e-3),
    },
  ];
  return html`<h3>Chosen and uniform</h3>${htmlTable("Chosen and uniform", columns, rows)}`;
}

function costText({ cost }: MeasuredAssignment | Trial, key: "storedBits" | "energyPjPerImage", factor = 1): string {
  if (cost === null) return NOTHING;
  return key === "storedBits" ? grouped(cost[key]) : significant(factor * cost[key]);
}

interface RequirementRow {
  readonly layer: string;
  readonly register: string;
  readonly requirement: RegisterRequirement;
}

function requirementTable(layers: readonly LayerRequirement[]): Markup {
  const rows = layers.flatMap(({ name: layer, registers }) =>
    Object.entries(registers).map(([register, requirement]): RequirementRow => ({ layer, register, requirement })),
  );
  const number = (value: number | null): string => (value === null ? NOTHING : String(value));
  const columns: readonly HtmlColumn<RequirementRow>[] = [
    { title: "layer", align: "left", cell: ({ layer }) => layer },
    { title: "register", align: "left", cell: ({ register }) => register },
    { title: "format", align: "left", cell: ({ requirement }) => requirement.format },
    {
      title: "integer bits, seen",
      align: "right",
      cell: ({ requirement }) => number(requirement.observedIntegerBits),
    },
    { title: "integer bits, proven", align: "right", cell: ({ requirement }) => number(requirement.provenIntegerBits) },
    {
      title: "bits alone, same output",
      align: "right",
      cell: ({ requirement }) => number(requirement.identicalWordLength),
    },
    {
      title: "bits alone, target kept",
      align: "right",
      cell: ({ requirement }) => number(requirement.targetWordLength),
    },
    {
      title: "bottleneck",
      align: "left",
      cell: ({ requirement }) => (requirement.bottleneck ? html`<span class="alarm">yes</span>` : NOTHING),
    },
  ];
  return htmlTable("Requirements of every register; bits count the sign", columns, rows);
}

function trialTable(trials: readonly Trial[]): Markup {
  const columns: readonly HtmlColumn<Trial>[] = [
    { title: "change", align: "left", cell: ({ change }) => change },
    { title: "verdict", align: "left", cell: ({ verdict: found, early }) => (early ? `${found}, early` : found) },
    { title: "target’s figure", align: "right", cell: ({ figure: value }) => significant(value) },
    { title: "images", align: "right", cell: ({ images }) => grouped(images) },
    { title: "stored bits", align: "right", cell: (trial) => costText(trial, "storedBits") },
    { title: "energy per image, nJ", align: "right", cell: (trial) => costText(trial, "energyPjPerImage", 1e-3) },
  ];
  return htmlTable("Candidates in the order in which they were tried", columns, trials);
}
