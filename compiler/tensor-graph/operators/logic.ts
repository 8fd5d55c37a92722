/** Comparisons, truth and Where. */
import { broadcastIndex, broadcastShape } from "../arithmetic/broadcast.ts";
import { flagAttribute, requiredInput, requireType, typedInput } from "../node-access.ts";
import type { TensorOperator } from "../operator.ts";
import { FLOAT_TYPES, movable, NUMBER_TYPES, sameType, tensorOf } from "../tensor.ts";
import type { AnyTensor, ElementType } from "../tensor-graph.ts";
import { broadcastTest, requireSameType } from "./elementwise.ts";

type Test = (a: number | bigint, b: number | bigint) => boolean;

export const LOGIC_OPERATORS: readonly TensorOperator[] = [
  ...comparison("Equal", [7, 11, 13, 19], ["bool", ...NUMBER_TYPES], (a, b) => a === b),
  ...comparison("Less", [7, 9, 13], NUMBER_TYPES, (a, b) => a < b),
  ...comparison("LessOrEqual", [12, 16], NUMBER_TYPES, (a, b) => a <= b),
  ...comparison("Greater", [7, 9, 13], NUMBER_TYPES, (a, b) => a > b),
  ...comparison("GreaterOrEqual", [12, 16], NUMBER_TYPES, (a, b) => a >= b),
  ...comparison("And", [7], ["bool"], (a, b) => a !== 0 && b !== 0),
  ...comparison("Or", [7], ["bool"], (a, b) => a !== 0 || b !== 0),
  ...comparison("Xor", [7], ["bool"], (a, b) => a !== b),
  {
    domain: "",
    name: "Not",
    since: 1,
    attributes: [],
    arity: [1, 1],
    evaluate: (_node, inputs) => {
      const { shape, data } = typedInput(inputs, 0, "X", ["bool"]);
      return [
        tensorOf(
          "bool",
          shape,
          data.map((value) => (value === 0 ? 1 : 0)),
        ),
      ];
    },
  },
  ...[9, 13, 20].map(
    (since): TensorOperator => ({
      domain: "",
      name: "IsNaN",
      since,
      attributes: [],
      arity: [1, 1],
      evaluate: (_node, inputs) => {
        const { shape, data } = typedInput(inputs, 0, "X", FLOAT_TYPES);
        return [
          tensorOf(
            "bool",
            shape,
            Uint8Array.from(data, (value) => (Number.isNaN(value) ? 1 : 0)),
          ),
        ];
      },
    }),
  ),
  ...[10, 20].map(
    (since): TensorOperator => ({
      domain: "",
      name: "IsInf",
      since,
      attributes: ["detect_negative", "detect_positive"],
      arity: [1, 1],
      evaluate: (node, inputs) => {
        const { shape, data } = typedInput(inputs, 0, "X", FLOAT_TYPES);
        const negative = flagAttribute(node, "detect_negative", true);
        const positive = flagAttribute(node, "detect_positive", true);
        const test = (value: number): boolean =>
          (positive && value === Number.POSITIVE_INFINITY) || (negative && value === Number.NEGATIVE_INFINITY);
        return [
          tensorOf(
            "bool",
            shape,
            Uint8Array.from(data, (value) => (test(value) ? 1 : 0)),
          ),
        ];
      },
    }),
  ),
  ...[9, 16].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Where",
      since,
      attributes: [],
      arity: [3, 3],
      evaluate: (_node, inputs) => [
        where(
          typedInput(inputs, 0, "condition", ["bool"]),
          requiredInput(inputs, 1, "X"),
          requiredInput(inputs, 2, "Y"),
        ),
      ],
    }),
  ),
];

function comparison(
  name: string,
  since: readonly number[],
  types: readonly ElementType[],
  test: Test,
): TensorOperator[] {
  return since.map((opset) => ({
    domain: "",
    name,
    since: opset,
    attributes: [],
    arity: [2, 2],
    evaluate: (_node, inputs) => {
      const a = requiredInput(inputs, 0, "A");
      requireType(a, "A", types);
      return [broadcastTest(a, requiredInput(inputs, 1, "B"), test)];
    },
  }));
}

function where(condition: AnyTensor, yes: AnyTensor, no: AnyTensor): AnyTensor {
  requireSameType([yes, no]);
  const shape = broadcastShape([condition.shape, yes.shape, no.shape]);
  const [conditionIndex, yesIndex, noIndex] = [condition, yes, no].map((tensor) => broadcastIndex(tensor.shape, shape));
  const result = sameType(yes, shape);
  const [from, other, to] = [movable(yes), movable(no), movable(result)];
  for (let i = 0; i < to.length; i++) {
    const chosen = condition.data[conditionIndex?.[i] ?? i] ? from[yesIndex?.[i] ?? i] : other[noIndex?.[i] ?? i];
    if (chosen !== undefined) to[i] = chosen;
  }
  return result;
}
