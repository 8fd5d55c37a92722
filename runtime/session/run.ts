import { diagnosticError } from "../../isa/diagnostic.ts";
import type { Program } from "../../isa/program.ts";
import { checkProgram } from "../../sim/check/index.ts";
import { runOnPool } from "../../sim/pool/pool.ts";
import { scheduleProgram } from "../../sim/timing/index.ts";
import type { RunConfiguration } from "../configuration.ts";
import { type Dataset, openDataset, preprocess } from "../datasets/dataset.ts";
import { ErrorMeter } from "../metrics/error.ts";
import { isProgramFile, openProgramFile } from "../model.ts";
import { NOT_MODELLED } from "../report/not-modelled.ts";
import type { RunReport } from "../report/run-report.ts";
import { accuracyOf } from "./accuracy.ts";
import { adviceOn } from "./advice.ts";
import { compilePrepared, prepareModel, requireShape } from "./compile-model.ts";
import { digestOf } from "./digest.ts";
import { runExtrinsicModel } from "./extrinsic-report.ts";
import { type FloatReference, type FloatSide, openFloatReference } from "./float.ts";
import type { RunHooks, RunOutcome } from "./hooks.ts";
import { inputTrap, quantizeImages, tensorSymbol } from "./host-input.ts";
import { machineFigures, machineText, outputElements } from "./machine-report.ts";
import { comparableRaws, rawsToValues } from "./values.ts";

/** Images of one task of a worker: large enough to hide the message, small enough to balance and to show progress. */
const BATCH_IMAGES = 10;

/** Model or program file, data, machine and word lengths → report. Reads files; prints nothing. */
export async function runModel(configuration: RunConfiguration, hooks: RunHooks = {}): Promise<RunOutcome> {
  const data = await openDataset(configuration.data);
  const count = Math.min(configuration.images, data.count);
  if (await isProgramFile(configuration.model)) {
    const opened = await openProgramFile(configuration.model);
    if ("fault" in opened) return opened;
    const { program } = opened;
    // A program brings its own machine, seed and formats.
    const { machine, seed } = program;
    const fixed: RunConfiguration = { ...configuration, machine, seed, assignment: {} };
    return simulate({ configuration: fixed, data, count, name: configuration.model, program, float: null }, hooks);
  }
  const prepared = await prepareModel(configuration, data);
  requireShape(prepared.lowerable, data, configuration);
  const resolved: RunConfiguration = { ...configuration, calibration: prepared.calibration };
  const images = preprocess(data, count, configuration.preprocessing);
  hooks.onStage?.("float reference", count);
  const reference = await openFloatReference(prepared.graph);
  const logits = await reference.network.run(images, count, undefined, hooks.onProgress);
  reference.network.dispose();
  const lowered = await openFloatReference(prepared.lowerable);
  try {
    const float = { logits, backend: reference.backend, lowered };
    if (configuration.assignment.default?.datapath === "extrinsic") {
      return await runExtrinsicModel({ configuration: resolved, data, count, prepared, float }, hooks);
    }
    const { program } = compilePrepared(prepared, configuration, hooks.assignmentName);
    return await simulate({ configuration: resolved, data, count, name: prepared.name, program, float }, hooks);
  } finally {
    lowered.network.dispose();
  }
}

interface Simulation {
  readonly configuration: RunConfiguration;
  readonly data: Dataset;
  readonly count: number;
  readonly name: string;
  readonly program: Program;
  readonly float: FloatSide | null;
}

async function simulate(simulation: Simulation, hooks: RunHooks): Promise<RunOutcome> {
  const { configuration, data, count, program, float } = simulation;
  requireInput(program, data, configuration);
  const fault = checkProgram(program);
  if (fault !== null) return { fault };
  const schedule = scheduleProgram(program);
  if ("fault" in schedule) return schedule;
  const observed = Math.min(configuration.observe, count);
  const images = preprocess(data, count, configuration.preprocessing);
  const inputs = quantizeImages(program, images, count, observed);
  const trapped = inputTrap(inputs);
  if (trapped !== null) return { fault: trapped };
  hooks.onStage?.(`${configuration.engine} engine`, count);
  const result = await runOnPool(program, inputs.raws, count, {
    engine: configuration.engine,
    workers: configuration.workers,
    batchImages: BATCH_IMAGES,
    observedImages: observed,
    ...(hooks.onProgress ? { onProgress: hooks.onProgress } : {}),
    ...(hooks.signal ? { signal: hooks.signal } : {}),
  });
  if (result.fault !== null) return { fault: result.fault };
  const { format } = tensorSymbol(program, program.output);
  const floatLayers = float === null ? new Map() : await observeFloat(float.lowered, images, observed);
  const figures = machineFigures({ program, schedule, result, inputs, floatLayers });
  const outcome = {
    fixed: comparableRaws(result.outputs, format),
    float: float?.logits ?? null,
    images: count,
    classes: outputElements(program),
  };
  const accuracy = accuracyOf(outcome, data.labels, configuration.seed);
  const meter = new ErrorMeter();
  if (float !== null) meter.add(float.logits, rawsToValues(result.outputs, format));
  const report: RunReport = {
    schema: "macroscope/run/1",
    configuration: { ...configuration },
    model: simulation.name,
    data: data.name,
    images: count,
    machine: machineText(program.machine),
    floatBackend: float?.backend ?? null,
    accuracy,
    error: float === null ? null : meter.figures(),
    ...figures,
    digest: digestOf(result.outputs),
    observedImages: observed,
    advice: adviceOn({ accuracy, layers: figures.layers, cycles: figures.cycles }),
    notModelled: NOT_MODELLED,
  };
  return { report };
}

/** Values of every node for the first images. */
async function observeFloat(
  { network }: FloatReference,
  images: Float32Array,
  observed: number,
): Promise<Map<string, Float32Array>> {
  const parts = new Map<string, Float32Array[]>();
  const elements = images.length === 0 || observed === 0 ? 0 : inputElements(network);
  await network.run(images.subarray(0, observed * elements), observed, (name, values) => {
    parts.set(name, [...(parts.get(name) ?? []), Float32Array.from(values)]);
    return undefined;
  });
  return new Map([...parts].map(([name, arrays]) => [name, joined(arrays)]));
}

function inputElements(network: FloatReference["network"]): number {
  return network.inputShape.reduce((product, side) => product * side, 1);
}

function joined(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const array of arrays) {
    all.set(array, offset);
    offset += array.length;
  }
  return all;
}

function requireInput(program: Program, data: Dataset, configuration: RunConfiguration): void {
  const expected = tensorSymbol(program, program.input).shape.reduce((product, side) => product * side, 1);
  const found = data.shape.reduce((product, side) => product * side, 1);
  if (expected === found) return;
  throw diagnosticError(
    "DATA_SHAPE",
    configuration.data,
    `images of ${data.shape.join(" × ")} = ${found} values, but the program takes ${expected}`,
    "use data of the network's own input shape",
  );
}
