import { type Compilation, compile, prepareGraph } from "../../compiler/compile.ts";
import { chosenExponents } from "../../compiler/equalization/channel-exponents.ts";
import { channelRoutes } from "../../compiler/equalization/channel-routes.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import {
  integerInputFormat,
  prescribedAssignment,
  prescribes,
  takesIntegerInput,
  underSpecification,
} from "../../compiler/legalisation/index.ts";
import { foldInputScale } from "../../compiler/passes/fold-input-scale.ts";
import { equalizedGraph } from "../../compiler/prepare-graph.ts";
import { rangeOf } from "../../compiler/quantization/automatic-format.ts";
import { layerFacts } from "../../compiler/quantization/layer-facts.ts";
import { quantizeWeights } from "../../compiler/quantization/quantize-weights.ts";
import { type AssignmentSpecification, givenExponents } from "../../compiler/quantization/specification.ts";
import { tablesWantRanges, usesCalibration } from "../../compiler/quantization/uses-calibration.ts";
import { diagnosticError } from "../../isa/diagnostic.ts";
import type { ModelOutput } from "../../isa/program/model-output.ts";
import type { Calibration, RunConfiguration } from "../configuration.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { shapeText } from "../datasets/image-shape.ts";
import { type OpenedModel, openModel } from "../model.ts";
import { type Measured, measureOn } from "./calibrate.ts";
import type { RunHooks } from "./hooks.ts";
import { imageBatches, openData } from "./image-batches.ts";

/** A model on its way to the machine. */
export interface PreparedModel {
  readonly name: string;
  /** As imported, the scale of its input folded in. */
  readonly graph: Graph;
  /** After the compiler's passes, and with the channels that the assignment equalizes: its nodes are the machine's layers. */
  readonly lowerable: Graph;
  /** Registers that the model itself prescribes to the layers. */
  readonly prescribed: AssignmentSpecification;
  /** The user's word lengths, and beneath them what the model prescribes; which channels are equalized, where that was decided. */
  readonly assignment: AssignmentSpecification;
  /** Ranges for automatic formats and tables; null where neither asks for them. */
  readonly calibration: Calibration;
  /** Where the weights come from; null where they are the model's own. */
  readonly weights: string | null;
  /** What the model calls its outputs; undefined where it declares none but the graph's own. */
  readonly modelOutputs?: readonly ModelOutput[];
}

/**
 * Runs the passes, and measures ranges where the assignment asks for them and none are given: on `data`, which is opened
 * only then where it is null.
 */
export async function prepareModel(
  configuration: RunConfiguration,
  { name, graph: imported, weights, modelOutputs }: OpenedModel,
  data: Dataset | null,
  hooks: RunHooks = {},
): Promise<PreparedModel> {
  const graph = withInputScale(imported, configuration);
  const asItIs = prepareGraph(graph, configuration.model, configuration.batchNormalization);
  const { calibration, seed } = configuration;
  const inputFormat = await integerInput(asItIs, data, calibration.images);
  const prescribed = prescribedAssignment(asItIs, inputFormat);
  const assignment = underSpecification(prescribed, configuration.assignment);
  const where = hooks.assignmentName ?? "assignment";
  const wanted = usesCalibration(assignment) || tablesWantRanges(assignment, layerFacts(asItIs), where);
  const needed = calibration.ranges === null && wanted;
  const given = givenExponents(assignment);
  const lowerable = equalizedGraph(asItIs, given ?? {}, where);
  const prepared = { name, graph, lowerable, prescribed, assignment, weights, ...(modelOutputs && { modelOutputs }) };
  const open = given === null && channelRoutes(lowerable).length > 0;
  const all = open && assignment.equalize === "all";
  if (!needed && !all) return { ...prepared, calibration };
  const images = data ?? (await openData(configuration, graph.input, calibration.images));
  requireShape(lowerable, images, configuration);
  const measure = (network: Graph): Promise<Measured> =>
    measureOn(images, quantizeWeights(network, assignment, { seed, where }), calibration.images, hooks);
  const measured = await measure(lowerable);
  const { ranges } = measured.calibration;
  if (!open || ranges === null) return { ...prepared, calibration: measured.calibration };
  const chosen = chosenExponents(lowerable, {
    ...{ specification: assignment, ranges, sums: measured.filterSums, where },
    which: all ? "all" : "starved",
  });
  const isNone = Object.keys(chosen).length === 0;
  const decided = { ...prepared, assignment: { ...assignment, equalize: isNone ? ("none" as const) : chosen } };
  if (isNone) return { ...decided, calibration: wanted ? measured.calibration : calibration };
  const equalized = equalizedGraph(lowerable, chosen, where);
  const again = wanted ? (await measure(equalized)).calibration : calibration;
  return { ...decided, lowerable: equalized, calibration: again };
}

/** Word of an integer network's input as its first images need it; undefined where the model tells it, or no data are at hand. */
async function integerInput(graph: Graph, data: Dataset | null, images: number): Promise<string | undefined> {
  if (data === null || !takesIntegerInput(graph)) return undefined;
  let [min, max] = [0, 0];
  for await (const { values } of imageBatches(data, Math.min(images, data.count))) {
    const range = rangeOf(values);
    [min, max] = [Math.min(min, range.min), Math.max(max, range.max)];
  }
  return integerInputFormat({ min, max });
}

/** The network for the input that preprocessing divides: `--fold-input-scale`. */
function withInputScale(graph: Graph, configuration: RunConfiguration): Graph {
  const { model, preprocessing } = configuration;
  if (preprocessing.inputShift !== 0 && prescribes(graph)) {
    throw diagnosticError(
      "INPUT_SCALE",
      model,
      "a quantized model prescribes the registers of its input; another scale would not fit them",
      "leave --fold-input-scale out",
    );
  }
  return foldInputScale(graph, preprocessing.inputShift, model);
}

/**
 * The word lengths are those of the configuration: `prepared.assignment`, or others for the same network. `assignmentName` is
 * what diagnostics call them: the file they stand in.
 */
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
    limits: configuration.limits,
    modelOutputs: prepared.modelOutputs,
    metadata: {
      model: prepared.name,
      preprocessing: configuration.preprocessing,
      ...(prepared.graph.input.declared && { declaredInput: prepared.graph.input.declared }),
      ...(prepared.weights === null ? {} : { weights: prepared.weights }),
    },
    modelName: configuration.model,
    assignmentName,
  });
}

/** What `macroscope compile` does. */
export async function compileOnly(configuration: RunConfiguration, assignmentName?: string): Promise<Compilation> {
  const model = await openModel(configuration.model, configuration);
  const prepared = await prepareModel(configuration, model, null);
  return compilePrepared(prepared, { ...configuration, assignment: prepared.assignment }, assignmentName);
}

/** Data and network must agree on the shape of an image; a diagnostic otherwise. */
export function requireShape(graph: Graph, data: Dataset, configuration: RunConfiguration): void {
  const { shape: expected, declared } = graph.input;
  const found = data.shape;
  if (expected.length === found.length && expected.every((side, index) => side === found[index])) return;
  if (expected.length === 1 && expected[0] === found.reduce((product, side) => product * side, 1)) return;
  const { stored, order } = data.layout;
  const images = order === "picture" ? `pictures of ${shapeText(found)}` : `images of ${shapeText(stored)}`;
  throw diagnosticError(
    "DATA_SHAPE",
    configuration.data,
    `${images}, but ${configuration.model} takes ${shapeText(declared?.shape ?? expected)}`,
    hintOn(expected, found),
  );
}

function hintOn(expected: readonly number[], found: readonly number[]): string {
  const [rows, columns, channels] = expected;
  if (channels === found[2] && expected.length === 3) {
    return `use data of that shape, or --resize ${rows}x${columns}; --layout says in which order an array's axes stand`;
  }
  return "use data of the shape that the model declares, or --layout, --colour, --resize and --crop";
}
