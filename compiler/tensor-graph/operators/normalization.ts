/** BatchNormalization, InstanceNormalization, LayerNormalization, GroupNormalization and LRN. */
import { elementCount } from "../../graph/shape.ts";
import { broadcastIndex, requireUnidirectional } from "../arithmetic/broadcast.ts";
import {
  flagAttribute,
  floatAttribute,
  integerAttribute,
  nodeError,
  normalAxis,
  requiredInput,
  requireType,
  typedInput,
} from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { FLOAT_TYPES } from "../tensor.ts";
import type { AnyTensor, TensorNode } from "../tensor-graph.ts";
import { expectRank, expectShape, float64Of, optionalInput, roundedTensor, since } from "./operands.ts";

interface Channels {
  readonly x: AnyTensor;
  readonly batch: number;
  readonly channels: number;
  /** Elements per channel of an image. */
  readonly positions: number;
}

function channelsOf(inputs: OperatorInputs, name: string): Channels {
  const x = typedInput(inputs, 0, name, FLOAT_TYPES);
  expectRank(x, name, 2, Infinity);
  const [batch = 0, channels = 0, ...sizes] = x.shape;
  return { x, batch, channels, positions: elementCount(sizes) };
}

/** An input with one element per channel. */
function perChannel(inputs: OperatorInputs, position: number, name: string, channels: number): Float64Array {
  const input = requiredInput(inputs, position, name);
  requireType(input, name, FLOAT_TYPES);
  expectShape(input, name, [channels]);
  return float64Of(input);
}

/** y = (x − mean) / √(variance + epsilon) · scale + B, per channel. */
function batchNormalization(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  if (flagAttribute(node, "training_mode", false) || node.outputs.slice(1).some((name) => name !== "")) {
    throw nodeError("the node", "is in training mode", "export the model for inference");
  }
  if (!flagAttribute(node, "spatial", true)) {
    throw nodeError("attribute spatial", "found 0, expected 1", "statistics per position are not supported");
  }
  const { x, channels, positions } = channelsOf(inputs, "X");
  const scale = perChannel(inputs, 1, "scale", channels);
  const shift = perChannel(inputs, 2, "B", channels);
  const mean = perChannel(inputs, 3, "mean", channels);
  const variance = perChannel(inputs, 4, "var", channels);
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const factor = scale.map((value, channel) => value / Math.sqrt((variance[channel] ?? 0) + epsilon));
  const y = float64Of(x);
  for (let line = 0; line * positions < y.length; line++) {
    const channel = line % channels;
    for (let index = line * positions; index < (line + 1) * positions; index++) {
      y[index] =
        ((y[index] as number) - (mean[channel] as number)) * (factor[channel] as number) + (shift[channel] as number);
    }
  }
  return [roundedTensor(x.type, x.shape, y)];
}

interface Moments {
  readonly mean: number;
  /** 1 / √(variance + epsilon). */
  readonly inverse: number;
}

/** Takes the mean off the elements from `start` to `end` and divides them by their standard deviation. */
function standardize(x: Float64Array, start: number, end: number, epsilon: number): Moments {
  let mean = 0;
  for (let index = start; index < end; index++) mean += x[index] as number;
  mean /= end - start;
  let variance = 0;
  for (let index = start; index < end; index++) variance += ((x[index] as number) - mean) ** 2;
  const inverse = 1 / Math.sqrt(variance / (end - start) + epsilon);
  for (let index = start; index < end; index++) x[index] = ((x[index] as number) - mean) * inverse;
  return { mean, inverse };
}

/** Multiplies every channel by its scale and adds its shift. */
function scaleChannels(
  y: Float64Array,
  channels: number,
  positions: number,
  scale: Float64Array,
  shift: Float64Array,
): void {
  for (let index = 0; index < y.length; index++) {
    const channel = Math.floor(index / positions) % channels;
    y[index] = (y[index] as number) * (scale[channel] as number) + (shift[channel] as number);
  }
}

function instanceNormalization(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const { x, channels, positions } = channelsOf(inputs, "input");
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const y = float64Of(x);
  for (let start = 0; start < y.length; start += positions) standardize(y, start, start + positions, epsilon);
  scaleChannels(y, channels, positions, perChannel(inputs, 1, "scale", channels), perChannel(inputs, 2, "B", channels));
  return [roundedTensor(x.type, x.shape, y)];
}

/** `perGroup`: scale and bias have one element per group, as before opset 21. */
function groupNormalization(node: TensorNode, inputs: OperatorInputs, perGroup: boolean): readonly AnyTensor[] {
  const { x, channels, positions } = channelsOf(inputs, "X");
  const groups = integerAttribute(node, "num_groups", 0);
  if (groups < 1 || channels % groups !== 0) {
    throw nodeError(
      "attribute num_groups",
      `found ${groups}, expected a divisor of ${channels}`,
      "export the model again",
    );
  }
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const y = float64Of(x);
  const elements = (channels / groups) * positions;
  for (let start = 0; start < y.length; start += elements) standardize(y, start, start + elements, epsilon);
  const count = perGroup ? groups : channels;
  const scale = perChannel(inputs, 1, "scale", count);
  const shift = perChannel(inputs, 2, "bias", count);
  if (perGroup) scaleChannels(y, groups, elements, scale, shift);
  else scaleChannels(y, channels, positions, scale, shift);
  return [roundedTensor(x.type, x.shape, y)];
}

function layerNormalization(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const x = typedInput(inputs, 0, "X", FLOAT_TYPES);
  const axis = normalAxis(integerAttribute(node, "axis", -1), x.shape.length);
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const elements = elementCount(x.shape.slice(axis));
  const y = float64Of(x);
  const lines = elements === 0 ? 0 : y.length / elements;
  const means = new Float64Array(lines);
  const inverses = new Float64Array(lines);
  for (let line = 0; line < lines; line++) {
    const { mean, inverse } = standardize(y, line * elements, (line + 1) * elements, epsilon);
    means[line] = mean;
    inverses[line] = inverse;
  }
  for (const [position, name] of [
    [1, "Scale"],
    [2, "B"],
  ] as const) {
    const input = position === 1 ? typedInput(inputs, 1, name, FLOAT_TYPES) : optionalInput(inputs, position, name);
    if (input === undefined) continue;
    requireUnidirectional(input.shape, x.shape, `input ${name}`);
    const place = broadcastIndex(input.shape, x.shape);
    const values = float64Of(input);
    for (let index = 0; index < y.length; index++) {
      const value = values[place?.[index] ?? index] as number;
      y[index] = position === 1 ? (y[index] as number) * value : (y[index] as number) + value;
    }
  }
  const reduced = x.shape.map((size, at) => (at < axis ? size : 1));
  return [
    roundedTensor(x.type, x.shape, y),
    roundedTensor("float32", reduced, means),
    roundedTensor("float32", reduced, inverses),
  ];
}

/** y = x / (bias + alpha / size · Σ x² over `size` neighbouring channels)^beta. */
function localResponseNormalization(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const { x, batch, channels, positions } = channelsOf(inputs, "X");
  const size = integerAttribute(node, "size", 0);
  if (size < 1) throw nodeError("attribute size", `found ${size}, expected at least 1`, "export the model again");
  const alpha = floatAttribute(node, "alpha", 1e-4);
  const beta = floatAttribute(node, "beta", 0.75);
  const bias = floatAttribute(node, "bias", 1);
  const before = Math.floor((size - 1) / 2);
  const after = size - 1 - before;
  const data = float64Of(x);
  const y = new Float64Array(data.length);
  for (let image = 0; image < batch && y.length > 0; image++) {
    for (let channel = 0; channel < channels; channel++) {
      const first = Math.max(channel - before, 0);
      const last = Math.min(channel + after, channels - 1);
      for (let position = 0; position < positions; position++) {
        let sum = 0;
        for (let near = first; near <= last; near++)
          sum += (data[(image * channels + near) * positions + position] as number) ** 2;
        const index = (image * channels + channel) * positions + position;
        y[index] = (data[index] as number) / (bias + (alpha / size) * sum) ** beta;
      }
    }
  }
  return [roundedTensor(x.type, x.shape, y)];
}

const BATCH: Omit<TensorOperator, "since" | "attributes"> = {
  domain: "",
  name: "BatchNormalization",
  arity: [5, 5],
  evaluate: batchNormalization,
};
const GROUP: Omit<TensorOperator, "since" | "attributes" | "evaluate"> = {
  domain: "",
  name: "GroupNormalization",
  arity: [3, 3],
};

export const NORMALIZATION_OPERATORS: readonly TensorOperator[] = [
  ...since([7], { ...BATCH, attributes: ["epsilon", "momentum", "spatial"] }),
  ...since([9], { ...BATCH, attributes: ["epsilon", "momentum"] }),
  ...since([14, 15], { ...BATCH, attributes: ["epsilon", "momentum", "training_mode"] }),
  ...since([6, 22], {
    domain: "",
    name: "InstanceNormalization",
    attributes: ["epsilon"],
    arity: [3, 3],
    evaluate: instanceNormalization,
  }),
  ...since([17], {
    domain: "",
    name: "LayerNormalization",
    attributes: ["axis", "epsilon", "stash_type"],
    arity: [2, 3],
    evaluate: layerNormalization,
  }),
  ...since([18], {
    ...GROUP,
    attributes: ["epsilon", "num_groups"],
    evaluate: (node, inputs) => groupNormalization(node, inputs, true),
  }),
  ...since([21], {
    ...GROUP,
    attributes: ["epsilon", "num_groups", "stash_type"],
    evaluate: (node, inputs) => groupNormalization(node, inputs, false),
  }),
  ...since([1, 13], {
    domain: "",
    name: "LRN",
    attributes: ["alpha", "beta", "bias", "size"],
    arity: [1, 1],
    evaluate: localResponseNormalization,
  }),
];
