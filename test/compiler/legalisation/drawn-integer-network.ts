/** Integer networks with drawn chains of operators behind, between and after their sums. */
import fc from "fast-check";
import type { TensorGraph } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { channelsLastElements } from "./compare.ts";
import { float, model, scalar, type WrittenNode } from "./small-models.ts";

/** What follows sums in some order; every step keeps float32 exact. */
export type Step =
  | "mul"
  | "channels"
  | "add"
  | "div"
  | "floor"
  | "ceil"
  | "round"
  | "clip"
  | "relu"
  | "neg"
  | "min"
  | "minus";

const steps = fc.array(
  fc.tuple(
    fc.constantFrom<Step>(
      "mul",
      "channels",
      "add",
      "div",
      "floor",
      "ceil",
      "round",
      "clip",
      "relu",
      "neg",
      "min",
      "minus",
    ),
    fc.integer({ min: 1, max: 7 }),
  ),
  { maxLength: 6 },
);

export interface DrawnNetwork {
  readonly weights: readonly number[];
  readonly before: readonly (readonly [Step, number])[];
  readonly join: boolean;
  readonly after: readonly (readonly [Step, number])[];
  readonly pool: boolean;
  readonly last: readonly (readonly [Step, number])[];
  readonly pixels: readonly number[];
}

export const drawnNetworks: fc.Arbitrary<DrawnNetwork> = fc.record({
  weights: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 6, maxLength: 6 }),
  before: steps,
  join: fc.boolean(),
  after: steps,
  pool: fc.boolean(),
  last: steps,
  pixels: fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 12, maxLength: 12 }),
});

function written(steps: readonly (readonly [Step, number])[], from: string, prefix: string): WrittenNode[] {
  let value = from;
  return steps.map(([step, number], index) => {
    const name = `${prefix}${index}${step}`;
    const nodes: Record<Step, Omit<WrittenNode, "name">> = {
      mul: { operator: "Mul", inputs: [value, `n${number}`] },
      channels: { operator: "Mul", inputs: ["perChannel", value] },
      add: { operator: "Add", inputs: [value, `n${number}`] },
      minus: { operator: "Sub", inputs: [`n${number}`, value] },
      div: { operator: "Div", inputs: [value, `p${number}`] },
      floor: { operator: "Floor", inputs: [value] },
      ceil: { operator: "Ceil", inputs: [value] },
      round: { operator: "Round", inputs: [value] },
      clip: { operator: "Clip", inputs: [value, `m${number}`, "hi"] },
      relu: { operator: "Relu", inputs: [value] },
      neg: { operator: "Neg", inputs: [value] },
      min: { operator: "Min", inputs: [value, `q${number}`] },
    };
    value = `${name}'`;
    return { name, ...nodes[step] };
  });
}

export const DRAWN_INPUT: readonly number[] = [1, 3, 2, 2];

/** Input `x` of shape `DRAWN_INPUT`, one output. */
export function drawnModel({ weights, before, join, after, pool, last }: DrawnNetwork): TensorGraph {
  const numbers = [1, 2, 3, 4, 5, 6, 7];
  const constants = {
    hi: scalar(200),
    weights: float([2, 3, 1, 1], weights),
    perChannel: float([1, 2, 1, 1], [3, 5]),
    ...Object.fromEntries(numbers.map((number) => [`n${number}`, scalar(number)])),
    ...Object.fromEntries(numbers.map((number) => [`p${number}`, scalar(2 ** (number % 4))])),
    ...Object.fromEntries(numbers.map((number) => [`m${number}`, scalar(-20 * (number - 2))])),
    ...Object.fromEntries(numbers.map((number) => [`q${number}`, scalar(40 * number)])),
  };
  const nodes: WrittenNode[] = [{ name: "conv", operator: "Conv", inputs: ["x", "weights"] }];
  const end = () => `${nodes.at(-1)?.name}'`;
  nodes.push(...written(before, "conv'", "a"), { name: "whole", operator: "Floor", inputs: [end()] });
  if (join) {
    nodes.push({ name: "other", operator: "Mul", inputs: ["whole'", "n3"] });
    nodes.push({ name: "joined", operator: "Add", inputs: ["whole'", "other'"] });
  }
  nodes.push(...written(after, end(), "b"));
  if (pool) {
    nodes.push({ name: "kept", operator: "Floor", inputs: [end()] });
    nodes.push({ name: "pool", operator: "AveragePool", inputs: ["kept'"], attributes: { kernel_shape: [2, 2] } });
  }
  nodes.push(...written(last, end(), "c"), { name: "y", operator: "Round", inputs: [end()] });
  return model(DRAWN_INPUT, constants, nodes);
}

/** Elements of the output channels last, as the machine stores them; −0 is 0. */
export function storedOutput({ pool }: DrawnNetwork, elements: ArrayLike<number>): readonly number[] {
  const shape = pool ? [1, 2, 1, 1] : [1, 2, 2, 2];
  return channelsLastElements(
    shape,
    Array.from(elements, (value) => value + 0),
  );
}
