/**
 * `npm run results:experiments [-- --images N] [-- --journal file] [-- --write README.md]`: the experiments of the TensorQuant
 * paper on the bundled LeNet and the bundled digits. Prints Markdown, or puts it between the marks of a document.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { explainError } from "../../runtime/cli/exit-codes.ts";
import { VERSION } from "../../runtime/cli/version.ts";
import { resolveConfiguration } from "../../runtime/configuration.ts";
import { experimentMarkdown } from "../../runtime/report/text/experiment-text.ts";
import { EXPERIMENT_NAMES, type ExperimentName } from "../../runtime/results/experiment-report.ts";
import type { SweepReport } from "../../runtime/results/sweep-report.ts";
import { sweepModel } from "../../runtime/session/exploration/run-sweep.ts";

async function report(name: ExperimentName, images: number, journal: string | null): Promise<SweepReport> {
  const configuration = resolveConfiguration({ images, workers: availableParallelism() });
  return sweepModel(configuration, {
    grid: { wordLengths: [], fractionLengths: [], datapaths: [], roundings: [], overflows: [] },
    experiment: { name, subunits: "blocks", wordLengths: null, intrinsic: "tensorquant" },
    layers: "all",
    searchImages: 0,
    journal,
    written: { experiment: name },
    version: VERSION,
  });
}

async function document(images: number, journal: string | null): Promise<string> {
  const reports: SweepReport[] = [];
  for (const name of EXPERIMENT_NAMES) {
    process.stderr.write(`${name}\n`);
    reports.push(await report(name, images, journal));
  }
  const [first] = reports;
  const float = first?.records[0]?.result.accuracy?.float ?? null;
  const share = float === null ? "" : `; float accuracy ${(100 * float).toFixed(1)} % (${first?.floatBackend})`;
  return [
    `LeNet-5, ${images} bundled MNIST test digits${share}. Written by \`macroscope sweep --experiment <name>\` as the paper's tables are; the paper's own rows in italics.`,
    ...reports.flatMap(({ experiment }) => (experiment === undefined ? [] : [experimentMarkdown(experiment)])),
  ].join("\n\n");
}

/** The document with what stands between its marks replaced. */
export function withExperiments(text: string, content: string): string {
  const place = /(<!-- experiments: start -->\n)[\s\S]*?(<!-- end -->)/;
  if (!place.test(text)) throw new Error("the document has no place for the experiments");
  return text.replace(place, (_, start: string, end: string) => `${start}${content}\n${end}`);
}

async function main(): Promise<number> {
  try {
    const { values } = parseArgs({
      options: { images: { type: "string", default: "200" }, journal: { type: "string" }, write: { type: "string" } },
    });
    const content = await document(Number(values.images), values.journal ?? null);
    const { write } = values;
    if (write === undefined) process.stdout.write(`${content}\n`);
    else writeFileSync(write, withExperiments(readFileSync(write, "utf8"), content));
    return 0;
  } catch (error) {
    const { lines, exitCode } = explainError(error);
    for (const line of lines) process.stderr.write(`${line}\n`);
    return exitCode;
  }
}

if (process.argv[1]?.endsWith("lenet-experiments.js")) process.exitCode = await main();
