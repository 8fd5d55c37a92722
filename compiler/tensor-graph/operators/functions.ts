/** Functions of one element. */
import { erf } from "../../graph/error-function.ts";
import { roundHalfEven } from "../arithmetic/round-number.ts";
import { requiredInput, requireType } from "../node-access.ts";
import type { TensorOperator } from "../operator.ts";
import { FLOAT_TYPES, NUMBER_TYPES } from "../tensor.ts";
import type { ElementType } from "../tensor-graph.ts";
import { likeFirst, mapElements } from "./elementwise.ts";

const NOT_BIG = (value: bigint): bigint => value;

export const FUNCTION_OPERATORS: readonly TensorOperator[] = [
  ...elementFunction("Abs", [6, 13], NUMBER_TYPES, Math.abs, (value) => (value < 0n ? -value : value)),
  ...elementFunction(
    "Neg",
    [6, 13],
    NUMBER_TYPES,
    (value) => -value,
    (value) => -value,
  ),
  ...elementFunction("Sign", [9, 13], NUMBER_TYPES, Math.sign, (value) => (value > 0n ? 1n : value < 0n ? -1n : 0n)),
  ...elementFunction("Sqrt", [6, 13], FLOAT_TYPES, Math.sqrt),
  ...elementFunction("Exp", [6, 13], FLOAT_TYPES, Math.exp),
  ...elementFunction("Log", [6, 13], FLOAT_TYPES, Math.log),
  ...elementFunction("Reciprocal", [6, 13], FLOAT_TYPES, (value) => 1 / value),
  ...elementFunction("Floor", [6, 13], FLOAT_TYPES, Math.floor),
  ...elementFunction("Ceil", [6, 13], FLOAT_TYPES, Math.ceil),
  ...elementFunction("Round", [11, 22], FLOAT_TYPES, roundHalfEven),
  ...elementFunction("Erf", [9, 13], FLOAT_TYPES, erf),
  ...elementFunction("Sin", [7, 22], FLOAT_TYPES, Math.sin),
  ...elementFunction("Cos", [7, 22], FLOAT_TYPES, Math.cos),
  ...elementFunction("Tan", [7, 22], FLOAT_TYPES, Math.tan),
  ...elementFunction("Asin", [7, 22], FLOAT_TYPES, Math.asin),
  ...elementFunction("Acos", [7, 22], FLOAT_TYPES, Math.acos),
  ...elementFunction("Atan", [7, 22], FLOAT_TYPES, Math.atan),
  ...elementFunction("Sinh", [9, 22], FLOAT_TYPES, Math.sinh),
  ...elementFunction("Cosh", [9, 22], FLOAT_TYPES, Math.cosh),
  ...elementFunction("Asinh", [9, 22], FLOAT_TYPES, Math.asinh),
  ...elementFunction("Acosh", [9, 22], FLOAT_TYPES, Math.acosh),
  ...elementFunction("Atanh", [9, 22], FLOAT_TYPES, Math.atanh),
];

function elementFunction(
  name: string,
  since: readonly number[],
  types: readonly ElementType[],
  number: (value: number) => number,
  bigint: (value: bigint) => bigint = NOT_BIG,
): TensorOperator[] {
  return since.map((opset) => ({
    domain: "",
    name,
    since: opset,
    attributes: [],
    arity: [1, 1],
    evaluate: (_node, inputs) => {
      const input = requiredInput(inputs, 0, "X");
      requireType(input, "X", types);
      return [mapElements(input, number, bigint)];
    },
    infer: likeFirst,
  }));
}
