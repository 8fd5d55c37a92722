import type { CompareReport, HistoryRow, HistoryWord, PairEntry, PartingEntry } from "../../results/compare-report.ts";
import type { Chart } from "../charts/chart.ts";
import { layerDifferences } from "../charts/layer-differences.ts";
import { COVERAGE_COLUMNS, coverageTitle, looksBehind, roundingText } from "../compare-wording.ts";
import { shellQuoted } from "../shell.ts";
import { NOTHING } from "../text/table.ts";
import { grouped, placeInSum, significant } from "../text/wording.ts";
import { figure } from "./figure.ts";
import { html, type Markup } from "./markup.ts";
import { reproduction } from "./reproduction.ts";
import type { Section } from "./section.ts";
import { type HtmlColumn, htmlTable } from "./table.ts";

/** One comparison: where computations of the same images part, and how the difference spreads. */
export function compareSection(report: CompareReport, prefix: string, file: string | null): Section {
  const { model, data, images, equal, sides, pairs } = report;
  const parts = pairs.map((pair, index) => pairPart(pair, index + 1, prefix));
  const body = html`<p class="summary">${
    equal
      ? `Every word that was looked at is the same on ${grouped(images)} ${images === 1 ? "image" : "images"}.`
      : `The computations part: ${pairs.filter((pair) => !pair.equal).length} of ${pairs.length} pairs differ.`
  }</p>
<ul>${sides.map(({ label, machine }) => html`<li><strong>${label}</strong>: ${machine ?? "a dump"}</li>`)}</ul>
${parts.map(({ body: part }) => part)}
${reproduction({
  ...report,
  steps: [
    { sentence: "Save what stands below under its names beside this page, then:", command: compareCommand(sides) },
  ],
  configurations: new Map(
    sides.flatMap(({ configuration }, index) =>
      configuration === null ? [] : [[`${letter(index)}.yaml`, configuration] as const],
    ),
  ),
  digest: null,
  floatBackend: null,
})}`;
  return {
    heading:
      model === null
        ? "Comparison of dumps"
        : `${model} on ${data ?? "no data"}: ${sides.map(({ label }) => label).join(" beside ")}`,
    subtitle: `compare, ${grouped(images)} ${images === 1 ? "image" : "images"}${file === null ? "" : `, ${file}`}`,
    body,
    charts: parts.flatMap(({ charts }) => charts),
  };
}

/** The first side with each of the others, one command each; dumps are files already. */
function compareCommand(sides: CompareReport["sides"]): string {
  const files = sides.map(({ label, configuration }, index) =>
    configuration === null ? shellQuoted(label) : `${letter(index)}.yaml`,
  );
  return files
    .slice(1)
    .map((other) => `npx macroscope compare ${files[0] ?? ""} ${other}`)
    .join("\n");
}

/** `a` for the first side; numbers behind `z`. */
function letter(index: number): string {
  return index < 26 ? String.fromCharCode(97 + index) : `side-${index + 1}`;
}

function pairPart(pair: PairEntry, number: number, prefix: string): { body: Markup; charts: readonly Chart[] } {
  const { first, equal, onlyInA, onlyInB, comparedByValue } = pair;
  const chart = first === null ? null : layerDifferences(first.layers, first.image, number);
  const remarks = [
    onlyInA.length === 0 ? "" : `Only in ${pair.a}: ${onlyInA.join(", ")}.`,
    onlyInB.length === 0 ? "" : `Only in ${pair.b}: ${onlyInB.join(", ")}.`,
    comparedByValue.length === 0
      ? ""
      : `Formats differ, so values were compared: ${comparedByValue.map((name) => name ?? "the input").join(", ")}.`,
  ].filter((remark) => remark !== "");
  const body = html`<h3>${pair.a} beside ${pair.b}</h3>
<p class="verdict ${equal ? "good" : "bad"}">${verdict(pair)}</p>
${remarks.map((remark) => html`<p class="note">${remark}</p>`)}
${coveragePart(pair)}
${first === null ? null : partingPart(first, pair)}
${chart === null ? null : figure(chart, prefix)}`;
  return { body, charts: chart === null ? [] : [chart] };
}

function coveragePart({ coverage }: PairEntry): Markup {
  const title = sentence(coverageTitle(coverage));
  return looksBehind(coverage) ? htmlTable(title, COVERAGE_COLUMNS, coverage) : html`<p class="note">${title}</p>`;
}

function verdict({ equal, layers, differentOutputs, differentClasses }: PairEntry): string {
  if (equal) return `Equal: every word of ${layers.length} ${layers.length === 1 ? "layer" : "layers"}.`;
  const count = (value: number): string => `${grouped(value)} ${value === 1 ? "image" : "images"}`;
  const outputs = differentOutputs === null ? "" : ` Outputs differ for ${count(differentOutputs)}`;
  const classes = differentClasses === null ? "" : `, classes for ${count(differentClasses)}`;
  return `Different.${outputs}${classes}${outputs === "" ? "" : "."}`;
}

function partingPart(first: PartingEntry, { a, b }: PairEntry): Markup {
  const where = first.layer === null ? "the input" : `layer ${first.layer}`;
  const at = placeInSum(first.step);
  const place = `First: image ${first.image}, ${where}, element [${first.element.join(", ")}]${at}, the ${first.register} register.`;
  const rounding = roundingText(first);
  const word = ({ raw, format, value }: PartingEntry["a"]): string => `${raw} (${format}) = ${significant(value)}`;
  return html`<p><strong>${place}</strong> ${sentence(first.explanation)} Its word is ${word(first.a)} in ${a}, ${word(first.b)} in ${b}.</p>
${rounding === null ? null : html`<p class="note">${sentence(rounding)}</p>`}
${first.history.length === 0 ? null : historyTable(first, a, b)}`;
}

/** With a capital and a full stop. */
function sentence(text: string): string {
  const trimmed = text.trim().replace(/[.;,]$/, "");
  return trimmed === "" ? "" : `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}.`;
}

/** Steps of a sum that are shown on each side of the parting. */
const STEPS = 8;

/** Rows where there is no parting to stand around. */
const ROWS = 200;

/** The rows around the parting, and those behind the sum. */
function rowsAround({ history, step }: PartingEntry): readonly HistoryRow[] {
  const steps = [...new Set(history.map((row) => row.step))];
  const middle = step === null ? -1 : steps.indexOf(step);
  if (middle < 0) return history.slice(0, ROWS);
  const shown = new Set(steps.slice(Math.max(0, middle - STEPS), middle + STEPS + 1));
  return history.filter((row) => row.step < 0 || shown.has(row.step));
}

function historyTable(first: PartingEntry, a: string, b: string): Markup {
  const { history, step, register } = first;
  const rows = rowsAround(first);
  const number = (value: number | null | undefined): string => (value == null ? NOTHING : significant(value));
  const side = (pick: (row: HistoryRow) => HistoryWord | null, name: string): readonly HtmlColumn<HistoryRow>[] => [
    { title: `exact, ${name}`, align: "right", cell: (row) => number(pick(row)?.exact) },
    { title: `rounded, ${name}`, align: "right", cell: (row) => roundedText(pick(row)) },
    { title: `word, ${name}`, align: "right", cell: (row) => String(pick(row)?.raw ?? NOTHING) },
    { title: `value, ${name}`, align: "right", cell: (row) => number(pick(row)?.value) },
  ];
  const parts = (row: HistoryRow): boolean => row.step === step && row.register === register;
  const columns: readonly HtmlColumn<HistoryRow>[] = [
    { title: "step", align: "right", cell: (row) => (row.step < 0 ? NOTHING : row.step) },
    { title: "register", align: "left", cell: (row) => row.register },
    {
      title: "",
      align: "left",
      cell: (row) => (parts(row) ? html`<span class="alarm">← here</span>` : row.differs ? "differs" : NOTHING),
    },
    ...side((row) => row.a, a),
    ...side((row) => row.b, b),
  ];
  const cut =
    rows.length < history.length
      ? html`<p class="note">${rows.length} of ${history.length} rows, those around the parting; the result file has more.</p>`
      : null;
  return html`${htmlTable("History of the element; rounded raw where it did not fit", columns, rows)}${cut}`;
}

/** The rounded raw where it is not what the register holds. */
function roundedText(word: HistoryWord | null): string {
  return word === null || word.rounded === null || String(word.rounded) === String(word.raw)
    ? NOTHING
    : String(word.rounded);
}
