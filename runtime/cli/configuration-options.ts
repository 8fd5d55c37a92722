import { availableParallelism } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { type Command, Option } from "commander";
import { BATCH_NORMALIZATION_MODES, type BatchNormalizationMode, prepareGraph } from "../../compiler/prepare-graph.ts";
import { parseWrittenFormat } from "../../compiler/quantization/automatic-format.ts";
import { parseForeignFormat, withOwnFormat } from "../../compiler/quantization/format-notations.ts";
import { EQUALIZE_MODES, type EqualizeMode, PRESET_NAMES } from "../../compiler/quantization/specification.ts";
import { DEFAULT_LIMITS, type SizeLimits } from "../../compiler/size-limits.ts";
import { parseDataflow } from "../../isa/dataflow/table.ts";
import { DiagnosticError, diagnosticError, nearestName } from "../../isa/diagnostic.ts";
import { MACHINE_LIMITS } from "../../isa/machine.ts";
import { parseOverflow } from "../../isa/numerics/overflow.ts";
import { parseRoundingMode } from "../../isa/numerics/rounding.ts";
import { ENGINE_NAMES, type EngineName } from "../../sim/engines.ts";
import {
  CONFIGURATION_LIMITS,
  type ConfigurationFile,
  MACHINE_HINT,
  preprocessingSchema,
  type RunConfiguration,
  readConfiguration,
  readYaml,
  resolveConfiguration,
  specificationOf,
} from "../configuration.ts";
import type { PathField } from "../configuration-paths.ts";
import { LAYOUTS, type Layout } from "../datasets/preprocessing/layout.ts";
import { readAssignment } from "../exports/read-assignment.ts";
import { isProgramFile, openModel, openProgramFile } from "../model.ts";
import { addAssignmentHelp } from "./format-help.ts";
import { parseInteger, parseName, parseSeed } from "./options.ts";
import { note } from "./output.ts";
import { addPreprocessingOptions, type PreprocessingFlags, withPreprocessingFlags } from "./preprocessing-options.ts";
import { parseDialect } from "./register-options.ts";

/** Flags that say what a configuration file says; flags win. */
export interface ConfigurationFlags extends PreprocessingFlags {
  readonly config?: string;
  readonly data?: string;
  readonly images?: number;
  readonly seed?: number;
  readonly engine?: EngineName;
  readonly workers?: number;
  readonly observe?: number;
  readonly machine?: string;
  readonly array?: string;
  readonly dataflow?: string;
  readonly assign?: string;
  readonly datapath?: string;
  readonly format?: string;
  readonly rounding?: string;
  readonly overflow?: string;
  readonly dialect?: string;
  readonly model?: string;
  readonly weights?: string;
  readonly labels?: string;
  readonly labelNames?: string;
  readonly labelOffset?: number;
  readonly layout?: Layout;
  readonly calibrationImages?: number;
  readonly limitWords?: number;
  readonly limitMacs?: number;
  readonly limitInstructions?: number;
  readonly batchNorm?: BatchNormalizationMode;
  readonly equalize?: EqualizeMode;
  readonly floatWithoutQuantizers?: true;
}

/** One format and its modes for every layer. */
function addFormatOptions(command: Command): Command {
  return command
    .option("--format <W,F>", "format of every register of every layer; W,auto calibrates F (default: 16,8)")
    .option("--datapath <name>", "intrinsic, tensorquant, wide, wide:N, extrinsic or float (default: intrinsic)")
    .option("--rounding <mode>", "rounding mode (default: nearest)")
    .option("--overflow <mode>", "overflow mode, also wrap:N (default: the datapath's)");
}

/** Options every command shares that compiles a model; `addFormats` adds those for the formats of all layers. */
export function addModelOptions(
  command: Command,
  addFormats: (command: Command) => Command = addFormatOptions,
): Command {
  const withModel = addPreprocessingOptions(addAssignmentHelp(command))
    .option("--config <file>", "configuration (YAML or JSON), or a result to repeat; paths in it start at its folder")
    .option(
      "--data <path>",
      "mnist-test, mnist-validation, random:<seed>, or a file or folder of images (default: mnist-test)",
    )
    .option("--model <name>", "the model, in the place of the argument")
    .option("--weights <file>", "weights of a network known by name, from a model file of the same topology")
    .option("--labels <file>", "labels (CSV, IDX or NPY) instead of those that come with the data")
    .option(
      "--label-names <file>",
      "names of the classes, one a line in the order of the outputs, where labels are names",
    )
    .addOption(
      new Option("--label-offset <n>", "added to every label (default: 0)").argParser((text) =>
        parseInteger(text, "--label-offset", -(2 ** 31), 2 ** 31 - 1),
      ),
    )
    .addOption(
      new Option(
        "--layout <order>",
        "axes of arrays: declared (as the model's input), channels-last or channels-first (default: by their sizes)",
      ).argParser((text) => parseName(text, "--layout", LAYOUTS)),
    )
    .addOption(new Option("--seed <n>", "seed of stochastic rounding and intervals (default: 1)").argParser(parseSeed));
  return addLimitOptions(addFormats(withModel))
    .option("--dialect <name>", "corner cases as in sc, ap or ac (default: sc)")
    .option("--assign <file>", "formats per layer (YAML, JSON or CSV; hls4ml's configuration; a result of run or bits)")
    .option("--machine <file>", "machine (YAML or JSON); fields left out are the default machine's")
    .option("--array <RxC>", "rows x columns of the array (default: 16x16)")
    .option("--dataflow <name>", "os, ws, is or tree:N (default: os)")
    .addOption(
      new Option(
        "--batch-norm <how>",
        "fold batch normalization into weights, or keep it separate with registers of its own (default: fold)",
      ).argParser((text) => parseName(text, "--batch-norm", BATCH_NORMALIZATION_MODES)),
    )
    .addOption(
      new Option(
        "--equalize <which>",
        "channels to scale by powers of two, the next weights by the inverse: automatic (those that an automatic output\nformat leaves without words), all (that gain) or none (default: automatic)",
      ).argParser((text) => parseName(text, "--equalize", EQUALIZE_MODES)),
    )
    .addOption(
      new Option(
        "--float-without-quantizers",
        "the float reference leaves out the model's own quantizers (default: it computes what the file says)",
      ),
    )
    .addOption(
      new Option(
        "--calibration-images <n>",
        "images that calibrate automatic formats (default: 100; one drawn one)",
      ).argParser(imageCount("--calibration-images", 1)),
    );
}

/** How large network and program may be. */
function addLimitOptions(command: Command): Command {
  const most = (limit: keyof SizeLimits, what: string): Option =>
    new Option(`--limit-${limit} <n>`, `most ${what} (default: ${DEFAULT_LIMITS[limit]})`).argParser((text) =>
      parseInteger(text, `--limit-${limit}`, 1, Number.MAX_SAFE_INTEGER),
    );
  return command
    .addOption(most("words", "words of one value between layers"))
    .addOption(most("macs", "multiply-accumulates of one layer"))
    .addOption(most("instructions", "instructions of the program"));
}

/** Options of commands that run images in one thread; `addFormats` as for `addModelOptions`. */
export function addImageOptions(
  command: Command,
  addFormats: (command: Command) => Command = addFormatOptions,
): Command {
  return addModelOptions(command, addFormats)
    .addOption(
      new Option("--images <n>", "how many images (default: 1000; one of drawn ones)").argParser(
        imageCount("--images", 1),
      ),
    )
    .addOption(
      new Option("--engine <name>", `${ENGINE_NAMES.join(" or ")} (default: fast)`).argParser((text) =>
        parseName(text, "--engine", ENGINE_NAMES),
      ),
    );
}

/** Of commands that run images on several threads. */
export function addWorkersOption(command: Command): Command {
  return command.addOption(
    new Option("--workers <n>", "worker threads (default: one per processor)").argParser((text) =>
      parseInteger(text, "--workers", 1, CONFIGURATION_LIMITS.workers),
    ),
  );
}

/** Options of commands that run images on several threads and look into the first of them. */
export function addRunOptions(command: Command): Command {
  return addWorkersOption(addImageOptions(command)).addOption(
    new Option(
      "--observe <n>",
      "first images whose ranges and rounding errors are taken (default: 2; none above 50 million MACs)",
    ).argParser(imageCount("--observe", 0)),
  );
}

function imageCount(option: string, min: number): (text: string) => number {
  return (text) => parseInteger(text, option, min, CONFIGURATION_LIMITS.images);
}

/** File and flags together, checked and completed. */
export async function resolveFlags(argument: string | undefined, flags: ConfigurationFlags): Promise<RunConfiguration> {
  if (argument !== undefined && flags.model !== undefined && argument !== flags.model) {
    throw diagnosticError("OPTION", "--model", `${flags.model}, but the argument is ${argument}`, "give one of them");
  }
  const model = argument ?? flags.model;
  const written: ConfigurationFile =
    flags.config === undefined ? {} : await readConfiguration(flags.config, overruledPaths({ ...flags, model }));
  const path = model ?? written.model;
  const file =
    path !== undefined && (await isProgramFile(path)) ? await programDefaults(path, written, flags) : written;
  return resolveConfiguration(
    {
      model: model ?? file.model,
      weights: flags.weights ?? file.weights,
      data: flags.data ?? file.data,
      labels: flags.labels ?? file.labels,
      labelNames: flags.labelNames ?? file.labelNames,
      labelOffset: flags.labelOffset ?? file.labelOffset,
      layout: flags.layout ?? file.layout,
      images: flags.images ?? file.images,
      seed: flags.seed ?? file.seed,
      engine: flags.engine ?? file.engine,
      workers: flags.workers ?? file.workers ?? availableParallelism(),
      observe: flags.observe ?? file.observe,
      machine: await machineFields(file, flags),
      assignment: await assignmentValue(file, flags, model ?? file.model),
      batchNormalization: flags.batchNorm ?? file.batchNormalization,
      floatQuantizers: flags.floatWithoutQuantizers ? false : file.floatQuantizers,
      preprocessing: withPreprocessingFlags(specificationOf(file.preprocessing), flags),
      calibration: {
        ...file.calibration,
        // Those of the file are of channels as they were scaled then.
        ...(flags.equalize === undefined ? {} : { ranges: null }),
        ...(flags.calibrationImages === undefined ? {} : { images: flags.calibrationImages }),
      },
      limits: {
        words: flags.limitWords ?? file.limits?.words,
        macs: flags.limitMacs ?? file.limits?.macs,
        instructions: flags.limitInstructions ?? file.limits?.instructions,
      },
    },
    { machine: machinePlace(flags), assignment: assignmentPlace(flags) },
  );
}

/** Paths that flags give, so that those of the file need not lead anywhere. */
function overruledPaths(flags: { readonly [Field in PathField]?: string | undefined }): readonly PathField[] {
  return (["model", "weights", "data", "labels", "labelNames"] as const).filter((field) => flags[field] !== undefined);
}

function machinePlace({ machine, config }: ConfigurationFlags): string {
  return machine ?? (config === undefined ? "machine" : `${config}: machine`);
}

/** What diagnostics call the word lengths: the file they stand in. */
export function assignmentPlace({ assign, config }: ConfigurationFlags): string {
  return assign ?? (config === undefined ? "assignment" : `${config}: assignment`);
}

/** What a program file decides, so that a flag against it would be ignored. */
const FIXED_BY_PROGRAM = {
  weights: "--weights",
  seed: "--seed",
  machine: "--machine",
  array: "--array",
  dataflow: "--dataflow",
  assign: "--assign",
  datapath: "--datapath",
  format: "--format",
  rounding: "--rounding",
  overflow: "--overflow",
  dialect: "--dialect",
  calibrationImages: "--calibration-images",
  batchNorm: "--batch-norm",
  equalize: "--equalize",
} as const;

/** The configuration with what the program file says of itself; flags and fields that contradict it are diagnostics. */
async function programDefaults(
  path: string,
  file: ConfigurationFile,
  flags: ConfigurationFlags,
): Promise<ConfigurationFile> {
  const hint = "compile the model again with this option";
  const wrong = (Object.keys(FIXED_BY_PROGRAM) as (keyof typeof FIXED_BY_PROGRAM)[])
    .filter((flag) => flags[flag] !== undefined)
    .map((flag) => ({ code: "PROGRAM_FIXED", where: FIXED_BY_PROGRAM[flag], what: `${path} is compiled`, hint }));
  const opened = await openProgramFile(path);
  if (wrong.length > 0) throw new DiagnosticError(wrong);
  if ("fault" in opened) return file;
  const { seed, machine, metadata } = opened.program;
  // Copies, for records read from a file have no prototype.
  const same = (given: unknown, own: unknown): boolean =>
    given === undefined || isDeepStrictEqual(structuredClone(given), structuredClone(own));
  const contradicting = [
    ...(same(file.seed, seed) ? [] : ["seed"]),
    ...(same(file.machine, { ...machine }) ? [] : ["machine"]),
    ...(same(file.assignment, {}) ? [] : ["assignment"]),
    ...(same(file.weights, null) ? [] : ["weights"]),
  ];
  if (contradicting.length > 0) {
    const what = `${contradicting.join(", ")}: not what ${path} was compiled for`;
    throw diagnosticError("PROGRAM_FIXED", flags.config ?? "configuration", what, "leave it out, or compile again");
  }
  const own = preprocessingSchema.safeParse(metadata.preprocessing);
  const preprocessing = { ...(own.success ? own.data : {}), ...specificationOf(file.preprocessing) };
  return { ...file, seed, machine: { ...machine }, assignment: {}, preprocessing };
}

async function machineFields(file: ConfigurationFile, flags: ConfigurationFlags): Promise<Record<string, unknown>> {
  const given = flags.machine === undefined ? (file.machine ?? {}) : await readYaml(flags.machine);
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw diagnosticError("MACHINE", flags.machine ?? "machine", "expected the fields of a machine", MACHINE_HINT);
  }
  const fields: Record<string, unknown> = { ...given };
  if (flags.array !== undefined) Object.assign(fields, parseArray(flags.array));
  if (flags.dataflow !== undefined) {
    const { dataflow, rows } = parseDataflow(flags.dataflow);
    fields.dataflow = dataflow;
    if (rows !== undefined) fields.rows = rows;
  }
  return fields;
}

function parseArray(text: string): { rows: number; columns: number } {
  const match = /^([0-9]+)[x×]([0-9]+)$/.exec(text);
  const [rows, columns] = [Number(match?.[1]), Number(match?.[2])];
  const legal = (side: number): boolean => side >= 1 && side <= MACHINE_LIMITS.side;
  if (legal(rows) && legal(columns)) return { rows, columns };
  const what = `found "${text}", expected rows x columns, each from 1 to ${MACHINE_LIMITS.side}`;
  throw diagnosticError("OPTION", "--array", what, "write 16x16");
}

const DEFAULT_ENTRY = { datapath: "intrinsic", format: "16,8", rounding: "nearest" };

/** Flags for every layer, each checked by itself, so that what is wrong names its flag. */
const LAYER_FLAGS: Readonly<
  Record<"datapath" | "format" | "rounding" | "overflow" | "dialect", (text: string) => unknown>
> = {
  datapath: parseDatapath,
  format: (text) => parseForeignFormat(text, "--format") ?? parseWrittenFormat(text, "--format"),
  rounding: (text) => parseRoundingMode(text, "--rounding"),
  overflow: (text) => parseOverflow(text, "--overflow"),
  dialect: (text) => parseDialect(text),
};

/** Refuses what is no name of a datapath. */
export function parseDatapath(text: string): void {
  const [name = "", bits] = text.split(":");
  if ((PRESET_NAMES as readonly string[]).includes(name) && (bits === undefined || name === "wide")) return;
  const nearest = nearestName(name, PRESET_NAMES);
  const hint = nearest === undefined ? "wide takes :N, bits of its accumulator" : `did you mean ${nearest}?`;
  throw diagnosticError("OPTION", "--datapath", `found "${text}", expected ${PRESET_NAMES.join(", ")}`, hint);
}

/** What `--assign` names, read for the network in which it is to hold. */
async function readAssign(
  path: string,
  file: ConfigurationFile,
  flags: ConfigurationFlags,
  model = "lenet5",
): Promise<unknown> {
  const { assignment, notes } = await readAssignment(path, async () => {
    const source = { weights: flags.weights ?? file.weights ?? null, seed: flags.seed ?? file.seed ?? 1 };
    const { graph, assignment: prescribed } = await openModel(model, source);
    const lowerable = prepareGraph(graph, model, flags.batchNorm ?? file.batchNormalization ?? "fold");
    return { imported: graph, lowerable, prescribes: Object.keys(prescribed.layers ?? {}).length > 0 };
  });
  for (const line of notes) note(`${path}: ${line}`);
  return assignment;
}

/** The assignment file (or the configuration's), its default entry overlaid with the flags. */
async function assignmentValue(file: ConfigurationFile, flags: ConfigurationFlags, model?: string): Promise<unknown> {
  const given = flags.assign === undefined ? file.assignment : await readAssign(flags.assign, file, flags, model);
  const isObject = (value: unknown): value is object =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (given !== undefined && !isObject(given)) {
    const hint = 'write e.g. default: { format: "16,8" }';
    throw diagnosticError("ASSIGNMENT", assignmentPlace(flags), "expected default and layers", hint);
  }
  const overlay: Record<string, string> = {};
  for (const name of Object.keys(LAYER_FLAGS) as (keyof typeof LAYER_FLAGS)[]) {
    const text = flags[name];
    if (text === undefined) continue;
    LAYER_FLAGS[name](text);
    overlay[name] = text;
  }
  const equalize = flags.equalize === undefined ? {} : { equalize: flags.equalize };
  const written = { ...given, ...equalize } as { default?: unknown; verified?: unknown };
  const base = written.default ?? {};
  // What is no entry is left to the reader of the specification, which says where it stands.
  if (!isObject(base)) return written;
  // What was verified is not what the flags make of it.
  if (Object.keys({ ...overlay, ...equalize }).length > 0 && "verified" in written) delete written.verified;
  return { ...written, default: { ...DEFAULT_ENTRY, ...base, ...withOwnFormat(overlay, "--format") } };
}
