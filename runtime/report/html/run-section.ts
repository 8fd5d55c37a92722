import type { RunReport } from "../../results/run-report.ts";
import type { Chart } from "../charts/chart.ts";
import { accuracyByClass } from "../charts/class-accuracy.ts";
import { energyComponents } from "../charts/energy-components.ts";
import { layerCosts } from "../charts/layer-costs.ts";
import { registerWidths } from "../charts/register-widths.ts";
import { unitTime } from "../charts/unit-time.ts";
import { equalizedText } from "../equalized-text.ts";
import { joinedLayers } from "../recurrent-rows.ts";
import { grouped, percent, percentRange, significant } from "../text/wording.ts";
import { accuracySentence, accuracyVerdict, errorSentence } from "./accuracy-words.ts";
import { figure } from "./figure.ts";
import { histogramTiles } from "./histogram-tiles.ts";
import { type KeyFigure, keyFigures } from "./key-figures.ts";
import { type Content, html } from "./markup.ts";
import { configuredStep, reproduction } from "./reproduction.ts";
import { layerTable, overflowTable, registerTable } from "./run-tables.ts";
import type { Section } from "./section.ts";

/** One run: what came out, where bits are missing or to spare, what it costs. `prefix` starts the identifiers of the section. */
export function runSection(report: RunReport, prefix: string, file: string | null): Section {
  const { model, weights, data, images, accuracy, cycles, energy } = report;
  const joined = { ...report, layers: joinedLayers(report.layers) };
  const widths = registerWidths(joined.layers);
  const histograms = histogramTiles(joined, prefix);
  const costs = layerCosts(joined);
  const units = cycles === null ? null : unitTime(cycles);
  const components = energy === null ? null : energyComponents(energy);
  const byClass = accuracyByClass(report.classes ?? []);
  const show = (chart: Chart | null): Content => (chart === null ? null : figure(chart, prefix));
  const overflows = overflowTable(report);
  const registers = registerTable(joined);
  const verdict = accuracyVerdict(accuracy, report.agreement);
  const body = html`<p class="summary">${summary(report)}</p>
<p class="verdict ${verdict.mood}">${verdict.sentence}</p>
<p><strong>Look first:</strong> ${report.advice}</p>
${keyFigures(figures(report))}
${show(byClass)}
<h3>Registers</h3>
${widths === null ? html`<p>No register was observed: <code>--observe 1</code> takes ranges of one image.</p>` : figure(widths, prefix)}
${histograms?.body ?? null}
${overflows === null ? html`<p>No register overflowed.</p>` : html`<h3>Overflows</h3>${overflows}`}
${registers === null ? null : html`<h3>Every register</h3><p class="note">Ranges, losses and errors of ${observedText(report.observedImages)}; overflows of all.</p>${registers}`}
${costs === null && units === null ? null : html`<h3>Cycles and energy</h3>`}
${show(costs)}${show(units)}${show(components)}
<h3>Layers</h3>
${layerTable(joined)}
${report.notModelled.length === 0 ? null : html`<p class="note">Not modelled: ${report.notModelled.join("; ")}.</p>`}
${reproduction({
  ...report,
  steps: [configuredStep("run", file, null)],
  configurations: new Map([["configuration.yaml", report.configuration]]),
})}`;
  const charts = [byClass, widths, ...(histograms?.charts ?? []), costs, units, components];
  return {
    heading: `${model} on ${data}`,
    subtitle: [
      `run, ${grouped(images)} ${images === 1 ? "image" : "images"}`,
      ...(weights === null ? [] : [`weights ${weights}`]),
      report.machine ?? "no machine: float32 inside the layers, quantized between them",
    ].join(" · "),
    body,
    charts: charts.filter((chart) => chart !== null),
  };
}

function summary({ accuracy, agreement, error, images, engine, equalized = [] }: RunReport): string {
  const parts = [
    accuracy === null ? "" : accuracySentence(accuracy, images),
    accuracy === null && agreement !== null
      ? `Float and fixed point give the same class on ${percent(agreement.share)} of ${grouped(images)} images (95 %: ${percentRange(agreement.share95)}).`
      : "",
    error === null ? "" : errorSentence(error),
    engine === null ? "" : `Computed bit by bit (${engine}).`,
    equalized.length === 0 ? "" : `Equalized: ${equalizedText(equalized)}.`,
  ];
  return parts.filter((part) => part !== "").join(" ");
}

function figures({ accuracy, agreement, cycles, energy, overflow }: RunReport): readonly KeyFigure[] {
  return [
    ...(accuracy === null
      ? []
      : [{ name: "accuracy", value: percent(accuracy.fixed), remark: `95 %: ${percentRange(accuracy.fixed95)}` }]),
    ...(agreement === null
      ? []
      : [
          {
            name: "same class as float",
            value: percent(agreement.share),
            remark: `95 %: ${percentRange(agreement.share95)}`,
          },
        ]),
    ...(cycles === null
      ? []
      : [
          {
            name: "cycles per image",
            value: grouped(cycles.perImage),
            remark: `${significant(cycles.imagesPerSecond)} images/s at ${significant(cycles.clockHz / 1e6)} MHz`,
          },
        ]),
    ...(energy === null
      ? []
      : [
          {
            name: "energy per image",
            value: `${significant(energy.perImagePj / 1e6)} µJ`,
            remark: `${energy.perImageSpreadPj.map((pj) => significant(pj / 1e6)).join(" … ")} µJ by the sources`,
          },
        ]),
    {
      name: "overflows",
      value: grouped(overflow.total),
      remark: `${grouped(overflow.compile)} words clipped at compile time`,
    },
  ];
}

function observedText(images: number): string {
  if (images === 0) return "no image";
  return images === 1 ? "the first image" : `the first ${grouped(images)} images`;
}
