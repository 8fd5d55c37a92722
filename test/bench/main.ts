/**
 * `npm run bench [-- --quick] [--out <folder>] [--json <file>]`: how fast is the fast engine? All ratios, because
 * absolute rates say more of the machine than of the program, each between things that ran in turn:
 *
 * - every lane and rounding mode on one convolution, over float32 in TensorFlow.js (targets.ts says what must be seen);
 * - the same over the plain matrix product, over onnxruntime, the plain TypeScript kernels, BigInt and SystemC;
 * - LeNet end to end over the same opponents, and over the kernels alone on its layers;
 * - what further workers gain, to what further threads gain for a pure integer loop, and what memory they take.
 *
 * Writes bench.json and bench.md to the folder (dist/bench unless said otherwise). Exit code 0 when every target is met,
 * 1 when one is missed, 70 when two computations of the same sums differ. `--quick` takes half a minute: rougher figures.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { diagnosticError } from "../../isa/diagnostic.ts";
import { EXIT, explainError } from "../../runtime/cli/exit-codes.ts";
import { emit, requireOutputs, writeJson } from "../../runtime/cli/output.ts";
import { FileError, writeFileAtomically } from "../../runtime/files.ts";
import { openLenet } from "./lenet-workload.ts";
import type { Course } from "./measure.ts";
import { CONVOLUTION, raceConvolution } from "./race-convolution.ts";
import { raceLenet } from "./race-lenet.ts";
import { raceWorkers } from "./race-workers.ts";
import { type BenchReport, benchMarkdown, benchText, describeHost, misses, outcomesOf } from "./report.ts";
import { EVERYTHING, type Selection } from "./selection.ts";
import { TARGETS } from "./targets.ts";
import { measureWorkerMemory } from "./worker-memory.ts";

/** A benchmark takes minutes: says on standard error who runs. */
function onRace(names: readonly string[]): void {
  process.stderr.write(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${names.join(" · ")}\n`);
}

interface Plan {
  readonly convolution: Course;
  readonly lenet: Course;
  readonly workers: Course;
  readonly memory: boolean;
  readonly selection: Selection;
}

const FULL: Plan = {
  convolution: { rounds: 9, seconds: 0.12, onRace },
  lenet: { rounds: 9, seconds: 0.3, onRace },
  workers: { rounds: 9, seconds: 0.8, onRace },
  memory: true,
  selection: EVERYTHING,
};

/** What has a target, in few short rounds. */
const QUICK: Plan = {
  convolution: { rounds: 3, seconds: 0.04, onRace },
  lenet: { rounds: 3, seconds: 0.1, onRace },
  workers: { rounds: 3, seconds: 0.3, onRace },
  memory: false,
  selection: { ...EVERYTHING, names: (name) => TARGETS.some(({ figure }) => figure.startsWith(`${name} /`)) },
};

async function bench(plan: Plan): Promise<BenchReport> {
  const host = describeHost();
  const lenet = await openLenet();
  const convolution = await raceConvolution(CONVOLUTION, plan.convolution, plan.selection);
  const network = await raceLenet(lenet, plan.lenet, plan.selection);
  const workers = await raceWorkers(lenet, plan.workers);
  const sections = [...convolution.sections, ...network.sections, workers.section];
  return {
    schema: "macroscope/bench/2",
    host,
    opponents: convolution.opponents,
    rounds: plan.convolution.rounds,
    seconds: plan.convolution.seconds,
    outcomes: outcomesOf(sections),
    sections,
    memory: plan.memory ? await measureWorkerMemory() : null,
    rates: [...convolution.rates, ...network.rates, ...workers.rates],
  };
}

function options(): { readonly json?: string; readonly out?: string; readonly quick: boolean } {
  try {
    return parseArgs({
      options: { json: { type: "string" }, out: { type: "string" }, quick: { type: "boolean", default: false } },
    }).values;
  } catch (error) {
    const [what = ""] = (error instanceof Error ? error.message : String(error)).split(". ");
    throw diagnosticError("USAGE", "npm run bench", what, "write --quick, --out <folder> or --json <file>");
  }
}

async function main(): Promise<number> {
  try {
    const values = options();
    const folder = values.out ?? join("dist", "bench");
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw new FileError(folder, "cannot create the folder", error);
    });
    const [json, markdown] = [join(folder, "bench.json"), join(folder, "bench.md")];
    await requireOutputs(json, markdown, values.json);
    const report = await bench(values.quick ? QUICK : FULL);
    await writeFileAtomically(markdown, benchMarkdown(report));
    await writeJson({ json }, report);
    await emit({ json: values.json }, report, benchText);
    return misses(report).length === 0 ? EXIT.done : EXIT.no;
  } catch (error) {
    const { lines, exitCode } = explainError(error);
    for (const line of lines) process.stderr.write(`${line}\n`);
    return exitCode;
  }
}

process.exitCode = await main();
