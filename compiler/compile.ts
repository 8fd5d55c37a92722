/** The compiler's pipeline, read top down: graph → passes → quantizers of weights → formats → words → program. */

import { InvariantError } from "../isa/diagnostic.ts";
import { type Machine, validMachine } from "../isa/machine.ts";
import type { RegisterSpec } from "../isa/numerics/register.ts";
import type { FormatAssignment } from "../isa/program/datapath.ts";
import type { ModelOutput } from "../isa/program/model-output.ts";
import type { Program } from "../isa/program/program.ts";
import type { Graph } from "./graph/graph.ts";
import { lower } from "./lowering/lower.ts";
import { type BatchNormalizationMode, equalizedGraph, prepareGraph } from "./prepare-graph.ts";
import { layerFacts } from "./quantization/layer-facts.ts";
import { quantizeConstants } from "./quantization/quantize-tensor.ts";
import { quantizeWeights } from "./quantization/quantize-weights.ts";
import { type Calibration, resolveAssignment } from "./quantization/resolve-assignment.ts";
import { type AssignmentSpecification, givenExponents } from "./quantization/specification.ts";
import { DEFAULT_LIMITS, requireSizes, type SizeLimits } from "./size-limits.ts";

export { type BatchNormalizationMode, prepareGraph } from "./prepare-graph.ts";

export interface CompileOptions {
  readonly machine: Machine;
  readonly assignment: AssignmentSpecification;
  /** Ranges of the prepared graph's values; only automatic formats need them. */
  readonly calibration?: Calibration;
  /** 32-bit seed of stochastic registers and constants. */
  readonly seed: number;
  /** `fold` where nothing is said. */
  readonly batchNormalization?: BatchNormalizationMode;
  /** What the model calls its outputs, where it declares any. */
  readonly modelOutputs?: readonly ModelOutput[] | undefined;
  /** How large network and program may be; `DEFAULT_LIMITS` where nothing is said. */
  readonly limits?: SizeLimits;
  /** Travels with the program. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** What diagnostics call the model and the assignment; by default "model" and "assignment". */
  readonly modelName?: string;
  readonly assignmentName?: string;
  /** The register that the graph's input comes from, where it is a part of a network: its format is the input's default. */
  readonly inputRegister?: RegisterSpec;
}

export interface Compilation {
  readonly program: Program;
  /** Every register of every layer. */
  readonly assignment: FormatAssignment;
  /** The ranges that automatic formats were taken from: with them the same options give the same program. */
  readonly calibration: Calibration;
  /** The graph after the passes: layers bear its nodes' names. */
  readonly graph: Graph;
}

/** Throws `DiagnosticError` with everything that the stage which failed found wrong. */
export function compile(graph: Graph, options: CompileOptions): Compilation {
  const { assignment: specification, calibration = {}, seed, metadata = {} } = options;
  const { modelName: where = "model", assignmentName = "assignment", modelOutputs, limits = DEFAULT_LIMITS } = options;
  const machine = validMachine(options.machine);
  requireSizes(graph, limits, where);
  const exponents = givenExponents(specification) ?? {};
  const imported = equalizedGraph(prepareGraph(graph, where, options.batchNormalization), exponents, assignmentName);
  const prepared = quantizeWeights(imported, specification, { seed, where: assignmentName });

  const layers = layerFacts(prepared);
  const input = prepared.input.name;
  const known = new Map(options.inputRegister && [[input, options.inputRegister]]);
  const assignment = resolveAssignment({ specification, layers, input, calibration, where: assignmentName, known });

  const constants = new Map(
    layers.map((layer) => {
      const datapath = assignment.formats[layer.name];
      if (datapath === undefined) throw new InvariantError(`layer "${layer.name}" has no datapath`);
      return [layer.name, quantizeConstants(layer, datapath, seed)];
    }),
  );

  const facts = { machine, seed, modelOutputs, metadata, limits, where };
  const program = lower({ ...facts, graph: prepared, layers, assignment, constants });
  return { program, assignment: assignment.formats, calibration: assignment.calibration, graph: prepared };
}
