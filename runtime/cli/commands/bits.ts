import { join, parse } from "node:path";
import { type Command, Option } from "commander";
import { parseAssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import { diagnosticError, InvariantError } from "../../../isa/diagnostic.ts";
import { printable } from "../../../isa/printable.ts";
import type { RunConfiguration } from "../../configuration.ts";
import { DEFAULT_WEIGHTS, parseObjective } from "../../exploration/search/objective.ts";
import { targetOf } from "../../exploration/search/target.ts";
import { writeFileAtomically } from "../../files.ts";
import { shellQuoted } from "../../report/shell.ts";
import { type BitsUse, bitsReportText } from "../../report/text/bits-text.ts";
import { verificationText } from "../../report/text/verification-text.ts";
import {
  type BitsReport,
  type MeasuredAssignment,
  STRATEGIES,
  type Strategy,
  TARGET_KINDS,
  type TargetKind,
} from "../../results/bits-report.ts";
import { type BitsHooks, type BitsRequest, findBits } from "../../session/exploration/bits.ts";
import { yamlText } from "../../yaml.ts";
import { addImageOptions, addWorkersOption, type ConfigurationFlags, resolveFlags } from "../configuration-options.ts";
import { EXIT } from "../exit-codes.ts";
import { interruptible } from "../interrupt.ts";
import { parseInteger, parseName } from "../options.ts";
import { addJsonOption, addReportOption, emit, note, type Output, requireOutputs } from "../output.ts";
import { type Progress, startProgress } from "../progress.ts";
import { recordOptions, repeatedOptions } from "../repetition.ts";
import { VERSION } from "../version.ts";

interface BitsFlags extends ConfigurationFlags, Output {
  readonly target: number;
  readonly targetKind: TargetKind;
  readonly margin?: number;
  readonly objective?: string;
  readonly strategy: Strategy;
  readonly searchData?: string;
  readonly searchImages?: number;
  readonly marginBits: number;
  readonly observedImages: number;
  readonly earlyError: number;
  readonly output?: string;
  readonly journal?: string;
}

export function addBitsCommand(program: Command): void {
  const command = program
    .command("bits")
    .summary("find how many bits each register needs for an accuracy target")
    .description(
      "Searches a format for each register of each layer that keeps a target, at least cost; measures it on images that\n" +
        "no decision saw. Without a model: the bundled LeNet-5, searched on the bundled validation digits and measured on\n" +
        "the test digits, which takes minutes: macroscope bits --target 0.99 -o assignment.yaml\n" +
        "Other data: its first half is searched on, the rest measured, unless --search-data is given.",
    )
    .argument("[model]", "as run takes it, but no program file");
  addWorkersOption(addImageOptions(command, addDatapathOptions))
    .addOption(new Option("--target <value>", "what must be kept").default(0.99).argParser(number("--target")))
    .addOption(
      new Option("--target-kind <kind>", `${TARGET_KINDS.join(", ")}: shares, points of per cent, dB or values`)
        .default("relative")
        .argParser((text) => parseName(text, "--target-kind", TARGET_KINDS)),
    )
    .addOption(
      new Option(
        "--margin <value>",
        "how much better the search's images must be (default: half of what a share or a drop gives up; 1 dB; a tenth of an error)",
      ).argParser(number("--margin")),
    )
    .option("--objective <what>", "bits, energy, dsp, or weights such as bits=1,energy=2 (default: bits=1,energy=1)")
    .addOption(
      new Option("--strategy <name>", `${STRATEGIES.join(", ")}: one format, one per register, or a front of them`)
        .default("greedy")
        .argParser((text) => parseName(text, "--strategy", STRATEGIES)),
    )
    .option("--search-data <path>", "data of the search, as --data takes it (for mnist-test: mnist-validation)")
    .addOption(
      new Option("--search-images <n>", "images of the search (default: 1000)").argParser((text) =>
        parseInteger(text, "--search-images", 1, 100_000_000),
      ),
    )
    .addOption(
      new Option("--margin-bits <n>", "integer bits at the start beyond those observed")
        .default(1)
        .argParser((text) => parseInteger(text, "--margin-bits", 0, 32)),
    )
    .addOption(
      new Option("--observed-images <n>", "images whose products and sums are watched for their ranges")
        .default(16)
        .argParser((text) => parseInteger(text, "--observed-images", 1, 100_000)),
    )
    .addOption(
      new Option("--early-error <p>", "probability that an early verdict on a candidate is wrong; 0: none is early")
        .default(0.01)
        .argParser(number("--early-error")),
    )
    .option("--journal <file>", "keep outcomes there (JSON Lines) and take those that are there already")
    .option("-o, --output <file>", "write the assignment (YAML), as run --assign takes it");
  addReportOption(addJsonOption(command, "the result"));
  const written = recordOptions(command);
  command
    .addHelpText(
      "after",
      "\nExample:\n  $ npx macroscope bits --strategy uniform --target 0.9 --search-images 50 --images 50 -o assignment.yaml\n",
    )
    .action(async (model: string | undefined, flags: BitsFlags) => {
      const { output } = flags;
      const files = output === undefined ? null : { chosen: output, kept: keptName(output) };
      await requireOutputs(flags.json, flags.report, files?.chosen, files?.kept, flags.journal);
      const request = requestOf(flags);
      const configuration = await resolveFlags(model, flags);
      const report = await interruptible((signal) => searched(configuration, request, signal));
      const { chosen, alternative = null } = report;
      if (files !== null && chosen !== null) {
        await writeFileAtomically(files.chosen, assignmentFile(report, chosen));
        if (alternative !== null) await writeFileAtomically(files.kept, assignmentFile(report, alternative));
      }
      const repeated = repeatedOptions(written, runCommand(program), SEARCHED);
      const use = files === null ? null : useOf(report, files, repeated);
      await emit(flags, report, (shown) => bitsReportText(shown, use));
      if (!report.kept) process.exitCode = EXIT.no;
    });
}

/** What the registers of all layers share; their formats are what is searched. */
function addDatapathOptions(command: Command): Command {
  return command
    .option("--datapath <name>", "intrinsic, tensorquant, wide, wide:N or extrinsic (default: intrinsic)")
    .option("--rounding <mode>", "rounding mode (default: nearest)")
    .option("--overflow <mode>", "overflow mode, also wrap:N (default: the datapath's)");
}

function requestOf(flags: BitsFlags): BitsRequest {
  const { earlyError } = flags;
  if (!(earlyError >= 0 && earlyError < 0.5)) {
    throw diagnosticError("OPTION", "--early-error", `found ${earlyError}`, "give a probability from 0 to below 0.5");
  }
  const { objective, weights } =
    flags.objective === undefined
      ? { objective: "weighted" as const, weights: DEFAULT_WEIGHTS }
      : parseObjective(flags.objective, "--objective");
  return {
    target: targetOf(flags.targetKind, flags.target, flags.margin),
    objective,
    weights,
    strategy: flags.strategy,
    searchData: flags.searchData ?? null,
    searchImages: flags.searchImages ?? null,
    finalImages: flags.images ?? null,
    errorProbability: earlyError,
    marginBits: flags.marginBits,
    observedImages: flags.observedImages,
    journal: flags.journal ?? null,
    version: VERSION,
  };
}

/** The bundled test digits are searched on the bundled validation digits. */
function withUsualData(request: BitsRequest, { data }: RunConfiguration): BitsRequest {
  if (request.searchData !== null || data !== "mnist-test") return request;
  return { ...request, searchData: "mnist-validation" };
}

/** With progress on the terminal; an interrupt says what is kept. */
async function searched(
  configuration: RunConfiguration,
  request: BitsRequest,
  signal: AbortSignal,
): Promise<BitsReport> {
  const bar = new SearchProgress();
  const hooks: BitsHooks = {
    signal,
    onStage: (label, images) => bar.begin(label, images, "images"),
    onProgress: (images) => bar.images(images),
    onTrial: (_trial, done, expected) => bar.trials(done, expected),
    onNote: (line) => {
      bar.stop();
      note(line);
    },
  };
  try {
    return await findBits(configuration, withUsualData(request, configuration), hooks);
  } catch (error) {
    bar.stop();
    if (signal.aborted) note(interruptedText(request));
    throw error;
  } finally {
    bar.stop();
  }
}

function interruptedText({ journal }: BitsRequest): string {
  if (journal === null) return "nothing is kept: with --journal <file> a search goes on where it was stopped";
  return `${journal} keeps what was done: the same command goes on from there`;
}

/** Images while the data are opened and watched, then trials, of which it is only guessed how many there will be. */
class SearchProgress {
  #bar: Progress | null = null;
  #unit = "";
  #total = 0;

  begin(label: string, total: number, unit: string): void {
    this.stop();
    this.#bar = startProgress(label, total, unit);
    this.#unit = unit;
    this.#total = total;
  }

  images(done: number): void {
    if (this.#unit === "images") this.#bar?.update(done);
  }

  trials(done: number, expected: number): void {
    if (this.#unit !== "trials" || this.#total !== expected) this.begin("search", expected, "trials");
    this.#bar?.update(done);
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = null;
    this.#unit = "";
  }
}

interface AssignmentFiles {
  readonly chosen: string;
  readonly kept: string;
}

/** Beside the file of what was chosen stands one of what keeps the target: `formats.kept.yaml`. */
function keptName(path: string): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}.kept${ext}`);
}

function assignmentFile({ model, search }: BitsReport, { assignment }: MeasuredAssignment): string {
  const { verified } = parseAssignmentSpecification(assignment, "assignment");
  const lines = [
    `Formats of ${model}, searched on ${search.span.images} images of ${search.data}.`,
    ...(verified === undefined ? [] : [verificationText(verified)]),
  ];
  return lines.map((line) => `# ${printable(line)}\n`).join("") + yamlText(assignment);
}

/** Options whose part the assignment and the final images have, and those that no bit depends on. */
const SEARCHED = [
  "datapath",
  "rounding",
  "overflow",
  "dialect",
  "assign",
  "images",
  "model",
  "workers",
  "json",
  "report",
].map((name) => `--${name}`);

function runCommand(program: Command): Command {
  const run = program.commands.find((command) => command.name() === "run");
  if (run === undefined) throw new InvariantError("no command run");
  return run;
}

/** Runs what was found on the final images, as they were made. */
function useOf(
  { configuration, final, alternative }: BitsReport,
  files: AssignmentFiles,
  repeated: readonly string[],
): BitsUse {
  const { model, data } = configuration;
  const used = alternative == null ? files.chosen : files.kept;
  const words = [
    ...["npx", "macroscope", "run", shellQuoted(String(model))],
    ...(repeated.includes("--data") ? [] : ["--data", shellQuoted(String(data))]),
    ...repeated,
    ...["--images", String(final.span.first + final.span.images), "--assign", shellQuoted(used)],
  ];
  return {
    file: printable(files.chosen),
    alternative: alternative == null ? null : printable(files.kept),
    command: words.join(" "),
  };
}

function number(option: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value)) return value;
    throw diagnosticError("OPTION", option, `found "${text}", expected a number`, "write a decimal number");
  };
}
