/** Pooling over windows, and means and maxima along axes. */
import type { PoolNode } from "../../../../graph/graph.ts";
import { elementCount, formatShape, NO_PADDING } from "../../../../graph/shape.ts";
import type { Pair } from "../../settings.ts";
import { nodeError } from "../../values/node-error.ts";
import { addNamed, imageInput, imageOf, type NetworkValue, view } from "../../values/value.ts";
import { flagAttribute } from "../attributes.ts";
import { integersInput, type NodeCall, type NodeRule, normalAxis, valueInput } from "../rule.ts";
import { channelsLastOnly, paddingOf, pairAttribute } from "../windows.ts";

type Kind = PoolNode["kind"];

/** MaxPool, AvgPool: an average divides by the elements inside the image. */
export function poolRule(kind: Kind): NodeRule {
  return (call) => {
    channelsLastOnly(call);
    const { input, image } = imageInput(call, valueInput(call, 0, "input"));
    const kernel = pairAttribute(call, "ksize");
    const strides = pairAttribute(call, "strides");
    const padding = paddingOf(call, { image, kernel, strides, dilations: [1, 1] });
    const name = addNamed(call, { op: "pool", inputs: [input], kind, kernel, strides, padding, countPadding: false });
    return [imageOf(call, name)];
  };
}

/** Mean, Max along constant axes. */
export function reductionRule(kind: Kind): NodeRule {
  return (call) => {
    const x = valueInput(call, 0, "input");
    const listed = integersInput(call, 1, "reduction_indices");
    const axes = new Set(listed.map((axis) => normalAxis(call, axis, x.shape.length)));
    const shape = flagAttribute(call, "keep_dims", false)
      ? x.shape.map((size, axis) => (axes.has(axis) ? 1 : size))
      : x.shape.filter((_size, axis) => !axes.has(axis));
    return [reduced(call, kind, x, axes, shape)];
  };
}

function reduced(
  call: NodeCall,
  kind: Kind,
  x: NetworkValue,
  axes: ReadonlySet<number>,
  shape: readonly number[],
): NetworkValue {
  const moving = x.shape.flatMap((size, axis) => (axes.has(axis) && size !== 1 ? [axis] : []));
  const [first = 0, last = first] = [moving[0], moving.at(-1)];
  if (moving.length === 0) return { name: x.name, shape };
  const count = elementCount(x.shape.slice(first, last + 1));
  if (x.shape.some((size, axis) => axis > first && axis < last && size !== 1 && !axes.has(axis))) {
    throw nodeError(
      call,
      "input reduction_indices",
      `found axes ${moving.join(", ")} of ${formatShape(x.shape)}, expected axes side by side`,
      "reduce rows and columns together",
    );
  }
  const [outer, inner] = [elementCount(x.shape.slice(0, first)), elementCount(x.shape.slice(last + 1))];
  const own = call.builder.shapeOf(x.name);
  const [rows = 1, columns = 1] = own;
  const isWhole = outer === 1 && own.length === 3 && rows * columns === count;
  const kernel: Pair = isWhole ? [rows, columns] : [1, count];
  const node = {
    op: "pool",
    inputs: [isWhole ? x.name : view(call, x.name, [outer, count, inner])],
    kind,
    kernel,
    strides: [1, 1],
    padding: NO_PADDING,
    countPadding: false,
  } as const;
  return { name: addNamed(call, node), shape };
}
