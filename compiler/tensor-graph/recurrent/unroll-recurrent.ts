/**
 * LSTM, GRU and RNN nodes become the nodes of all their steps: per gate one Gemm over input and state side by side, then
 * activations, products and sums. States of zeros take no nodes. The number of steps, the weights and the lengths of the
 * sequences must be known.
 */
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import type { KnownTensor } from "../evaluation/propagate.ts";
import { nodeError } from "../node-access.ts";
import { NodeSequence } from "../node-sequence.ts";
import {
  RECURRENT_GATES,
  type RecurrentDirection,
  type RecurrentNode,
  readRecurrent,
} from "../operators/recurrent-node.ts";
import { nodePlace } from "../operators/table.ts";
import { numbersOf, zeros } from "../tensor.ts";
import type { AnyTensor, TensorGraph, TensorNode } from "../tensor-graph.ts";
import { stepRole } from "./recurrent-names.ts";
import { type CellState, unrolledStep } from "./unroll-cell.ts";

/** More nodes than this are no network for an accelerator but a mistake in a length. */
const MAXIMUM_STEPS = 4096;

/** Whether a node would be unrolled. */
export function isRecurrent({ domain, operator }: Pick<TensorNode, "domain" | "operator">): boolean {
  return domain === "" && Object.hasOwn(RECURRENT_GATES, operator);
}

/**
 * The graph without recurrent nodes. `known` tells shapes and constants of all values, as `inferTensors` does; `where` names
 * the graph in diagnostics. Constants that are read no more stay until `foldConstants`. Throws `DiagnosticError`.
 */
export function unrollRecurrent(
  graph: TensorGraph,
  known: ReadonlyMap<string, KnownTensor>,
  where: string = graph.name,
): TensorGraph {
  if (!graph.nodes.some(isRecurrent)) return graph;
  const taken = new Set([
    ...graph.inputs.map(({ name }) => name),
    ...graph.constants.keys(),
    ...graph.nodes.flatMap((node) => [node.name, ...node.outputs]),
  ]);
  const read = new Set([...graph.outputs, ...graph.nodes.flatMap((node) => node.inputs)]);
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.flatMap((node): readonly TensorNode[] => {
    if (!isRecurrent(node)) return [node];
    try {
      const sequence = unrollNode(node, known, read, taken);
      for (const [name, constant] of sequence.constants) constants.set(name, constant);
      return sequence.nodes;
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      const place = nodePlace(node, where);
      throw new DiagnosticError(error.diagnostics.map((each) => ({ ...each, where: `${place}, ${each.where}` })));
    }
  });
  return { ...graph, constants, nodes };
}

const INPUT_NAMES = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"] as const;

/** Inputs that may be values of the network: X and the initial states. */
const VALUE_INPUTS: ReadonlySet<number> = new Set([0, 5, 6]);

function unrollNode(
  node: TensorNode,
  known: ReadonlyMap<string, KnownTensor>,
  read: ReadonlySet<string>,
  taken: Set<string>,
): NodeSequence {
  const operands = node.inputs.map((name, position): AnyTensor | undefined => {
    const value = name === "" ? undefined : known.get(name);
    if (name === "" || value?.constant !== undefined) return value?.constant;
    if (value !== undefined && VALUE_INPUTS.has(position)) return zeros(value.type, value.shape);
    throw nodeError(
      `input ${INPUT_NAMES[position] ?? position}`,
      "is a value that the network computes, expected a constant",
      "export the model with fixed weights and lengths",
    );
  });
  const recurrent = readRecurrent(node, operands);
  if (recurrent.steps > MAXIMUM_STEPS) {
    throw nodeError(
      "input X",
      `found ${recurrent.steps} steps, expected at most ${MAXIMUM_STEPS}`,
      "shorten the sequence",
    );
  }
  if (recurrent.lengths.some((length) => length !== recurrent.steps)) {
    throw nodeError(
      "input sequence_lens",
      `found [${recurrent.lengths.join(", ")}], expected ${recurrent.steps} for all`,
      "sequences of one batch must be of one length",
    );
  }
  const sequence = new NodeSequence(node, taken);
  const wanted = (position: number): string | null => {
    const name = node.outputs[position] ?? "";
    return name !== "" && read.has(name) ? name : null;
  };
  addSteps(sequence, node, recurrent, [wanted(0), wanted(1), wanted(2)], (position) => {
    const constant = known.get(node.inputs[position] ?? "")?.constant;
    return constant !== undefined && Array.from(numbersOf(constant)).every((value) => value === 0);
  });
  return sequence;
}

function addSteps(
  sequence: NodeSequence,
  node: TensorNode,
  recurrent: RecurrentNode,
  [output, lastHidden, lastCell]: readonly [string | null, string | null, string | null],
  isZero: (position: number) => boolean,
): void {
  const { steps, directions, batchFirst, batch, hidden } = recurrent;
  const inputs = Array.from({ length: steps }, (_, step) =>
    gathered(sequence, node.inputs[0] ?? "", step, batchFirst ? 1 : 0, `${stepRole(step, false)}/input`),
  );
  const initial = (position: number, { index }: RecurrentDirection): string | null => {
    const name = node.inputs[position] ?? "";
    if (name === "" || isZero(position)) return null;
    return gathered(sequence, name, index, batchFirst ? 1 : 0, `${INPUT_NAMES[position]}/${index}`);
  };
  const runs = directions.map((direction) => {
    const step = unrolledStep(sequence, recurrent, direction);
    const start: CellState = {
      hidden: initial(5, direction),
      cell: recurrent.operator === "LSTM" ? initial(6, direction) : null,
    };
    const states: CellState[] = [];
    let state = start;
    for (let place = 0; place < steps; place++) {
      const at = direction.reverse ? steps - 1 - place : place;
      state = step(stepRole(at, direction.reverse), inputs[at] ?? "", state);
      states[at] = state;
    }
    return { states, last: state };
  });
  const join = new Joining(sequence);
  const stateAxis = batchFirst ? 1 : 0;
  const stateShape = batchFirst ? [batch, 1, hidden] : [1, batch, hidden];
  const last = (name: string | null, role: string, values: readonly (string | null)[]): void => {
    if (name === null) return;
    const parts = values.map((value, at) => join.reshaped(`${role}/${at}`, value, stateShape, recurrent));
    join.concat(role, parts, stateAxis, name);
  };
  last(
    lastHidden,
    "Y_h",
    runs.map((run) => run.last.hidden),
  );
  last(
    lastCell,
    "Y_c",
    runs.map((run) => run.last.cell),
  );
  if (output === null) return;
  const shape = batchFirst ? [batch, 1, 1, hidden] : [1, 1, batch, hidden];
  const all = inputs.map((_, at) => {
    const parts = runs.map(({ states }, side) =>
      join.reshaped(`Y/${at}/${side}`, states[at]?.hidden ?? null, shape, recurrent),
    );
    return parts.length === 1 ? (parts[0] as string) : join.concat(`Y/${at}`, parts, batchFirst ? 2 : 1);
  });
  join.concat("Y", all, batchFirst ? 1 : 0, output);
}

/** The part of a value at one index of an axis, without the axis. */
function gathered(sequence: NodeSequence, value: string, index: number, axis: number, role: string): string {
  const place = sequence.constant(`${role} index`, "int64", [], [index]);
  return sequence.add("Gather", role, [value, place], { axis });
}

class Joining {
  readonly #sequence: NodeSequence;

  constructor(sequence: NodeSequence) {
    this.#sequence = sequence;
  }

  /** The state under a shape of more axes; null are zeros, the state before any step. */
  reshaped(role: string, value: string | null, shape: readonly number[], { x }: RecurrentNode): string {
    if (value === null) return this.#sequence.constant(role, x.type, shape, numbersOf(zeros(x.type, shape)));
    const target = this.#sequence.constant(`${role} shape`, "int64", [shape.length], shape);
    return this.#sequence.add("Reshape", role, [value, target]);
  }

  concat(role: string, parts: readonly string[], axis: number, output?: string): string {
    if (parts.length === 1) return this.#sequence.add("Identity", role, parts, {}, output);
    return this.#sequence.add("Concat", role, parts, { axis }, output);
  }
}
