/** Conv and ConvTranspose, one to three spatial axes. */
import { formatShape } from "../../graph/shape.ts";
import { convolve, convolveTransposed } from "../arithmetic/convolve.ts";
import { slidingWindows, transposedWindows, type WindowAxis } from "../arithmetic/windows.ts";
import { integerAttribute, integersAttribute, nodeError, typedInput } from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { FLOAT_TYPES, requireShape, zeros } from "../tensor.ts";
import type { AnyTensor, TensorNode } from "../tensor-graph.ts";
import { expectRank, expectShape, float64Of, optionalInput, roundedTensor, since } from "./operands.ts";
import { MAXIMUM_SPATIAL_AXES, repeated, WINDOW_ATTRIBUTES, windowAttributes } from "./window-attributes.ts";

/** A convolution, checked: batch × channels × positions with weights filters × channels per group × kernel. */
export interface ConvolutionGeometry {
  readonly batch: number;
  readonly groups: number;
  /** Channels of the input per group. */
  readonly channels: number;
  /** Channels of the output per group. */
  readonly filters: number;
  readonly axes: readonly WindowAxis[];
  readonly outputShape: readonly number[];
}

/** Geometry of `Conv`, `ConvInteger` and `QLinearConv`: `x` and `w` need only shapes. */
export function convolutionGeometry(node: TensorNode, x: AnyTensor, w: AnyTensor): ConvolutionGeometry {
  expectRank(x, "X", 3, MAXIMUM_SPATIAL_AXES + 2);
  expectRank(w, "W", x.shape.length, x.shape.length);
  const [batch = 0, inputChannels = 0, ...sizes] = x.shape;
  const [allFilters = 0, channels = 0, ...kernel] = w.shape;
  const groups = groupsOf(node, inputChannels);
  if (groups * channels !== inputChannels || allFilters % groups !== 0) {
    throw nodeError(
      "input W",
      `found shape ${formatShape(w.shape)} in ${groups} groups, expected ${inputChannels} channels in all and filters in equal parts`,
      "check group",
    );
  }
  const axes = slidingWindows(sizes, { ...windowAttributes(node, sizes.length, kernel), ceilMode: false });
  const outputShape = [batch, allFilters, ...axes.map((axis) => axis.output)];
  requireShape(outputShape);
  return { batch, groups, channels, filters: allFilters / groups, axes, outputShape };
}

/** Geometry of `ConvTranspose`: weights are input channels × filters per group × kernel. */
export function transposedGeometry(node: TensorNode, x: AnyTensor, w: AnyTensor): ConvolutionGeometry {
  expectRank(x, "X", 3, MAXIMUM_SPATIAL_AXES + 2);
  expectRank(w, "W", x.shape.length, x.shape.length);
  const [batch = 0, inputChannels = 0, ...sizes] = x.shape;
  const [weightChannels = 0, filters = 0, ...kernel] = w.shape;
  const groups = groupsOf(node, inputChannels);
  if (weightChannels !== inputChannels) {
    throw nodeError(
      "input W",
      `found shape ${formatShape(w.shape)}, expected ${inputChannels} first, the channels of the input`,
      "check the model",
    );
  }
  const spatial = sizes.length;
  const attributes = windowAttributes(node, spatial, kernel);
  const outputPadding = integersAttribute(node, "output_padding") ?? repeated(spatial, 0);
  if (outputPadding.length !== spatial || outputPadding.some((padding) => padding < 0)) {
    throw nodeError(
      "attribute output_padding",
      `found [${outputPadding.join(", ")}], expected ${spatial} integers from 0`,
      "export the model again",
    );
  }
  const axes = transposedWindows(sizes, { ...attributes, outputPadding, outputSizes: outputSizesOf(node, spatial) });
  const outputShape = [batch, groups * filters, ...axes.map((axis) => axis.output)];
  requireShape(outputShape);
  return { batch, groups, channels: inputChannels / groups, filters, axes, outputShape };
}

function groupsOf(node: TensorNode, channels: number): number {
  const groups = integerAttribute(node, "group", 1);
  if (groups >= 1 && channels % groups === 0) return groups;
  throw nodeError(
    "attribute group",
    `found ${groups}, expected a divisor of the ${channels} input channels`,
    "check group",
  );
}

/** `output_shape`: the spatial sizes, before which some files also write batch and channels. */
function outputSizesOf(node: TensorNode, spatial: number): readonly number[] | null {
  const shape = integersAttribute(node, "output_shape");
  if (shape === undefined || shape.length === 0) return null;
  const sizes = shape.length === spatial + 2 ? shape.slice(2) : shape;
  if (sizes.length === spatial && sizes.every((size) => size >= 1)) return sizes;
  throw nodeError(
    "attribute output_shape",
    `found [${shape.join(", ")}], expected ${spatial} sizes`,
    "check the model",
  );
}

interface ConvolutionOperands extends ConvolutionGeometry {
  readonly x: AnyTensor;
  readonly w: AnyTensor;
  readonly bias: AnyTensor | undefined;
}

function operandsOf(
  geometry: typeof convolutionGeometry,
  node: TensorNode,
  inputs: OperatorInputs,
): ConvolutionOperands {
  const x = typedInput(inputs, 0, "X", FLOAT_TYPES);
  const w = typedInput(inputs, 1, "W", FLOAT_TYPES);
  const bias = optionalInput(inputs, 2, "B");
  const found = geometry(node, x, w);
  if (bias !== undefined) expectShape(bias, "B", [found.groups * found.filters]);
  return { ...found, x, w, bias };
}

/** Adds the bias of each channel to `y`: batch × channels × positions. */
function addBias(y: Float64Array, bias: AnyTensor | undefined, { batch, groups, filters }: ConvolutionGeometry): void {
  if (bias === undefined) return;
  const values = float64Of(bias);
  const positions = y.length / (batch * groups * filters);
  for (let index = 0; index < y.length; index++) {
    y[index] = (y[index] as number) + (values[Math.floor(index / positions) % values.length] as number);
  }
}

function define(
  name: string,
  attributes: readonly string[],
  geometry: typeof convolutionGeometry,
  compute: typeof convolve,
): readonly TensorOperator[] {
  return since([1, 11, 22], {
    domain: "",
    name,
    attributes,
    arity: [2, 3],
    evaluate(node, inputs) {
      const operands = operandsOf(geometry, node, inputs);
      const y = compute(float64Of(operands.x), float64Of(operands.w), operands);
      addBias(y, operands.bias, operands);
      return [roundedTensor(operands.x.type, operands.outputShape, y)];
    },
    infer(node, inputs) {
      const { x, outputShape } = operandsOf(geometry, node, inputs);
      return [zeros(x.type, outputShape)];
    },
  });
}

const TRANSPOSED_ATTRIBUTES = [...WINDOW_ATTRIBUTES, "output_padding", "output_shape"] as const;

export const CONVOLUTION_OPERATORS: readonly TensorOperator[] = [
  ...define("Conv", WINDOW_ATTRIBUTES, convolutionGeometry, convolve),
  ...define("ConvTranspose", TRANSPOSED_ATTRIBUTES, transposedGeometry, convolveTransposed),
];
