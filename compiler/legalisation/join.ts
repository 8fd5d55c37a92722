/** Values one after the other along an axis. */
import { elementCount, formatShape } from "../graph/shape.ts";
import { arranged, view } from "./arrange.ts";
import { addHelper, addNamed, legalisationError, type RuleCall } from "./rule.ts";
import { around, type NetworkValue, storedSizes } from "./value.ts";

/**
 * Concatenation along `axis`, in the order `wanted` in memory or that of the first value. Whatever lies inside the axis in memory joins it, so
 * that no words move.
 */
export function concatenated(
  call: RuleCall,
  values: readonly NetworkValue[],
  axis: number,
  role?: string,
  wanted?: readonly number[],
): NetworkValue {
  const [first, ...others] = values;
  if (first === undefined) throw legalisationError("inputs", "found none", "export the model again");
  if (others.length === 0) return first;
  const order = wanted ?? first.order;
  const outer = elementCount(storedSizes({ ...first, order }).slice(0, order.indexOf(axis)));
  const inputs = values.map((value) => {
    const { name } = arranged(call, value, order);
    const [, size, inner] = around({ ...value, order }, axis);
    return { name, last: size * inner };
  });
  const own = call.builder.shapeOf(inputs[0]?.name ?? "");
  const rows = own.slice(0, -1);
  const image = own.length === 3 && elementCount(rows) === outer ? rows : outer === 1 ? [] : [1, outer];
  const node = {
    op: "concatenate",
    inputs: inputs.map(({ name, last }) => view(call, name, [...image, last])),
  } as const;
  const name = role === undefined ? addNamed(call, node) : addHelper(call, role, node);
  const size = values.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
  for (const { shape } of others) {
    if (shape.some((length, candidate) => candidate !== axis && length !== first.shape[candidate])) {
      throw legalisationError(
        "inputs",
        `found ${values.map((value) => formatShape(value.shape)).join(", ")}`,
        "sizes may differ along the axis only",
      );
    }
  }
  return { name, shape: first.shape.map((length, candidate) => (candidate === axis ? size : length)), order };
}
