/** LSTM, GRU and RNN: the sequence step by step. */
import { multiplyInto, transposedMatrix } from "../arithmetic/matrix-product.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { zeros } from "../tensor.ts";
import type { AnyTensor, TensorNode } from "../tensor-graph.ts";
import { float64Of, roundedTensor, since } from "./operands.ts";
import {
  type Activation,
  RECURRENT_ACTIVATIONS,
  RECURRENT_GATES,
  type RecurrentDirection,
  type RecurrentNode,
  type RecurrentOperator,
  readRecurrent,
} from "./recurrent-node.ts";

/** Weights and state of one direction; matrices stand transposed, inputs × gates·hidden. */
interface Cell {
  readonly node: RecurrentNode;
  readonly direction: RecurrentDirection;
  readonly w: Float64Array;
  readonly r: Float64Array;
  readonly inputBias: Float64Array;
  readonly hiddenBias: Float64Array;
  /** Input, output, forget. */
  readonly peepholes: Float64Array | null;
}

function cellOf(node: RecurrentNode, direction: RecurrentDirection): Cell {
  const { operator, hidden, features, w, r, bias, peepholes } = node;
  const rows = RECURRENT_GATES[operator].length * hidden;
  const part = (tensor: AnyTensor, size: number): Float64Array =>
    float64Of(tensor).slice(direction.index * size, (direction.index + 1) * size);
  const both = bias === undefined ? new Float64Array(2 * rows) : part(bias, 2 * rows);
  return {
    node,
    direction,
    w: transposedMatrix(part(w, rows * features), rows, features),
    r: transposedMatrix(part(r, rows * hidden), rows, hidden),
    inputBias: both.slice(0, rows),
    hiddenBias: both.slice(rows),
    peepholes: peepholes === undefined ? null : part(peepholes, 3 * hidden),
  };
}

type Step = (cell: Cell, x: Float64Array, h: Float64Array, c: Float64Array) => void;

function activate(
  { name, alpha, beta }: Activation | undefined = { name: "Tanh", alpha: 0, beta: 0 },
  x: number,
): number {
  return RECURRENT_ACTIVATIONS[name].compute(x, alpha, beta);
}

/** Sums of the gates for one sequence: bias + x·W, and bias + h·R. */
function gateSums(cell: Cell, x: Float64Array, h: Float64Array): readonly [Float64Array, Float64Array] {
  const fromInput = cell.inputBias.slice();
  const fromHidden = cell.hiddenBias.slice();
  multiplyInto(fromInput, x, cell.w, 1, x.length, fromInput.length);
  multiplyInto(fromHidden, h, cell.r, 1, h.length, fromHidden.length);
  return [fromInput, fromHidden];
}

function clipped(value: number, bound: number): number {
  return Math.min(Math.max(value, -bound), bound);
}

function lstmStep(cell: Cell, x: Float64Array, h: Float64Array, c: Float64Array): void {
  const { hidden, clip, coupled } = cell.node;
  const [f, g, out] = cell.direction.activations;
  const [fromInput, fromHidden] = gateSums(cell, x, h);
  const gate = (order: number, unit: number, peephole: number, state: number): number => {
    const at = order * hidden + unit;
    const seen =
      cell.peepholes === null || peephole < 0 ? 0 : (cell.peepholes[peephole * hidden + unit] as number) * state;
    return clipped((fromInput[at] as number) + (fromHidden[at] as number) + seen, clip);
  };
  for (let unit = 0; unit < hidden; unit++) {
    const old = c[unit] as number;
    const input = activate(f, gate(0, unit, 0, old));
    const forget = coupled ? 1 - input : activate(f, gate(2, unit, 2, old));
    const state = forget * old + input * activate(g, gate(3, unit, -1, 0));
    c[unit] = state;
    h[unit] = activate(f, gate(1, unit, 1, state)) * activate(out, state);
  }
}

function gruStep(cell: Cell, x: Float64Array, h: Float64Array): void {
  const { hidden, clip, linearBeforeReset } = cell.node;
  const [f, g] = cell.direction.activations;
  const [fromInput, fromHidden] = gateSums(cell, x, h);
  const gate = (at: number): number =>
    activate(f, clipped((fromInput[at] as number) + (fromHidden[at] as number), clip));
  const update = new Float64Array(hidden);
  const reset = new Float64Array(hidden);
  for (let unit = 0; unit < hidden; unit++) {
    update[unit] = gate(unit);
    reset[unit] = gate(hidden + unit);
  }
  let candidate = fromHidden.subarray(2 * hidden);
  if (linearBeforeReset) {
    candidate = candidate.map((value, unit) => value * (reset[unit] as number));
  } else {
    const sums = cell.hiddenBias.slice();
    const left = h.map((value, unit) => value * (reset[unit] as number));
    multiplyInto(sums, left, cell.r, 1, hidden, sums.length);
    candidate = sums.subarray(2 * hidden);
  }
  for (let unit = 0; unit < hidden; unit++) {
    const fresh = activate(g, clipped((fromInput[2 * hidden + unit] as number) + (candidate[unit] as number), clip));
    const keep = update[unit] as number;
    h[unit] = (1 - keep) * fresh + keep * (h[unit] as number);
  }
}

function rnnStep(cell: Cell, x: Float64Array, h: Float64Array): void {
  const [fromInput, fromHidden] = gateSums(cell, x, h);
  for (let unit = 0; unit < h.length; unit++) {
    const sum = clipped((fromInput[unit] as number) + (fromHidden[unit] as number), cell.node.clip);
    h[unit] = activate(cell.direction.activations[0], sum);
  }
}

const STEPS: Readonly<Record<RecurrentOperator, Step>> = { LSTM: lstmStep, GRU: gruStep, RNN: rnnStep };

function evaluate(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const read = readRecurrent(node, inputs);
  const { operator, steps, batch, features, hidden, directions, batchFirst, lengths } = read;
  const count = directions.length;
  const x = float64Of(read.x);
  const y = new Float64Array(steps * count * batch * hidden);
  const lastHidden = new Float64Array(count * batch * hidden);
  const lastCell = new Float64Array(count * batch * hidden);
  const initialHidden = read.initialHidden === undefined ? null : float64Of(read.initialHidden);
  const initialCell = read.initialCell === undefined ? null : float64Of(read.initialCell);
  for (const direction of directions) {
    const cell = cellOf(read, direction);
    for (let sequence = 0; sequence < batch; sequence++) {
      const state = (batchFirst ? sequence * count + direction.index : direction.index * batch + sequence) * hidden;
      const h = initialHidden?.slice(state, state + hidden) ?? new Float64Array(hidden);
      const c = initialCell?.slice(state, state + hidden) ?? new Float64Array(hidden);
      const length = lengths[sequence] ?? steps;
      for (let place = 0; place < length; place++) {
        const step = direction.reverse ? length - 1 - place : place;
        const source = (batchFirst ? sequence * steps + step : step * batch + sequence) * features;
        STEPS[operator](cell, x.subarray(source, source + features), h, c);
        const target = batchFirst
          ? (sequence * steps + step) * count + direction.index
          : (step * count + direction.index) * batch + sequence;
        y.set(h, target * hidden);
      }
      lastHidden.set(h, state);
      lastCell.set(c, state);
    }
  }
  const { outputShape, stateShape } = shapesOf(read);
  const outputs = [
    roundedTensor(read.x.type, outputShape, y),
    roundedTensor(read.x.type, stateShape, lastHidden),
    roundedTensor(read.x.type, stateShape, lastCell),
  ];
  return operator === "LSTM" ? outputs : outputs.slice(0, 2);
}

function shapesOf({ steps, batch, hidden, directions, batchFirst }: RecurrentNode): {
  readonly outputShape: readonly number[];
  readonly stateShape: readonly number[];
} {
  const count = directions.length;
  return batchFirst
    ? { outputShape: [batch, steps, count, hidden], stateShape: [batch, count, hidden] }
    : { outputShape: [steps, count, batch, hidden], stateShape: [count, batch, hidden] };
}

function infer(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  // The lengths of sequences change no shape and may be unknown.
  const read = readRecurrent(
    node,
    inputs.map((input, position) => (position === 4 ? undefined : input)),
  );
  const { outputShape, stateShape } = shapesOf(read);
  const states = [zeros(read.x.type, stateShape), zeros(read.x.type, stateShape)];
  return [zeros(read.x.type, outputShape), ...(read.operator === "LSTM" ? states : states.slice(0, 1))];
}

const COMMON = ["activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size"] as const;

function versions(name: RecurrentOperator, own: readonly string[], most: number): readonly TensorOperator[] {
  const operator: Omit<TensorOperator, "since" | "attributes"> = {
    domain: "",
    name,
    arity: [3, most],
    evaluate,
    infer,
  };
  return [
    ...since([7], { ...operator, attributes: [...COMMON, ...own] }),
    ...since([14, 22], { ...operator, attributes: [...COMMON, ...own, "layout"] }),
  ];
}

export const RECURRENT_OPERATORS: readonly TensorOperator[] = [
  ...versions("LSTM", ["input_forget"], 8),
  ...versions("GRU", ["linear_before_reset"], 6),
  ...versions("RNN", [], 6),
];
