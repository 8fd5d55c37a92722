import { layerNames, soleComputation } from "../../compiler/hybrid/layer-computation.ts";
import { type AssignmentSpecification, givenExponents } from "../../compiler/quantization/specification.ts";
import { usesCalibration } from "../../compiler/quantization/uses-calibration.ts";
import { diagnosticError } from "../../isa/diagnostic.ts";
import type { Program } from "../../isa/program/program.ts";
import { checkProgram } from "../../sim/check/index.ts";
import { scheduleProgram } from "../../sim/timing/index.ts";
import type { RunConfiguration } from "../configuration.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { elementsOf, shapeText } from "../datasets/image-shape.ts";
import { isProgramFile, openModel, openProgramFile } from "../model.ts";
import { notModelled } from "../report/not-modelled.ts";
import type { EqualizedEntry, LastingReport } from "../results/run-report.ts";
import { adviceOn } from "./advice.ts";
import { compilePrepared, prepareModel, requireShape } from "./compile-model.ts";
import { runExtrinsicModel } from "./figures/extrinsic-report.ts";
import { machineFigures, machineText } from "./figures/machine-report.ts";
import { type FloatSide, openFloatSide } from "./float.ts";
import { type LastingOutcome, noWords, type RunHooks, type RunOutcome } from "./hooks.ts";
import { tensorSymbol } from "./host-input.ts";
import { runHybridModel } from "./hybrid/report.ts";
import { dataConfiguration, openData, programInput } from "./image-batches.ts";
import { inputAdvice } from "./input-advice.ts";
import { inputEntry } from "./input-entry.ts";
import { type WatchedData, watchedData } from "./input-range.ts";
import { resourcesSince } from "./resources.ts";
import { runMachine } from "./run-machine.ts";

/** Model or program file, data, machine and word lengths → report. Reads files; prints nothing. */
export async function runModel(configuration: RunConfiguration, hooks: RunHooks = {}): Promise<RunOutcome> {
  const started = performance.now();
  const isProgram = await isProgramFile(configuration.model);
  const outcome = await (isProgram ? runProgramFile(configuration, hooks) : runNetwork(configuration, hooks));
  if ("fault" in outcome) return outcome;
  const { report, watched, calibrated, equalized = [] } = outcome;
  const input = inputEntry(watched.data, watched.range());
  const advice = inputAdvice({ ...report, input }) ?? report.advice;
  const calibration = calibrated === undefined ? {} : { calibratedImages: calibrated };
  const scaled = equalized.length === 0 ? {} : { equalized };
  return { report: { ...report, input, advice, ...calibration, ...scaled, resources: resourcesSince(started) } };
}

/** A run's report, the data it was fed with, and the images whose ranges gave it formats. */
type WatchedOutcome =
  | {
      readonly report: LastingReport;
      readonly watched: WatchedData;
      readonly calibrated?: number | undefined;
      readonly equalized?: readonly EqualizedEntry[];
    }
  | Extract<LastingOutcome, { readonly fault: unknown }>;

async function runNetwork(configuration: RunConfiguration, hooks: RunHooks): Promise<WatchedOutcome> {
  const model = await openModel(configuration.model, configuration);
  const data = await openData(configuration, model.graph.input, configuration.images);
  const count = Math.min(configuration.images, data.count);
  const prepared = await prepareModel(configuration, model, data, hooks);
  requireShape(prepared.lowerable, data, configuration);
  const { assignment, calibration } = prepared;
  const resolved: RunConfiguration = { ...configuration, assignment, calibration, ...dataConfiguration(data) };
  const names = layerNames(prepared.lowerable);
  const computation = soleComputation(names, assignment, null, hooks.assignmentName ?? "assignment");
  if (computation !== "machine" && hooks.onWords !== undefined) throw noWords("--dump");
  const program = computation === "machine" ? compilePrepared(prepared, resolved, hooks.assignmentName).program : null;
  const float = await openFloatSide(prepared, { quantizers: configuration.floatQuantizers });
  const watched = watchedData(data);
  const run = { configuration: resolved, data: watched.data, count, float };
  try {
    const outcome =
      computation === "extrinsic"
        ? await runExtrinsicModel({ ...run, prepared }, hooks)
        : program === null
          ? await runHybridModel({ ...run, prepared }, hooks)
          : await simulate({ ...run, ...prepared, program, unreadInputs: prepared.graph.unreadInputs }, hooks);
    const calibrated = usesCalibration(assignment) ? calibration.images : undefined;
    return "fault" in outcome ? outcome : { ...outcome, watched, calibrated, equalized: equalizedEntries(assignment) };
  } finally {
    float.dispose();
  }
}

function equalizedEntries(assignment: AssignmentSpecification): readonly EqualizedEntry[] {
  return Object.entries(givenExponents(assignment) ?? {}).flatMap(([layer, exponents]) => {
    const scaled = exponents.filter((exponent) => exponent !== 0).toSorted((a, b) => a - b);
    const [least, largest] = [scaled[0], scaled.at(-1)];
    if (least === undefined || largest === undefined) return [];
    return [{ layer, scaled: scaled.length, channels: exponents.length, exponents: [least, largest] as const }];
  });
}

async function runProgramFile(configuration: RunConfiguration, hooks: RunHooks): Promise<WatchedOutcome> {
  const opened = await openProgramFile(configuration.model);
  if ("fault" in opened) return opened;
  const { program } = opened;
  const data = await openData(configuration, programInput(program), configuration.images);
  const count = Math.min(configuration.images, data.count);
  requireInput(program, data, configuration);
  // A program brings its own machine, seed and formats.
  const { machine, seed } = program;
  const fixed: RunConfiguration = { ...configuration, machine, seed, assignment: {}, ...dataConfiguration(data) };
  const watched = watchedData(data);
  const run = { configuration: fixed, data: watched.data, count, name: configuration.model, program, float: null };
  const { weights } = program.metadata;
  const outcome = await simulate({ ...run, weights: typeof weights === "string" ? weights : null }, hooks);
  return "fault" in outcome ? outcome : { ...outcome, watched };
}

interface Simulation {
  readonly configuration: RunConfiguration;
  readonly data: Dataset;
  readonly count: number;
  readonly name: string;
  readonly weights: string | null;
  readonly program: Program;
  readonly float: FloatSide | null;
  /** Names of inputs of the model that nothing reads. */
  readonly unreadInputs?: readonly string[] | undefined;
}

/** MACs of an image above which watching every register takes minutes: then it is done on request only. */
const OBSERVED_MACS = 50_000_000;

/** Images observed where the user says nothing. */
function usualObserved({ layers }: Program): number {
  return layers.reduce((sum, { macs }) => sum + macs, 0) > OBSERVED_MACS ? 0 : 2;
}

async function simulate(simulation: Simulation, hooks: RunHooks): Promise<LastingOutcome> {
  const { data, count, program, float } = simulation;
  const observe = simulation.configuration.observe ?? usualObserved(program);
  const configuration: RunConfiguration = { ...simulation.configuration, observe };
  const fault = checkProgram(program);
  if (fault !== null) return { fault };
  const schedule = scheduleProgram(program);
  if ("fault" in schedule) return schedule;
  const span = { first: 0, images: count };
  const outcome = await runMachine({ configuration, data, span, program, float, pool: null }, hooks);
  if ("fault" in outcome) return outcome;
  const { answers, error, digest, observed } = outcome;
  const figures = machineFigures({ program, schedule, ...outcome });
  const accuracy = answers.accuracy();
  const agreement = answers.agreement();
  const report: LastingReport = {
    schema: "macroscope/run/1",
    configuration: { ...configuration },
    model: simulation.name,
    weights: simulation.weights,
    data: data.name,
    images: count,
    machine: machineText(program.machine),
    engine: `${configuration.engine}: ${outcome.result.kernels}`,
    floatBackend: float?.backend ?? null,
    accuracy,
    accuracyMissing: answers.missing(),
    agreement,
    classes: answers.byClass(),
    error,
    ...figures,
    digest,
    observedImages: observed,
    advice: adviceOn({
      ...{ accuracy, agreement, error, images: count, observedImages: observed },
      ...{ layers: figures.layers, cycles: figures.cycles },
    }),
    notModelled: notModelled(program.hostOperators, simulation.unreadInputs ?? []),
  };
  return { report };
}

function requireInput(program: Program, data: Dataset, configuration: RunConfiguration): void {
  const expected = tensorSymbol(program, program.input).shape.reduce((product, side) => product * side, 1);
  const found = elementsOf(data.shape);
  if (expected === found) return;
  throw diagnosticError(
    "DATA_SHAPE",
    configuration.data,
    `images of ${shapeText(data.shape)} = ${found} values, but the program takes ${expected}`,
    "use data of the network's own input shape, or --resize and --crop",
  );
}
