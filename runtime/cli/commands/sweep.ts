import { type Command, Option } from "commander";
import { parseForeignFormat } from "../../../compiler/quantization/format-notations.ts";
import { diagnosticError, nearestName } from "../../../isa/diagnostic.ts";
import { overflowText, parseOverflow } from "../../../isa/numerics/overflow.ts";
import { parseRoundingMode } from "../../../isa/numerics/rounding.ts";
import { printableTexts } from "../../../isa/printable.ts";
import type { RunConfiguration } from "../../configuration.ts";
import { parseFractionChoices, WORD_LENGTHS } from "../../exploration/sweep/grid.ts";
import { distinct, parseItems, parseNumberList } from "../../exploration/sweep/number-list.ts";
import { EXPERIMENTS, isExperimentName } from "../../exploration/sweep/paper-experiments.ts";
import { writeFileAtomically } from "../../files.ts";
import { experimentMarkdown } from "../../report/text/experiment-text.ts";
import { sweepReportText } from "../../report/text/sweep-text.ts";
import { EXPERIMENT_NAMES, type ExperimentName } from "../../results/experiment-report.ts";
import type { SweepReport } from "../../results/sweep-report.ts";
import type { ExperimentRequest } from "../../session/exploration/experiment-request.ts";
import { type SweepHooks, type SweepRequest, sweepModel } from "../../session/exploration/run-sweep.ts";
import {
  addImageOptions,
  addWorkersOption,
  assignmentPlace,
  type ConfigurationFlags,
  parseDatapath,
  resolveFlags,
} from "../configuration-options.ts";
import { interruptible } from "../interrupt.ts";
import { parseInteger } from "../options.ts";
import { addJsonOption, addReportOption, emit, note, type Output, requireOutputs } from "../output.ts";
import { type Progress, startProgress } from "../progress.ts";
import { VERSION } from "../version.ts";

/** The lists, as written. */
interface GridFlags {
  readonly wordLengths: string;
  readonly fractionLengths: string;
  readonly layers: string;
  readonly searchImages: number;
  readonly journal?: string;
  readonly experiment?: ExperimentName;
  readonly subunits: string;
  readonly markdown?: string;
}

type SweepFlags = ConfigurationFlags & Output & GridFlags;

function addGridOptions(command: Command): Command {
  return command
    .option("--word-lengths <list>", "word lengths, numbers and ranges from..to:step", "4..16:2")
    .option("--fraction-lengths <list>", "half of W, auto (calibrated), best (for each W), numbers and ranges", "half")
    .option("--datapath <list>", "intrinsic, tensorquant, wide, wide:N, extrinsic (default: intrinsic)")
    .option("--rounding <list>", "rounding modes (default: nearest)")
    .option("--overflow <list>", "overflow modes, also wrap:N (default: the datapath's)")
    .option(
      "--layers <list>",
      "layers quantized while the others compute in float: lists of names and patterns with ; between them; each: one after the other; blocks: those of its structure; all",
      "all",
    );
}

export function addSweepCommand(program: Command): void {
  const command = program
    .command("sweep")
    .summary("accuracy over word lengths, fraction lengths, rounding, overflow, datapath and layers")
    .description(
      "Runs every combination of the lists on the same images and compares each with float.\n" +
        "With --journal results are kept as they come: the same command goes on where it was stopped or killed.",
    )
    .argument("[model]", "as for run; lenet5 without it");
  addReportOption(addJsonOption(addWorkersOption(addImageOptions(command, addGridOptions)), "the result"))
    .addOption(
      new Option("--search-images <n>", "images behind those of the results, on which best chooses")
        .argParser((text) => parseInteger(text, "--search-images", 1, 1_000_000))
        .default(100),
    )
    .addOption(
      new Option(
        "--experiment <name>",
        `one of the TensorQuant paper's in the place of the lists: ${experimentSummaries()}`,
      ).argParser(parseExperiment),
    )
    .option(
      "--subunits <list>",
      "of an experiment: blocks of the network's structure, layers, or names and patterns with ; between subunits, also name=pattern,pattern",
      "blocks",
    )
    .option("--markdown <file>", "write an experiment's tables there as Markdown; - is standard output")
    .option("--journal <file>", "keep results there (JSON Lines) and take those that are there already")
    .addHelpText(
      "after",
      "\nExample:\n  $ npx macroscope sweep --word-lengths 8..12:4 --rounding nearest,down --images 50 --journal lenet.jsonl\n" +
        "  $ npx macroscope sweep --experiment minimal-subunits --images 50\n",
    )
    .action(async (model: string | undefined, flags: SweepFlags) => {
      await requireOutputs(flags.json, flags.report, flags.journal, flags.markdown);
      requireUsed(command, flags);
      // The lists stand in the place of one format for all layers.
      const { datapath, rounding, overflow, ...others } = flags;
      const configuration = await resolveFlags(model, others);
      const request = requestFrom(flags, configuration, isWritten(command, "wordLengths"));
      await interruptible((signal) => sweep(configuration, request, flags, signal));
    });
}

async function sweep(
  configuration: RunConfiguration,
  request: SweepRequest,
  flags: SweepFlags,
  signal: AbortSignal,
): Promise<void> {
  let progress: Progress | undefined;
  const hooks: SweepHooks = {
    signal,
    assignmentName: assignmentPlace(flags),
    onStage: (label, images) => {
      progress?.stop();
      progress = startProgress(label, images, "images");
    },
    onProgress: (images) => progress?.update(images),
    onNote: (line) => {
      progress?.stop();
      note(line);
    },
  };
  try {
    const report = await sweepModel(configuration, request, hooks);
    progress?.stop();
    const { markdown } = flags;
    const tables = ({ experiment }: SweepReport): string =>
      experiment === undefined ? "" : experimentMarkdown(experiment);
    if (markdown !== undefined && markdown !== "-") {
      await writeFileAtomically(markdown, `${tables(printableTexts(report))}\n`);
    }
    await emit(flags, report, markdown === "-" ? tables : sweepReportText);
  } catch (error) {
    progress?.stop();
    if (signal.aborted) note(interruptedText(request));
    throw error;
  }
}

function interruptedText({ journal }: SweepRequest): string {
  if (journal === null) return "nothing is kept: with --journal <file> a sweep goes on where it was stopped";
  return `${journal} keeps what was done: the same command goes on from there`;
}

/** Lists of the grid mean nothing to an experiment, and its options nothing to a grid. */
function requireUsed(command: Command, { experiment }: SweepFlags): void {
  const unused = experiment === undefined ? EXPERIMENT_ONLY : GRID_ONLY;
  for (const [field, option] of Object.entries(unused)) {
    if (!isWritten(command, field)) continue;
    throw diagnosticError(
      "OPTION",
      option,
      experiment === undefined ? "is for an --experiment" : `is not for --experiment ${experiment}, which has its own`,
      experiment === undefined ? "name one, or leave it out" : "leave it out, or leave the experiment out",
    );
  }
}

const EXPERIMENT_ONLY: Readonly<Record<string, string>> = { subunits: "--subunits", markdown: "--markdown" };
const GRID_ONLY: Readonly<Record<string, string>> = {
  fractionLengths: "--fraction-lengths",
  rounding: "--rounding",
  overflow: "--overflow",
  layers: "--layers",
  searchImages: "--search-images",
};

function isWritten(command: Command, field: string): boolean {
  return command.getOptionValueSource(field) === "cli";
}

function parseExperiment(text: string): ExperimentName {
  if (isExperimentName(text)) return text;
  const nearest = nearestName(text, EXPERIMENT_NAMES);
  const hint =
    nearest === undefined ? `the experiments are ${EXPERIMENT_NAMES.join(", ")}` : `did you mean ${nearest}?`;
  throw diagnosticError("OPTION", "--experiment", `no experiment "${text}"`, hint);
}

function experimentSummaries(): string {
  return EXPERIMENT_NAMES.map((name) => `${name} (${EXPERIMENTS[name].summary})`).join("; ");
}

/** Of one experiment; its intrinsic datapath is that of the paper's code unless one is named. */
function experimentFrom(flags: SweepFlags, hasWordLengths: boolean): ExperimentRequest | null {
  const { experiment: name, subunits, wordLengths, datapath = "tensorquant" } = flags;
  if (name === undefined) return null;
  parseDatapath(datapath);
  if (datapath === "extrinsic" || datapath === "float" || datapath.includes(",")) {
    const what = `${datapath} is no datapath of the machine`;
    throw diagnosticError(
      "OPTION",
      "--datapath",
      what,
      "name what intrinsic is to mean: tensorquant, intrinsic or wide",
    );
  }
  return {
    name,
    subunits,
    wordLengths: hasWordLengths ? parseNumberList(wordLengths, "--word-lengths", WORD_LENGTHS) : null,
    intrinsic: datapath,
  };
}

/** A format in the place of a list: its lengths are lists of their own. */
function requireNoFormat(text: string, option: string): void {
  // A pair of numbers is a list of two.
  const foreign = /^[^0-9]/.test(text) ? parseForeignFormat(text, option) : null;
  if (foreign === null) return;
  const { wordLength, fractionLength } = foreign.format;
  const what = `"${text}" is a format, expected lengths`;
  const hint = `write --word-lengths ${wordLength} --fraction-lengths ${fractionLength}`;
  throw diagnosticError("OPTION", option, what, hint);
}

/** What is not written comes from the configuration's own entry for all layers. */
function requestFrom(flags: SweepFlags, { assignment }: RunConfiguration, hasWordLengths: boolean): SweepRequest {
  const { wordLengths, fractionLengths, layers, searchImages, datapath, rounding, overflow, journal } = flags;
  const own = assignment.default ?? {};
  requireNoFormat(wordLengths, "--word-lengths");
  requireNoFormat(fractionLengths, "--fraction-lengths");
  const items = (text: string, where: string, read: (item: string) => string): readonly string[] =>
    distinct(parseItems(text, where).map(read));
  return {
    grid: {
      wordLengths: parseNumberList(wordLengths, "--word-lengths", WORD_LENGTHS),
      fractionLengths: parseFractionChoices(fractionLengths, "--fraction-lengths"),
      datapaths: items(datapath ?? own.datapath ?? "intrinsic", "--datapath", datapathName),
      roundings: items(rounding ?? own.rounding ?? "nearest", "--rounding", (item) =>
        parseRoundingMode(item, "--rounding"),
      ),
      overflows: overflow === undefined ? [own.overflow ?? null] : items(overflow, "--overflow", countedOverflow),
    },
    experiment: experimentFrom(flags, hasWordLengths),
    layers,
    searchImages,
    journal: journal ?? null,
    written: writtenOf(flags, hasWordLengths),
    version: VERSION,
  };
}

/** What decides the result, as it was written. */
function writtenOf(flags: SweepFlags, hasWordLengths: boolean): Readonly<Record<string, unknown>> {
  const { experiment, subunits, wordLengths, fractionLengths, layers, searchImages } = flags;
  const { datapath, rounding, overflow } = flags;
  if (experiment !== undefined) {
    return {
      experiment,
      subunits,
      ...(hasWordLengths && { wordLengths }),
      ...(datapath !== undefined && { datapath }),
    };
  }
  return {
    wordLengths,
    fractionLengths,
    ...(datapath !== undefined && { datapath }),
    ...(rounding !== undefined && { rounding }),
    ...(overflow !== undefined && { overflow }),
    layers,
    ...(fractionLengths.includes("best") && { searchImages }),
  };
}

function datapathName(item: string): string {
  parseDatapath(item);
  if (item !== "float") return item;
  throw diagnosticError(
    "OPTION",
    "--datapath",
    "float has no word lengths",
    "leave it out: every point is compared with it",
  );
}

/** A trap ends a run at its first overflow, so that there is nothing to compare. */
function countedOverflow(item: string): string {
  const spec = parseOverflow(item, "--overflow");
  if (spec.mode !== "trap") return overflowText(spec);
  throw diagnosticError(
    "OPTION",
    "--overflow",
    "trap ends a run at its first overflow",
    "use saturate or wrap, which count",
  );
}
