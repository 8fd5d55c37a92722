/**
 * `npm run results:lenet [-- --images N]`: the bundled LeNet on the bundled digits at the formats of Table 4 of the
 * TensorQuant paper, every datapath beside the paper's figure, nearest rounding. Prints Markdown.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { explainError } from "../../runtime/cli/exit-codes.ts";
import type { LenetSetting } from "../bench/lenet-workload.ts";
import { markdownTable } from "../bench/report.ts";
import { differingImages, LenetStudy, type RefusedSetting, type StudyEntry, settingText } from "./lenet-study.ts";

/** Formats of Table 4's LeNet row with the relative accuracy the paper found there. */
export const PAPER_TABLE_4: readonly { readonly format: string; readonly relative: number }[] = [
  { format: "4,3", relative: 0.4 },
  { format: "8,4", relative: 0.9 },
  { format: "12,6", relative: 1 },
  { format: "16,8", relative: 1 },
  { format: "20,8", relative: 1 },
];

const DATAPATHS: readonly Omit<LenetSetting, "format">[] = [
  { datapath: "tensorquant" },
  { datapath: "intrinsic", dataflow: "output-stationary" },
  { datapath: "intrinsic", dataflow: "weight-stationary" },
  { datapath: "wide" },
  { datapath: "extrinsic" },
];

type Outcome = StudyEntry | RefusedSetting;

function row(outcome: Outcome): readonly string[] {
  const { setting } = outcome;
  // The paper's figures are for intrinsic rounding as its code computes it: the tensorquant datapath.
  const paper =
    setting.datapath === "tensorquant" ? PAPER_TABLE_4.find(({ format }) => format === setting.format) : null;
  const name = settingText(setting).replace(/ \(.*/, "");
  const front = [`(${setting.format})`, name, paper ? paper.relative.toFixed(2) : ""];
  if ("refusal" in outcome) return [...front, outcome.refusal, "", "", "", "", ""];
  const { accuracy, overflowsPerImage, clippedConstants } = outcome;
  const { relative, relative95, mcnemar, ties, fixed } = accuracy;
  return [
    ...front,
    relative?.toFixed(3) ?? "",
    relative95?.map((end) => end.toFixed(3)).join(" … ") ?? "",
    (100 * fixed).toFixed(1),
    mcnemar === null ? "" : probability(mcnemar.pValue),
    String(ties),
    `${overflowsPerImage.toFixed(1)}${clippedConstants > 0 ? ` + ${clippedConstants} constants` : ""}`,
  ];
}

function probability(p: number): string {
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

async function table(images: number): Promise<string> {
  const study = await LenetStudy.open(images, availableParallelism());
  const outcomes: Outcome[] = [];
  for (const { format } of PAPER_TABLE_4) {
    for (const datapath of DATAPATHS) outcomes.push(await study.run({ format, ...datapath }));
  }
  const float = outcomes
    .map((outcome) => ("accuracy" in outcome ? outcome.accuracy.float : null))
    .find((share) => share !== null);
  await study.close();
  return [
    `LeNet-5, ${study.images} bundled MNIST test digits, nearest rounding; float accuracy ${(100 * (float ?? 0)).toFixed(1)} % (${study.floatBackend}).`,
    "Relative accuracy with its 95 % interval, McNemar's p against float, images with tied largest outputs, overflows per image.",
    "",
    markdownTable(
      ["format", "datapath", "paper", "relative", "95 %", "accuracy %", "p", "ties", "overflows"],
      outcomes.map(row),
    ),
    "",
    "The effect of order: images to which output- and weight-stationary accumulation give different classes.",
    "",
    markdownTable(
      ["format", "images"],
      PAPER_TABLE_4.map(({ format }) => orderRow(outcomes, format)),
    ),
  ].join("\n");
}

function orderRow(outcomes: readonly Outcome[], format: string): readonly string[] {
  const [output, weight] = ["output-stationary", "weight-stationary"].map((dataflow) =>
    outcomes.find(({ setting }) => setting.format === format && setting.dataflow === dataflow),
  );
  const comparable = output !== undefined && weight !== undefined && "classes" in output && "classes" in weight;
  return [`(${format})`, comparable ? String(differingImages(output, weight)) : ""];
}

async function main(): Promise<number> {
  try {
    const { values } = parseArgs({ options: { images: { type: "string", default: "1000" } } });
    process.stdout.write(`${await table(Number(values.images))}\n`);
    return 0;
  } catch (error) {
    const { lines, exitCode } = explainError(error);
    for (const line of lines) process.stderr.write(`${line}\n`);
    return exitCode;
  }
}

process.exitCode = await main();
