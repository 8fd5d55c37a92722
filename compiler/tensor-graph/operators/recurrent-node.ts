/** LSTM, GRU and RNN nodes, read and checked: what evaluator and unrolling share. Shapes by ONNX's names. */
import { formatShape } from "../../graph/shape.ts";
import {
  choiceAttribute,
  flagAttribute,
  floatAttribute,
  floatsAttribute,
  integerAttribute,
  nodeError,
  requiredInput,
  requireType,
  textsAttribute,
} from "../node-access.ts";
import type { OperatorInputs } from "../operator.ts";
import { FLOAT_TYPES, integersOf } from "../tensor.ts";
import type { AnyTensor, TensorNode } from "../tensor-graph.ts";
import { expectRank, expectShape } from "./operands.ts";

export type RecurrentOperator = "LSTM" | "GRU" | "RNN";

/** Gates in the order of their rows in W and R: input, output, forget, cell · update, reset, hidden · the one there is. */
export const RECURRENT_GATES: Readonly<Record<RecurrentOperator, readonly string[]>> = {
  LSTM: ["input", "output", "forget", "cell"],
  GRU: ["update", "reset", "hidden"],
  RNN: ["hidden"],
};

/** Activations that a direction names: of the gates, of the new value, of the LSTM's output. */
const DEFAULT_ACTIVATIONS: Readonly<Record<RecurrentOperator, readonly ActivationName[]>> = {
  LSTM: ["Sigmoid", "Tanh", "Tanh"],
  GRU: ["Sigmoid", "Tanh"],
  RNN: ["Tanh"],
};

export type ActivationName =
  | "Affine"
  | "Elu"
  | "HardSigmoid"
  | "LeakyRelu"
  | "Relu"
  | "ScaledTanh"
  | "Sigmoid"
  | "Softplus"
  | "Softsign"
  | "Tanh"
  | "ThresholdedRelu";

export interface Activation {
  readonly name: ActivationName;
  readonly alpha: number;
  readonly beta: number;
}

interface ActivationRule {
  /** Values that stand where the node gives none, null where it must; absent: the function takes no such parameter. */
  readonly alpha?: number | null;
  readonly beta?: number | null;
  compute(x: number, alpha: number, beta: number): number;
}

export const RECURRENT_ACTIVATIONS: Readonly<Record<ActivationName, ActivationRule>> = {
  Affine: { alpha: null, beta: null, compute: (x, alpha, beta) => alpha * x + beta },
  Elu: { alpha: 1, compute: (x, alpha) => (x >= 0 ? x : alpha * Math.expm1(x)) },
  HardSigmoid: { alpha: 0.2, beta: 0.5, compute: (x, alpha, beta) => Math.min(Math.max(alpha * x + beta, 0), 1) },
  LeakyRelu: { alpha: 0.01, compute: (x, alpha) => (x >= 0 ? x : alpha * x) },
  Relu: { compute: (x) => Math.max(x, 0) },
  ScaledTanh: { alpha: null, beta: null, compute: (x, alpha, beta) => alpha * Math.tanh(beta * x) },
  Sigmoid: { compute: (x) => 1 / (1 + Math.exp(-x)) },
  Softplus: { compute: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) },
  Softsign: { compute: (x) => x / (1 + Math.abs(x)) },
  Tanh: { compute: Math.tanh },
  ThresholdedRelu: { alpha: 1, compute: (x, alpha) => (x > alpha ? x : 0) },
};

export interface RecurrentDirection {
  /** Row of W, R, B and of the outputs' axis of directions. */
  readonly index: number;
  /** Whether it reads the sequence from its end. */
  readonly reverse: boolean;
  readonly activations: readonly Activation[];
}

export interface RecurrentNode {
  readonly operator: RecurrentOperator;
  readonly steps: number;
  readonly batch: number;
  readonly features: number;
  readonly hidden: number;
  readonly directions: readonly RecurrentDirection[];
  /** Batch × steps × features instead of steps × batch × features. */
  readonly batchFirst: boolean;
  /** Bound of the gates' sums before their activations; Infinity where there is none. */
  readonly clip: number;
  /** LSTM: the forget gate is 1 − the input gate. */
  readonly coupled: boolean;
  /** GRU: the reset gate multiplies R·h + bias instead of h. */
  readonly linearBeforeReset: boolean;
  readonly x: AnyTensor;
  readonly w: AnyTensor;
  readonly r: AnyTensor;
  readonly bias: AnyTensor | undefined;
  /** Steps of each sequence of the batch. */
  readonly lengths: readonly number[];
  readonly initialHidden: AnyTensor | undefined;
  readonly initialCell: AnyTensor | undefined;
  readonly peepholes: AnyTensor | undefined;
}

/** Reads a node with its inputs, of which X, W and R need only shapes. Throws `DiagnosticError`. */
export function readRecurrent(node: TensorNode, inputs: OperatorInputs): RecurrentNode {
  const operator = node.operator as RecurrentOperator;
  const gates = RECURRENT_GATES[operator].length;
  const x = requiredInput(inputs, 0, "X");
  const w = requiredInput(inputs, 1, "W");
  const r = requiredInput(inputs, 2, "R");
  for (const [tensor, name] of [
    [x, "X"],
    [w, "W"],
    [r, "R"],
  ] as const) {
    requireType(tensor, name, FLOAT_TYPES);
    expectRank(tensor, name, 3, 3);
    if (!tensor.shape.includes(0)) continue;
    throw nodeError(
      `input ${name}`,
      `found shape ${formatShape(tensor.shape)}, expected sizes from 1 up`,
      "check the model",
    );
  }
  const batchFirst = flagAttribute(node, "layout", false);
  const [first = 0, second = 0, features = 0] = x.shape;
  const [steps, batch] = batchFirst ? [second, first] : [first, second];
  const hidden = integerAttribute(node, "hidden_size", r.shape[2] ?? 0);
  const directions = directionsOf(node, operator);
  const count = directions.length;
  if (hidden < 1)
    throw nodeError("attribute hidden_size", `found ${hidden}, expected at least 1`, "export the model again");
  expectShape(w, "W", [count, gates * hidden, features]);
  expectShape(r, "R", [count, gates * hidden, hidden]);
  const state = batchFirst ? [batch, count, hidden] : [count, batch, hidden];
  const optional = (position: number, name: string, shape: readonly number[]): AnyTensor | undefined => {
    const input = inputs[position];
    if (input === undefined) return undefined;
    requireType(input, name, FLOAT_TYPES);
    expectShape(input, name, shape);
    return input;
  };
  const clip = floatAttribute(node, "clip", Infinity);
  if (!(clip > 0)) throw nodeError("attribute clip", `found ${clip}, expected a positive number`, "leave it out");
  return {
    operator,
    steps,
    batch,
    features,
    hidden,
    directions,
    batchFirst,
    clip,
    coupled: flagAttribute(node, "input_forget", false),
    linearBeforeReset: flagAttribute(node, "linear_before_reset", false),
    x,
    w,
    r,
    bias: optional(3, "B", [count, 2 * gates * hidden]),
    lengths: lengthsOf(inputs[4], steps, batch),
    initialHidden: optional(5, "initial_h", state),
    initialCell: operator === "LSTM" ? optional(6, "initial_c", state) : undefined,
    peepholes: operator === "LSTM" ? optional(7, "P", [count, 3 * hidden]) : undefined,
  };
}

function lengthsOf(lengths: AnyTensor | undefined, steps: number, batch: number): readonly number[] {
  if (lengths === undefined) return Array.from({ length: batch }, () => steps);
  expectShape(lengths, "sequence_lens", [batch]);
  const values = integersOf(lengths, "input sequence_lens");
  const wrong = values.find((value) => value < 0 || value > steps);
  if (wrong === undefined) return values;
  throw nodeError("input sequence_lens", `found ${wrong}, expected 0 to ${steps}`, "check the input");
}

function directionsOf(node: TensorNode, operator: RecurrentOperator): readonly RecurrentDirection[] {
  const direction = choiceAttribute(node, "direction", ["forward", "reverse", "bidirectional"], "forward");
  const reverses = direction === "bidirectional" ? [false, true] : [direction === "reverse"];
  const each = DEFAULT_ACTIVATIONS[operator].length;
  const given = textsAttribute(node, "activations");
  const names = given ?? reverses.flatMap(() => DEFAULT_ACTIVATIONS[operator]);
  if (names.length !== each * reverses.length) {
    throw nodeError(
      "attribute activations",
      `found ${names.length}, expected ${each * reverses.length}`,
      "name every one",
    );
  }
  const alphas = [...(floatsAttribute(node, "activation_alpha") ?? [])];
  const betas = [...(floatsAttribute(node, "activation_beta") ?? [])];
  // Parameters are handed out in order to the functions that take them.
  const activations = names.map((text): Activation => {
    const name = activationName(text);
    const rule = RECURRENT_ACTIVATIONS[name];
    return {
      name,
      alpha: parameter(name, "activation_alpha", alphas, rule.alpha),
      beta: parameter(name, "activation_beta", betas, rule.beta),
    };
  });
  return reverses.map((reverse, index) => ({
    index,
    reverse,
    activations: activations.slice(index * each, (index + 1) * each),
  }));
}

/** Takes the next of the values given; 0 for a function that takes none. */
function parameter(
  name: ActivationName,
  attribute: string,
  given: number[],
  absent: number | null | undefined,
): number {
  if (absent === undefined) return 0;
  const value = given.shift() ?? absent;
  if (value !== null) return value;
  throw nodeError(`attribute ${attribute}`, `found no value for ${name}, expected one`, "give all parameters");
}

function activationName(text: string): ActivationName {
  const known = Object.keys(RECURRENT_ACTIVATIONS) as ActivationName[];
  const found = known.find((name) => name.toLowerCase() === text.toLowerCase());
  if (found !== undefined) return found;
  throw nodeError("attribute activations", `found ${text}, expected ${known.join(", ")}`, "use one of them");
}
