/** Resize and Upsample to the nearest element, by whole factors; where elements are left out, as a slice. */
import { elementCount } from "../../graph/shape.ts";
import { runNode } from "../../tensor-graph/evaluation/evaluate-node.ts";
import { choiceAttribute } from "../../tensor-graph/node-access.ts";
import { findOperator } from "../../tensor-graph/operators/table.ts";
import { numbersOf } from "../../tensor-graph/tensor.ts";
import { view } from "../arrange.ts";
import {
  addHelper,
  addNamed,
  type LegalisationRule,
  legalisationError,
  networkInput,
  outputShape,
  type RuleCall,
} from "../rule.ts";
import { around, imagePositions, type NetworkValue } from "../value.ts";

/** Which element an output position takes is asked of the operator's own definition, axis by axis. */
export const resizeRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "X");
  const mode = choiceAttribute(call.node, "mode", ["nearest", "linear", "cubic"], "nearest");
  if (mode !== "nearest")
    throw legalisationError("attribute mode", `found ${mode}, expected nearest`, "the machine repeats elements");
  const shape = outputShape(call);
  const axes = x.shape.flatMap((size, axis) => (size === shape[axis] ? [] : [axis]));
  const steps = axes.map((axis) => ({ axis, ...stepOf(sources(call, x, axis), x.shape[axis] ?? 1, axis) }));
  const own = call.builder.shapeOf(x.name);
  const places = imagePositions(x, axes, own);
  if (places !== undefined && steps.every(({ slice }) => slice === undefined)) {
    const factorAt = (place: 0 | 1): number => steps[places.indexOf(place)]?.factor ?? 1;
    const name = addNamed(call, { op: "resize", inputs: [x.name], factors: [factorAt(0), factorAt(1)] });
    return [{ ...x, name, shape }];
  }
  let value = x;
  steps.forEach(({ axis, factor, slice }, index) => {
    const [outer, size, inner] = around(value, axis);
    const input = view(call, value.name, [outer, size, inner]);
    const node =
      slice === undefined
        ? ({ op: "resize", inputs: [input], factors: [1, factor] } as const)
        : ({
            op: "slice",
            inputs: [input],
            start: [0, slice.start, 0],
            stop: [outer, slice.stop, inner],
            step: [1, slice.step, 1],
          } as const);
    const name = index + 1 === steps.length ? addNamed(call, node) : addHelper(call, "part", node);
    value = {
      ...value,
      name,
      shape: value.shape.map((old, candidate) => (candidate === axis ? (shape[axis] ?? 1) : old)),
    };
  });
  return [value];
};

/** The input position behind every output position of an axis. */
function sources(call: RuleCall, x: NetworkValue, axis: number): readonly number[] {
  const inner = elementCount(x.shape.slice(axis + 1));
  const size = x.shape[axis] ?? 1;
  const data = Float32Array.from({ length: elementCount(x.shape) }, (_, index) => Math.floor(index / inner) % size);
  const inputs = call.operands.map(
    (operand) =>
      operand?.constant ?? (operand === undefined ? undefined : { type: "float32" as const, shape: x.shape, data }),
  );
  const { node } = call;
  const [result] = runNode(node, findOperator(node, ""), inputs, "");
  if (result === undefined) return [];
  const numbers = numbersOf(result);
  const stride = elementCount(result.shape.slice(axis + 1));
  return Array.from({ length: result.shape[axis] ?? 0 }, (_, position) => numbers[position * stride] ?? 0);
}

interface Step {
  readonly factor: number;
  readonly slice?: { readonly start: number; readonly stop: number; readonly step: number } | undefined;
}

function stepOf(positions: readonly number[], size: number, axis: number): Step {
  const factor = positions.length / size;
  if (Number.isInteger(factor) && positions.every((source, position) => source === Math.floor(position / factor)))
    return { factor };
  const [start = 0, second = start + 1] = positions;
  const step = second - start;
  if (step >= 1 && positions.every((source, position) => source === start + position * step)) {
    return { factor: 1, slice: { start, stop: (positions.at(-1) ?? 0) + 1, step } };
  }
  throw legalisationError(
    `axis ${axis}`,
    `found ${size} elements resized to ${positions.length}, which take ${positions.slice(0, 6).join(", ")}${positions.length > 6 ? ", …" : ""}`,
    "the machine repeats every element a whole number of times, or takes every n-th",
  );
}
