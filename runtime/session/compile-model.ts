import { type Compilation, compile, prepareGraph } from "../../compiler/compile.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import { usesCalibration } from "../../compiler/quantization/uses-calibration.ts";
import { diagnosticError } from "../../isa/diagnostic.ts";
import type { Calibration, RunConfiguration } from "../configuration.ts";
import { type Dataset, openDataset, preprocess } from "../datasets/dataset.ts";
import { calibrate } from "../float-reference/calibration.ts";
import { openModel } from "../model.ts";
import { openFloatReference } from "./float.ts";

/** A model on its way to the machine. */
export interface PreparedModel {
  readonly name: string;
  /** As imported. */
  readonly graph: Graph;
  /** After the compiler's passes: its nodes are the machine's layers. */
  readonly lowerable: Graph;
  /** Ranges for automatic formats; null where no format asks for them. */
  readonly calibration: Calibration;
}

/** Opens the model, runs the passes, and measures ranges where the assignment asks for them and none are given. */
export async function prepareModel(configuration: RunConfiguration, data: Dataset | null): Promise<PreparedModel> {
  const { name, graph } = await openModel(configuration.model);
  const lowerable = prepareGraph(graph, configuration.model);
  const { calibration } = configuration;
  const needed = calibration.ranges === null && usesCalibration(configuration.assignment);
  if (!needed) return { name, graph, lowerable, calibration };
  const images = data ?? (await openDataset(configuration.data));
  const count = Math.min(calibration.images, images.count);
  requireShape(lowerable, images, configuration);
  const { network } = await openFloatReference(lowerable);
  const ranges = await calibrate(network, preprocess(images, count, configuration.preprocessing), count);
  network.dispose();
  return { name, graph, lowerable, calibration: { images: count, ranges } };
}

/** `assignmentName` is what diagnostics call the word lengths: the file they stand in. */
export function compilePrepared(
  prepared: PreparedModel,
  configuration: RunConfiguration,
  assignmentName = "assignment",
): Compilation {
  return compile(prepared.lowerable, {
    machine: configuration.machine,
    assignment: configuration.assignment,
    calibration: prepared.calibration.ranges ?? {},
    seed: configuration.seed,
    metadata: { model: prepared.name, preprocessing: configuration.preprocessing },
    modelName: configuration.model,
    assignmentName,
  });
}

/** What `macroscope compile` does. */
export async function compileOnly(configuration: RunConfiguration, assignmentName?: string): Promise<Compilation> {
  return compilePrepared(await prepareModel(configuration, null), configuration, assignmentName);
}

/** Data and network must agree on the shape of an image; a diagnostic otherwise. */
export function requireShape(graph: Graph, data: Dataset, configuration: RunConfiguration): void {
  const expected = graph.input.shape;
  const found = data.shape;
  if (expected.length === found.length && expected.every((side, index) => side === found[index])) return;
  if (expected.length === 1 && expected[0] === found.reduce((product, side) => product * side, 1)) return;
  throw diagnosticError(
    "DATA_SHAPE",
    configuration.data,
    `images of ${found.join(" × ")}, but ${configuration.model} takes ${expected.join(" × ")}`,
    "use data of the network's own input shape",
  );
}
