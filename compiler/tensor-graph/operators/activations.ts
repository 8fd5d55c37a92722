/** Activation functions. Parameters are attributes; those of Clip became inputs in opset 11. */
import { erf } from "../../graph/error-function.ts";
import { broadcastIndex, requireUnidirectional } from "../arithmetic/broadcast.ts";
import { choiceAttribute, floatAttribute, nodeError, requiredInput, requireType } from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { FLOAT_TYPES, isBig, NUMBER_TYPES, numbersOf, zeros } from "../tensor.ts";
import type { AnyTensor, ElementType, TensorNode } from "../tensor-graph.ts";
import { likeFirst, mapElements, requireSameType } from "./elementwise.ts";

/** Parameter names with their values where a node has none. */
type Defaults<Name extends string> = Readonly<Record<Name, number>>;

export const ACTIVATION_OPERATORS: readonly TensorOperator[] = [
  ...activation("Relu", [6, 13, 14], {}, () => (x) => (x < 0 ? 0 : x), NUMBER_TYPES),
  ...activation(
    "LeakyRelu",
    [6, 16],
    { alpha: 0.01 },
    ({ alpha }) =>
      (x) =>
        x < 0 ? alpha * x : x,
  ),
  ...activation(
    "ThresholdedRelu",
    [10, 22],
    { alpha: 1 },
    ({ alpha }) =>
      (x) =>
        x > alpha ? x : 0,
  ),
  ...activation("Sigmoid", [6, 13], {}, () => sigmoid),
  ...activation("Tanh", [6, 13], {}, () => Math.tanh),
  ...activation(
    "HardSigmoid",
    [6, 22],
    { alpha: 0.2, beta: 0.5 },
    ({ alpha, beta }) =>
      (x) =>
        Math.max(0, Math.min(1, alpha * x + beta)),
  ),
  ...activation("HardSwish", [14, 22], {}, () => (x) => x * Math.max(0, Math.min(1, x / 6 + 0.5))),
  ...activation(
    "Elu",
    [6, 22],
    { alpha: 1 },
    ({ alpha }) =>
      (x) =>
        x < 0 ? alpha * Math.expm1(x) : x,
  ),
  ...activation(
    "Celu",
    [12],
    { alpha: 1 },
    ({ alpha }) =>
      (x) =>
        x < 0 ? alpha * Math.expm1(x / alpha) : x,
  ),
  ...activation(
    "Selu",
    [6, 22],
    { alpha: 1.6732632423543772, gamma: 1.0507009873554805 },
    ({ alpha, gamma }) =>
      (x) =>
        gamma * (x < 0 ? alpha * Math.expm1(x) : x),
  ),
  ...activation("Softplus", [1, 22], {}, () => softplus),
  ...activation("Softsign", [1, 22], {}, () => (x) => x / (1 + Math.abs(x))),
  ...activation("Mish", [18, 22], {}, () => (x) => x * Math.tanh(softplus(x))),
  ...activation(
    "Swish",
    [24],
    { alpha: 1 },
    ({ alpha }) =>
      (x) =>
        x * sigmoid(alpha * x),
  ),
  ...activation(
    "Shrink",
    [9],
    { lambd: 0.5, bias: 0 },
    ({ lambd, bias }) =>
      (x) =>
        x < -lambd ? x + bias : x > lambd ? x - bias : 0,
  ),
  {
    domain: "",
    name: "Gelu",
    since: 20,
    attributes: ["approximate"],
    arity: [1, 1],
    evaluate: (node, inputs) => {
      const input = requiredInput(inputs, 0, "X");
      requireType(input, "X", FLOAT_TYPES);
      const approximate = choiceAttribute(node, "approximate", ["none", "tanh"], "none");
      return [mapElements(input, approximate === "tanh" ? geluByTanh : gelu, (value) => value)];
    },
  },
  ...[7, 9, 16].map(
    (since): TensorOperator => ({
      domain: "",
      name: "PRelu",
      since,
      attributes: [],
      arity: [2, 2],
      evaluate: (_node, inputs) => [parametricRelu(requiredInput(inputs, 0, "X"), requiredInput(inputs, 1, "slope"))],
    }),
  ),
  {
    domain: "",
    name: "Clip",
    since: 6,
    attributes: ["min", "max"],
    arity: [1, 1],
    evaluate: (node, inputs) => {
      const input = requiredInput(inputs, 0, "input");
      requireType(input, "input", FLOAT_TYPES);
      return [
        clip(
          input,
          floatAttribute(node, "min", Number.NEGATIVE_INFINITY),
          floatAttribute(node, "max", Number.POSITIVE_INFINITY),
        ),
      ];
    },
  },
  ...[11, 12, 13].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Clip",
      since,
      attributes: [],
      arity: [1, 3],
      evaluate: (_node, inputs) => [
        clip(requiredInput(inputs, 0, "input"), bound(inputs, 1, "min"), bound(inputs, 2, "max")),
      ],
    }),
  ),
];

function activation<Name extends string>(
  name: string,
  since: readonly number[],
  defaults: Defaults<Name>,
  make: (parameters: Defaults<Name>) => (value: number) => number,
  types: readonly ElementType[] = FLOAT_TYPES,
): TensorOperator[] {
  const names = Object.keys(defaults) as Name[];
  return since.map((opset) => ({
    domain: "",
    name,
    since: opset,
    attributes: names,
    arity: [1, 1],
    evaluate: (node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] => {
      const input = requiredInput(inputs, 0, "X");
      requireType(input, "X", types);
      const parameters = Object.fromEntries(
        names.map((key) => [key, floatAttribute(node, key, defaults[key])]),
      ) as Defaults<Name>;
      return [mapElements(input, make(parameters), (value) => (value < 0n ? 0n : value))];
    },
    infer: likeFirst,
  }));
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** ln(1 + e^x), without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function gelu(x: number): number {
  return (x * (1 + erf(x / Math.SQRT2))) / 2;
}

function geluByTanh(x: number): number {
  return (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2;
}

/** The slope repeats to the input's shape, never the other way. */
function parametricRelu(input: AnyTensor, slope: AnyTensor): AnyTensor {
  requireType(input, "X", NUMBER_TYPES);
  requireSameType([input, slope]);
  requireUnidirectional(slope.shape, input.shape, "input slope");
  const index = broadcastIndex(slope.shape, input.shape);
  const result = zeros(input.type as ElementType, input.shape);
  if (isBig(input)) {
    if (!isBig(slope) || !isBig(result)) return result;
    const slopes: BigInt64Array | BigUint64Array = slope.data;
    const from: BigInt64Array | BigUint64Array = input.data;
    const to: BigInt64Array | BigUint64Array = result.data;
    for (let i = 0; i < to.length; i++) {
      const x = from[i] ?? 0n;
      to[i] = x < 0n ? x * (slopes[index?.[i] ?? i] ?? 0n) : x;
    }
    return result;
  }
  const from = numbersOf(input);
  const slopes = numbersOf(slope);
  for (let i = 0; i < from.length; i++) {
    const x = from[i] ?? 0;
    result.data[i] = x < 0 ? x * (slopes[index?.[i] ?? i] ?? 0) : x;
  }
  return result;
}

/** A bound of Clip as a scalar; undefined where it is left out. */
function bound(inputs: OperatorInputs, position: number, name: string): number | bigint | undefined {
  const input = inputs[position];
  const first = requiredInput(inputs, 0, "input");
  if (input === undefined) return undefined;
  requireSameType([first, input]);
  const [value, ...others] = input.data;
  if (value !== undefined && others.length === 0) return value;
  throw nodeError(`input ${name}`, `found ${input.data.length} elements, expected a scalar`, "give one number");
}

/** min(max, max(min, x)): where the bounds cross, the upper one holds. */
function clip(input: AnyTensor, least?: number | bigint, most?: number | bigint): AnyTensor {
  requireType(input, "input", NUMBER_TYPES);
  if (isBig(input)) {
    const lower = least as bigint | undefined;
    const upper = most as bigint | undefined;
    return mapElements(
      input,
      (value) => value,
      (value) => {
        const raised = lower !== undefined && value < lower ? lower : value;
        return upper !== undefined && raised > upper ? upper : raised;
      },
    );
  }
  const lower = Number(least ?? Number.NEGATIVE_INFINITY);
  const upper = Number(most ?? Number.POSITIVE_INFINITY);
  return mapElements(
    input,
    (value) => Math.min(upper, Math.max(lower, value)),
    (value) => value,
  );
}
