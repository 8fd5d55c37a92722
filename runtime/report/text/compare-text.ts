import type { CompareReport, HistoryRow, HistoryWord, PairEntry, PartingEntry } from "../../results/compare-report.ts";
import { COVERAGE_COLUMNS, coverageTitle, looksBehind, roundingText } from "../compare-wording.ts";
import { type Column, NOTHING, tableText } from "./table.ts";
import { grouped, placeInSum, significant, wrapped } from "./wording.ts";

/** The comparison for people: what was compared, the verdict of every pair, and the first place where each parts. */
export function compareReportText(report: CompareReport): string {
  return [heading(report), ...report.pairs.map(pairText)].join("\n\n");
}

function heading({ sides, model, data, images }: CompareReport): string {
  const what = model === null ? "dumps" : `${model} on ${data}`;
  const widest = Math.max(...sides.map(({ label }) => label.length));
  return [
    `${what}, ${grouped(images)} ${images === 1 ? "image" : "images"}`,
    ...sides.map(({ label, machine }) => `  ${label.padEnd(widest)}  ${machine ?? "a dump"}`),
  ].join("\n");
}

function pairText(pair: PairEntry): string {
  const lines = [`a = ${pair.a}, b = ${pair.b}`, verdict(pair)];
  const alone = (label: string, layers: readonly string[]): void => {
    if (layers.length > 0) lines.push(wrapped(`only in ${label}: ${layers.join(", ")}`));
  };
  alone("a", pair.onlyInA);
  alone("b", pair.onlyInB);
  if (pair.comparedByValue.length > 0) {
    const names = pair.comparedByValue.map((name) => name ?? "the input").join(", ");
    lines.push(wrapped(`formats differ, so values were compared: ${names}`));
  }
  return [lines.join("\n"), coverageText(pair), ...(pair.first === null ? [] : partingTexts(pair.first))].join("\n\n");
}

function verdict({ equal, layers, differentOutputs, differentClasses }: PairEntry): string {
  if (equal) return `equal: every word of ${layers.length} ${layers.length === 1 ? "layer" : "layers"}`;
  const outputs = differentOutputs === null ? "" : `; outputs differ for ${images(differentOutputs)}`;
  const classes = differentClasses === null ? "" : `, classes for ${images(differentClasses)}`;
  return `different${outputs}${classes}`;
}

/** How many words were compared, and how many ties registers met on the way to some of them. */
function coverageText({ coverage }: PairEntry): string {
  const title = coverageTitle(coverage);
  return looksBehind(coverage) ? `${wrapped(title)}\n${tableText(COVERAGE_COLUMNS, coverage)}` : title;
}

function images(count: number): string {
  return `${grouped(count)} ${count === 1 ? "image" : "images"}`;
}

function partingTexts(first: PartingEntry): string[] {
  const { image, layer, axes, element, a, b, step, register, explanation } = first;
  const where = layer === null ? "the input" : `layer ${layer}`;
  const at = placeInSum(step);
  const words = [a, b].map(({ raw, format, value }) => `${raw} (${format}) = ${significant(value)}`);
  const place = `first: image ${image}, ${where}, element [${element.join(", ")}]${isOfLayer(axes) ? "" : ` of the model's output`}${at}: the ${register} register`;
  const rounding = roundingText(first);
  const fit = rounding === null ? [] : [wrapped(rounding)];
  const texts = [
    [`${place}\n${wrapped(explanation)}\nits word is ${words[0]} in a, ${words[1]} in b`, ...fit].join("\n"),
  ];
  if (first.history.length > 0) texts.push(historyText(first));
  texts.push(differenceText(first));
  return texts;
}

function isOfLayer(axes: readonly string[]): boolean {
  return axes.join() === "row,column,channel";
}

/** Steps of a sum that are printed on each side of the parting. */
const SHOWN_STEPS = 3;
/** Rows behind the sum and, where there is no parting to stand around, of the whole history. */
const SHOWN_ROWS = 40;

function historyText({ history, step, register }: PartingEntry): string {
  const steps = [...new Set(history.map((row) => row.step))];
  const middle = step === null ? steps.length - 1 : steps.indexOf(step);
  const shown = new Set(steps.slice(Math.max(0, middle - SHOWN_STEPS), middle + SHOWN_STEPS + 1));
  const rows = history.filter((row) => row.step < 0 || shown.has(row.step)).slice(-SHOWN_ROWS);
  const side = (pick: (row: HistoryRow) => HistoryWord | null, name: string): Column<HistoryRow>[] => [
    { title: `exact ${name}`, align: "right", cell: (row) => number(pick(row)?.exact ?? null) },
    { title: `rounded ${name}`, align: "right", cell: (row) => roundedText(pick(row)) },
    { title: `word ${name}`, align: "right", cell: (row) => String(pick(row)?.raw ?? NOTHING) },
    { title: `value ${name}`, align: "right", cell: (row) => number(pick(row)?.value ?? null) },
  ];
  const parts = (row: HistoryRow): boolean => row.step === step && row.register === register;
  const columns: readonly Column<HistoryRow>[] = [
    { title: "step", align: "right", cell: (row) => (row.step < 0 ? "" : String(row.step)) },
    { title: "register", align: "left", cell: (row) => row.register },
    ...side((row) => row.a, "a"),
    ...side((row) => row.b, "b"),
    { title: "", align: "left", cell: (row) => (parts(row) ? "<- here" : row.differs ? "differs" : "") },
  ];
  const cut = rows.length < history.length ? `, ${rows.length} of ${grouped(history.length)} rows` : "";
  return `History of the element${cut}; rounded raw where it did not fit\n${tableText(columns, rows)}`;
}

function number(value: number | null): string {
  return value === null ? NOTHING : significant(value);
}

/** The rounded raw where it is not what the register holds. */
function roundedText(word: HistoryWord | null): string {
  return word === null || word.rounded === null || word.rounded === word.raw ? NOTHING : String(word.rounded);
}

function differenceText({ layers, image }: PartingEntry): string {
  const columns: readonly Column<(typeof layers)[number]>[] = [
    { title: "layer", align: "left", cell: ({ layer }) => layer ?? "input" },
    { title: "elements", align: "right", cell: ({ elements }) => grouped(elements) },
    { title: "different", align: "right", cell: ({ different }) => grouped(different) },
    { title: "largest difference", align: "right", cell: ({ largest }) => significant(largest) },
  ];
  return `All of image ${image}\n${tableText(columns, layers)}`;
}
