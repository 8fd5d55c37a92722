/** Shapes that nodes ask for. */
import { elementCount, formatShape } from "../../../graph/shape.ts";
import { nodeError } from "../values/node-error.ts";
import { integersAttribute, type NodePlace } from "./attributes.ts";

const HINT = "export the model again with tensorflowjs_converter";

/** The shape of a Reshape; one size may be −1, open. */
export function requestedShape(
  place: NodePlace,
  shape: readonly number[],
  target: readonly number[],
): readonly number[] {
  const known = elementCount(target.filter((size) => size !== -1));
  const open = target.filter((size) => size === -1).length;
  const rest = elementCount(shape) / known;
  const fits = open === 0 ? rest === 1 || elementCount(shape) === known : open === 1 && Number.isInteger(rest);
  if (!fits || target.some((size) => size < -1)) {
    throw nodeError(
      place,
      "input shape",
      `found ${formatShape(target)} for ${formatShape(shape)}, expected ${elementCount(shape)} elements and at most one open size`,
      "the machine takes one image: export the model with a batch of 1 or an open batch",
    );
  }
  return target.map((size) => (size === -1 ? rest : size));
}

/** Without the axes in `squeeze_dims`, or without all of size 1. */
export function squeezedShape(place: NodePlace, shape: readonly number[]): readonly number[] {
  const listed = integersAttribute(place, "squeeze_dims") ?? integersAttribute(place, "axis") ?? [];
  const axes = new Set(listed.map((axis) => (axis < 0 ? axis + shape.length : axis)));
  const wrong = [...axes].find((axis) => shape[axis] !== 1);
  if (wrong !== undefined) {
    throw nodeError(place, "attribute squeeze_dims", `axis ${wrong} of ${formatShape(shape)} is not of size 1`, HINT);
  }
  return shape.filter((size, axis) => (axes.size === 0 ? size !== 1 : !axes.has(axis)));
}

/** With an axis of size 1 at `axis`. */
export function expandedShape(place: NodePlace, shape: readonly number[], axis: number): readonly number[] {
  const at = axis < 0 ? axis + shape.length + 1 : axis;
  if (at >= 0 && at <= shape.length) return shape.toSpliced(at, 0, 1);
  throw nodeError(place, "axis", `found ${axis} for ${formatShape(shape)}`, HINT);
}
