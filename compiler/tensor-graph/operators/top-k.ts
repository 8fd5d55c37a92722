/** TopK. */
import { elementCount, formatShape } from "../../graph/shape.ts";
import { flagAttribute, integerAttribute, nodeError, normalAxis, requiredInput } from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { integersOf, movable, zeros } from "../tensor.ts";
import type { AnyTensor, TensorNode } from "../tensor-graph.ts";
import { roundedTensor } from "./operands.ts";

/**
 * The k greatest elements (or least, where `largest` is 0) along an axis, the greatest first, and their positions; of equal ones
 * the first comes first. Unsorted outputs may come in any order: they come sorted, too.
 */
function topK(node: TensorNode, inputs: OperatorInputs, k: number): readonly AnyTensor[] {
  const x = requiredInput(inputs, 0, "X");
  const axis = normalAxis(integerAttribute(node, "axis", -1), x.shape.length);
  const count = x.shape[axis] ?? 1;
  if (!(k >= 0 && k <= count)) throw nodeError("input K", `found ${k}, expected 0 to ${count}`, "check the model");
  const largest = flagAttribute(node, "largest", true);
  const stride = elementCount(x.shape.slice(axis + 1));
  const data = movable(x);
  const shape = x.shape.with(axis, k);
  const places = new Float64Array(elementCount(shape));
  const values: AnyTensor = zeros(x.type, shape);
  const moved = movable(values);
  for (let line = 0; line < data.length / count; line++) {
    const outer = Math.floor(line / stride);
    const start = outer * stride * count + (line % stride);
    const at = (place: number): number => data[start + place * stride] as number;
    const order = Array.from({ length: count }, (_, place) => place);
    order.sort((a, b) => (at(a) === at(b) ? a - b : at(a) > at(b) === largest ? -1 : 1));
    for (let rank = 0; rank < k; rank++) {
      const to = outer * stride * k + (line % stride) + rank * stride;
      places[to] = order[rank] ?? 0;
      moved[to] = at(order[rank] ?? 0);
    }
  }
  return [values, roundedTensor("int64", shape, places)];
}

/** K as the one integer of an input. */
function inputK(inputs: OperatorInputs): number {
  const tensor = requiredInput(inputs, 1, "K");
  const [k, ...rest] = integersOf(tensor, "input K");
  if (k !== undefined && rest.length === 0) return k;
  throw nodeError("input K", `found shape ${formatShape(tensor.shape)}, expected one element`, "check the model");
}

const named: Pick<TensorOperator, "domain" | "name"> = { domain: "", name: "TopK" };

export const TOP_K_OPERATORS: readonly TensorOperator[] = [
  {
    ...named,
    since: 1,
    attributes: ["axis", "k"],
    arity: [1, 1],
    evaluate: (node, inputs) => topK(node, inputs, integerAttribute(node, "k", -1)),
  },
  {
    ...named,
    since: 10,
    attributes: ["axis"],
    arity: [2, 2],
    shapeInputs: [1],
    evaluate: (node, inputs) => topK(node, inputs, inputK(inputs)),
  },
  ...[11, 24].map((since) => ({
    ...named,
    since,
    attributes: ["axis", "largest", "sorted"],
    arity: [2, 2] as const,
    shapeInputs: [1],
    evaluate: (node: TensorNode, inputs: OperatorInputs) => topK(node, inputs, inputK(inputs)),
  })),
];
