/** The compiler's pipeline, read top down: graph → passes → formats → words → program. */
import type { FormatAssignment } from "../isa/datapath.ts";
import { InvariantError } from "../isa/diagnostic.ts";
import { type Machine, validMachine } from "../isa/machine.ts";
import type { Program } from "../isa/program.ts";
import type { Graph } from "./graph/graph.ts";
import { requireStage } from "./graph/stages.ts";
import { lower } from "./lowering/lower.ts";
import { foldBatchNormalization } from "./passes/fold-batch-normalization.ts";
import { foldConstants } from "./passes/fold-constants.ts";
import { foldPadding } from "./passes/fold-padding.ts";
import { fuseActivation } from "./passes/fuse-activation.ts";
import { fuseBias } from "./passes/fuse-bias.ts";
import { removeUnused } from "./passes/remove-unused.ts";
import { simplifyReshapes } from "./passes/simplify-reshapes.ts";
import { layerFacts } from "./quantization/layer-facts.ts";
import { quantizeConstants } from "./quantization/quantize-tensor.ts";
import { type Calibration, resolveAssignment } from "./quantization/resolve-assignment.ts";
import type { AssignmentSpecification } from "./quantization/specification.ts";

export interface CompileOptions {
  readonly machine: Machine;
  readonly assignment: AssignmentSpecification;
  /** Ranges of the prepared graph's values; only automatic formats need them. */
  readonly calibration?: Calibration;
  /** 32-bit seed of stochastic registers and constants. */
  readonly seed: number;
  /** Travels with the program. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** What diagnostics call the model and the assignment; by default "model" and "assignment". */
  readonly modelName?: string;
  readonly assignmentName?: string;
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

/**
 * In order; each takes and yields a graph and knows no other. Folding opens reshapes and padding to each other, so those
 * come again: run over its own result, the list changes nothing more.
 */
const PASSES: readonly ((graph: Graph) => Graph)[] = [
  removeUnused,
  foldConstants,
  simplifyReshapes,
  foldPadding,
  foldBatchNormalization,
  simplifyReshapes,
  foldPadding,
  fuseBias,
  fuseActivation,
  simplifyReshapes,
  removeUnused,
];

/**
 * The graph as lowering takes it: the one whose values a calibration measures and whose nodes a user assigns formats to.
 * A prepared graph stays as it is. Throws `DiagnosticError` with everything wrong in the graph.
 */
export function prepareGraph(graph: Graph, where = "model"): Graph {
  requireStage(graph, "imported", where);
  const prepared = PASSES.reduce((current, pass) => pass(current), graph);
  return requireStage(prepared, "lowerable", where);
}

/** Throws `DiagnosticError` with everything that the stage which failed found wrong. */
export function compile(graph: Graph, options: CompileOptions): Compilation {
  const { assignment: specification, calibration = {}, seed, metadata = {} } = options;
  const { modelName = "model", assignmentName = "assignment" } = options;
  const machine = validMachine(options.machine);
  const prepared = prepareGraph(graph, modelName);

  const layers = layerFacts(prepared);
  const input = prepared.input.name;
  const assignment = resolveAssignment({ specification, layers, input, calibration, where: assignmentName });

  const constants = new Map(
    layers.map((layer) => {
      const datapath = assignment.formats[layer.name];
      if (datapath === undefined) throw new InvariantError(`layer "${layer.name}" has no datapath`);
      return [layer.name, quantizeConstants(layer, datapath, seed)];
    }),
  );

  const program = lower({ graph: prepared, machine, layers, assignment, constants, seed, metadata, where: modelName });
  return { program, assignment: assignment.formats, calibration: assignment.calibration, graph: prepared };
}
