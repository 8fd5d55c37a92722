import type { RefusedPoint, SweepRecord, SweepReport } from "../../results/sweep-report.ts";
import { figureOf, isTrial, sweepChart, sweepCurves } from "../charts/sweep-curves.ts";
import { NOTHING } from "../text/table.ts";
import { grouped, percent, percentRange, significant } from "../text/wording.ts";
import { experimentTables } from "./experiment-tables.ts";
import { figure } from "./figure.ts";
import { html, type Markup } from "./markup.ts";
import { configuredStep, reproduction } from "./reproduction.ts";
import type { Section } from "./section.ts";
import { type HtmlColumn, htmlTable } from "./table.ts";

/** Below this probability a difference to float is called one. */
const SIGNIFICANCE = 0.05;

/** One sweep: the curves, and every point in a table. */
export function sweepSection(report: SweepReport, prefix: string, file: string | null): Section {
  const { model, weights, data, records } = report;
  const chart = sweepChart(records);
  const best = sweepCurves(records).flatMap((curve) => curve.best);
  const refused = report.refused ?? [];
  const body = html`<p class="summary">${summary(report)}</p>
${shortest(records).map((sentence) => html`<p class="verdict good">${sentence}</p>`)}
${chart === null ? null : figure(chart, prefix)}
${report.experiment === undefined ? null : experimentTables(report.experiment)}
${best.length === records.length ? null : html`<h3>Best of every word length</h3>\n${recordTable("Best of every word length", best)}`}
<h3>All points</h3>
${recordTable("All points", records)}
${refused.length === 0 ? null : refusedTable(refused)}
${reproduction({
  ...report,
  steps: [configuredStep("sweep", file, report.request)],
  configurations: new Map([["configuration.yaml", report.configuration]]),
  digest: null,
})}`;
  return {
    heading: `${model} on ${data}: ${report.experiment?.name ?? "sweep"}`,
    subtitle: [
      `sweep, ${grouped(records.length)} ${records.length === 1 ? "point" : "points"}`,
      ...(weights === null ? [] : [`weights ${weights}`]),
    ].join(" · "),
    body,
    charts: chart === null ? [] : [chart],
  };
}

function summary({ records }: SweepReport): string {
  const best = records
    .filter((record) => !isTrial(record))
    .reduce<SweepRecord | undefined>(
      (found, record) => (found === undefined || figureOf(record) > figureOf(found) ? record : found),
      undefined,
    );
  if (best === undefined) return "No point was computed.";
  const float = best.result.accuracy?.float ?? null;
  const against = float === null ? "" : `; float reaches ${percent(float)}`;
  return `The best point is ${pointText(best)} with ${figureText(best)}${against}.`;
}

/** Per way of computing the shortest word without a measurable loss; nothing where float is unknown. */
function shortest(records: readonly SweepRecord[]): readonly string[] {
  const curves = sweepCurves(records).flatMap(({ name, best }) => {
    const found = best.find(({ result: { accuracy } }) => {
      const test = accuracy?.mcnemar ?? null;
      return test !== null && (test.pValue >= SIGNIFICANCE || test.onlyFixed >= test.onlyFloat);
    });
    return found === undefined ? [] : [`${name}: ${found.point.wordLength} bits`];
  });
  if (curves.length === 0) return [];
  return [`Shortest words whose loss cannot be told from chance on these images: ${curves.slice(0, 12).join("; ")}.`];
}

function pointText({ point: { datapath, wordLength, fractionLength, rounding } }: SweepRecord): string {
  return `(${wordLength},${fractionLength}), ${datapath}, ${rounding},`;
}

function figureText({ result: { accuracy, agreement, error } }: SweepRecord): string {
  if (accuracy !== null) return `${percent(accuracy.fixed)} (95 %: ${percentRange(accuracy.fixed95)})`;
  if (agreement !== null) return `${percent(agreement.share)} of the classes as float has them`;
  return error.sqnrDb === null ? "no figure" : `${error.sqnrDb.toFixed(1)} dB`;
}

function refusedTable(refused: readonly RefusedPoint[]): Markup {
  const columns: readonly HtmlColumn<RefusedPoint>[] = [
    { title: "word W, bits", align: "right", cell: ({ point }) => point.wordLength },
    { title: "fraction F, bits", align: "right", cell: ({ point }) => point.fractionLength },
    { title: "datapath", align: "left", cell: ({ point }) => point.datapath },
    { title: "layers", align: "left", cell: ({ point }) => point.subunit ?? NOTHING },
    { title: "why", align: "left", cell: ({ why }) => why },
  ];
  return html`<h3>Points that cannot be</h3>${htmlTable("Points that cannot be", columns, refused)}`;
}

function recordTable(caption: string, records: readonly SweepRecord[]): Markup {
  const number = (value: number | null | undefined, show: (value: number) => string): string =>
    value === null || value === undefined ? NOTHING : show(value);
  const columns: readonly HtmlColumn<SweepRecord>[] = [
    { title: "word W, bits", align: "right", cell: ({ point }) => point.wordLength },
    { title: "fraction F, bits", align: "right", cell: ({ point }) => point.fractionLength },
    { title: "datapath", align: "left", cell: ({ point }) => point.datapath },
    { title: "rounding", align: "left", cell: ({ point }) => point.rounding },
    { title: "overflow", align: "left", cell: ({ point }) => point.overflow ?? NOTHING },
    { title: "layers", align: "left", cell: ({ point }) => point.subunit ?? NOTHING },
    { title: "images", align: "right", cell: ({ point }) => grouped(point.images) },
    {
      title: "accuracy",
      align: "right",
      cell: ({ result }) => number(result.accuracy?.fixed, (value) => percent(value)),
    },
    {
      title: "accuracy, 95 %",
      align: "right",
      cell: ({ result }) => (result.accuracy === null ? NOTHING : percentRange(result.accuracy.fixed95)),
    },
    {
      title: "relative accuracy",
      align: "right",
      cell: ({ result }) => number(result.accuracy?.relative, (value) => value.toFixed(4)),
    },
    {
      title: "same class as float",
      align: "right",
      cell: ({ result }) => number(result.agreement?.share, (value) => percent(value)),
    },
    { title: "McNemar p", align: "right", cell: ({ result }) => number(result.accuracy?.mcnemar?.pValue, significant) },
    {
      title: "SQNR, dB",
      align: "right",
      cell: ({ result }) => number(result.error.sqnrDb, (value) => value.toFixed(1)),
    },
    { title: "overflows", align: "right", cell: ({ result }) => grouped(result.overflow.total) },
    {
      title: "overflows most in",
      align: "left",
      cell: ({ result: { overflow } }) =>
        overflow.worst === null ? NOTHING : `${overflow.worst.layer} ${overflow.worst.register}`,
    },
    {
      title: "energy per image, µJ",
      align: "right",
      cell: ({ result }) => number(result.cost?.energyPjPerImage, (pj) => significant(pj / 1e6)),
    },
    { title: "stored bits", align: "right", cell: ({ result }) => number(result.cost?.storedBits, grouped) },
  ];
  return htmlTable(caption, columns, records);
}
