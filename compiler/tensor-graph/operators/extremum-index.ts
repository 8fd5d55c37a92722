/** ArgMax and ArgMin. */
import { elementCount } from "../../graph/shape.ts";
import { flagAttribute, integerAttribute, nodeError, normalAxis, requiredInput } from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { movable } from "../tensor.ts";
import type { AnyTensor, TensorNode } from "../tensor-graph.ts";
import { roundedTensor, since } from "./operands.ts";

/** Positions of the greatest (sign 1) or least (sign −1) element along an axis; of equal ones the first, or the last. */
function extremumIndex(node: TensorNode, inputs: OperatorInputs, greatest: boolean): readonly AnyTensor[] {
  const x = requiredInput(inputs, 0, "data");
  const axis = normalAxis(integerAttribute(node, "axis", 0), x.shape.length);
  const last = flagAttribute(node, "select_last_index", false);
  const count = x.shape[axis] ?? 1;
  if (count === 0) throw nodeError("input data", `has no elements on axis ${axis}`, "check the model");
  const stride = elementCount(x.shape.slice(axis + 1));
  const data = movable(x);
  const y = new Float64Array(data.length / count);
  for (let line = 0; line < y.length; line++) {
    const start = Math.floor(line / stride) * stride * count + (line % stride);
    let best = 0;
    for (let place = 1; place < count; place++) {
      const value = data[start + place * stride] as number;
      const champion = data[start + best * stride] as number;
      if ((greatest ? value > champion : value < champion) || (last && value === champion)) best = place;
    }
    y[line] = best;
  }
  const kept = flagAttribute(node, "keepdims", true) ? [1] : [];
  return [roundedTensor("int64", [...x.shape.slice(0, axis), ...kept, ...x.shape.slice(axis + 1)], y)];
}

function operators(name: string, greatest: boolean): readonly TensorOperator[] {
  const operator: Omit<TensorOperator, "since" | "attributes"> = {
    domain: "",
    name,
    arity: [1, 1],
    evaluate: (node, inputs) => extremumIndex(node, inputs, greatest),
  };
  return [
    ...since([1, 11], { ...operator, attributes: ["axis", "keepdims"] }),
    ...since([12, 13], { ...operator, attributes: ["axis", "keepdims", "select_last_index"] }),
  ];
}

export const EXTREMUM_INDEX_OPERATORS: readonly TensorOperator[] = [
  ...operators("ArgMax", true),
  ...operators("ArgMin", false),
];
