/** Reads the attributes that convolutions and pools share into what `windows.ts` takes. */

import { AUTO_PADS, type WindowAttributes } from "../arithmetic/windows.ts";
import { choiceAttribute, integersAttribute, nodeError } from "../node-access.ts";
import type { TensorNode } from "../tensor-graph.ts";

/** The most spatial axes that convolutions and pools have here. */
export const MAXIMUM_SPATIAL_AXES = 3;

/** Attributes of every convolution. */
export const WINDOW_ATTRIBUTES: readonly string[] = [
  "auto_pad",
  "dilations",
  "group",
  "kernel_shape",
  "pads",
  "strides",
];

/** `kernel`: sizes of the weights' spatial axes; where there are none, `kernel_shape` must be given. */
export function windowAttributes(node: TensorNode, spatial: number, kernel?: readonly number[]): WindowAttributes {
  const stated = integersAttribute(node, "kernel_shape");
  if (kernel !== undefined && stated !== undefined && String(stated) !== String(kernel)) {
    throw nodeError(
      "attribute kernel_shape",
      `found [${stated.join(", ")}], expected the weights' [${kernel.join(", ")}]`,
      "leave it out",
    );
  }
  const sizes = kernel ?? stated;
  if (sizes === undefined) {
    throw nodeError("attribute kernel_shape", "found none, expected the window's sizes", "export the model again");
  }
  return {
    kernel: sizes,
    strides: integersAttribute(node, "strides") ?? repeated(spatial, 1),
    dilations: integersAttribute(node, "dilations") ?? repeated(spatial, 1),
    pads: integersAttribute(node, "pads") ?? repeated(2 * spatial, 0),
    autoPad: choiceAttribute(node, "auto_pad", AUTO_PADS, "NOTSET"),
  };
}

export function repeated(count: number, value: number): readonly number[] {
  return Array.from({ length: count }, () => value);
}
