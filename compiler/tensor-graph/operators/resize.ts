/** Resize and Upsample: nearest, linear and cubic. Antialiasing is not supported. */
import { elementCount } from "../../graph/shape.ts";
import {
  choiceAttribute,
  flagAttribute,
  floatAttribute,
  floatsAttribute,
  integersAttribute,
  nodeError,
  normalAxes,
  requiredInput,
  typedInput,
} from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { FLOAT_TYPES, integersOf, requireShape, zeros } from "../tensor.ts";
import type { AnyTensor, ElementType, TensorNode } from "../tensor-graph.ts";
import { float64Of, roundedTensor, since } from "./operands.ts";
import {
  type AxisReadings,
  COORDINATE_MODES,
  NEAREST_MODES,
  type ResizeAxis,
  type ResizeSettings,
  resizeReadings,
} from "./resize-axis.ts";

const TYPES: readonly ElementType[] = [...FLOAT_TYPES, "int8", "uint8", "int32"];

/** What a node asks for: one record per axis of the input. */
export interface ResizePlan {
  readonly axes: readonly ResizeAxis[];
  readonly settings: ResizeSettings;
}

/** What Upsample and Resize of opset 10 do: coordinates by scale alone, downwards when growing. */
function simpleSettings(node: TensorNode): ResizeSettings {
  const mode = choiceAttribute(node, "mode", ["nearest", "linear", "bilinear"], "nearest");
  return {
    mode: mode === "nearest" ? mode : "linear",
    coordinates: "asymmetric",
    nearest: "scale",
    cubic: -0.75,
    excludeOutside: false,
  };
}

function statedSettings(node: TensorNode): ResizeSettings {
  if (flagAttribute(node, "antialias", false)) {
    throw nodeError("attribute antialias", "found 1, expected 0", "resize without antialiasing");
  }
  return {
    mode: choiceAttribute(node, "mode", ["nearest", "linear", "cubic"], "nearest"),
    coordinates: choiceAttribute(node, "coordinate_transformation_mode", COORDINATE_MODES, "half_pixel"),
    nearest: choiceAttribute(node, "nearest_mode", NEAREST_MODES, "round_prefer_floor"),
    cubic: floatAttribute(node, "cubic_coeff_a", -0.75),
    excludeOutside: flagAttribute(node, "exclude_outside", false),
  };
}

/** Scales of the axes, by which an output has ⌊size · scale⌋ elements, in float32. */
function scaledAxes(shape: readonly number[], scales: readonly number[]): readonly ResizeAxis[] {
  if (scales.length !== shape.length || scales.some((scale) => !(scale > 0) || !Number.isFinite(scale))) {
    throw nodeError(
      "scales",
      `found [${scales.join(", ")}], expected ${shape.length} positive numbers`,
      "check the model",
    );
  }
  return shape.map((input, axis) => {
    const scale = Math.fround(scales[axis] ?? 1);
    const length = Math.fround(input * scale);
    return { input, output: Math.floor(length), scale, length, region: [0, 1] };
  });
}

/** The plan of a Resize since opset 11: scales or sizes, of all axes or of those in `axes`. */
export function resizePlan(node: TensorNode, inputs: OperatorInputs): ResizePlan {
  const { shape } = requiredInput(inputs, 0, "X");
  const settings = statedSettings(node);
  const axes = normalAxes(integersAttribute(node, "axes") ?? shape.map((_, axis) => axis), shape.length);
  const given = (position: number): AnyTensor | undefined => {
    const input = inputs[position];
    return input === undefined || input.data.length === 0 ? undefined : input;
  };
  const scales = given(2);
  const sizes = given(3);
  if ((scales === undefined) === (sizes === undefined)) {
    throw nodeError("inputs scales and sizes", "found both or none", "give one of them");
  }
  const planned =
    scales === undefined
      ? sizedAxes(node, shape, axes, integersOf(sizes as AnyTensor, "input sizes"))
      : scaledAxes(shape, spreadOver(shape, axes, Array.from(float64Of(scales)), "scales"));
  if (settings.coordinates !== "tf_crop_and_resize") return { axes: planned, settings };
  const region = Array.from(float64Of(typedInput(inputs, 1, "roi", FLOAT_TYPES)));
  const half = region.length / 2;
  const starts = spreadOver(shape, axes, region.slice(0, half), "roi", 0);
  const ends = spreadOver(shape, axes, region.slice(half), "roi");
  return {
    axes: planned.map((axis, at) => ({ ...axis, region: [starts[at] ?? 0, ends[at] ?? 1] })),
    settings,
  };
}

/** One value per axis of the tensor; `other` for axes that `axes` does not name. */
function spreadOver(
  shape: readonly number[],
  axes: readonly number[],
  values: readonly number[],
  name: string,
  other = 1,
): readonly number[] {
  if (values.length !== axes.length) {
    throw nodeError(`input ${name}`, `found ${values.length} values, expected ${axes.length}`, "one for each axis");
  }
  return shape.map((_, axis) => (axes.includes(axis) ? (values[axes.indexOf(axis)] ?? other) : other));
}

function sizedAxes(
  node: TensorNode,
  shape: readonly number[],
  axes: readonly number[],
  sizes: readonly number[],
): readonly ResizeAxis[] {
  const policy = choiceAttribute(node, "keep_aspect_ratio_policy", ["stretch", "not_larger", "not_smaller"], "stretch");
  if (sizes.length !== axes.length || sizes.some((size) => size < 1)) {
    throw nodeError(
      "input sizes",
      `found [${sizes.join(", ")}], expected ${axes.length} positive sizes`,
      "check the model",
    );
  }
  const ratios = axes.map((axis, at) => (sizes[at] ?? 1) / (shape[axis] ?? 1));
  const common = policy === "stretch" ? null : policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  return shape.map((input, axis) => {
    const at = axes.indexOf(axis);
    const asked = sizes[at];
    if (asked === undefined) return { input, output: input, scale: 1, length: input, region: [0, 1] };
    const output = common === null ? asked : Math.floor(input * common + 0.5);
    return { input, output, scale: Math.fround(common ?? output / input), length: output, region: [0, 1] };
  });
}

/** The longest axis of an output: no image is longer, and its readings must fit into memory. */
const MAXIMUM_LENGTH = 2 ** 20;

function outputShapeOf(axes: readonly ResizeAxis[]): readonly number[] {
  const shape = axes.map((axis) => axis.output);
  requireShape(shape);
  const longest = Math.max(0, ...shape);
  if (longest <= MAXIMUM_LENGTH) return shape;
  throw nodeError(
    "output",
    `found an axis of ${longest} elements, expected at most ${MAXIMUM_LENGTH}`,
    "check the scales",
  );
}

function resized(x: AnyTensor, { axes, settings }: ResizePlan, extrapolation: number): AnyTensor {
  const outputShape = outputShapeOf(axes);
  let data = float64Of(x);
  if (data.length === 0 && elementCount(outputShape) > 0) {
    throw nodeError("input X", `has no elements, shape [${x.shape.join(", ")}]`, "check the model");
  }
  for (const [position, axis] of axes.entries()) {
    if (axis.input === axis.output && axis.scale === 1 && settings.coordinates !== "tf_crop_and_resize") continue;
    const inner = elementCount(axes.slice(position + 1).map(({ input }) => input));
    data = resizedAxis(data, axis, inner, resizeReadings(axis, settings), extrapolation);
  }
  return roundedTensor(x.type, outputShape, x.type.startsWith("float") ? data : data.map(Math.trunc));
}

/** `data`: outer × input × inner elements. */
function resizedAxis(
  data: Float64Array,
  { input, output }: ResizeAxis,
  inner: number,
  { taps, positions, weights, outside }: AxisReadings,
  extrapolation: number,
): Float64Array {
  const outer = data.length / (input * inner);
  const result = new Float64Array(outer * output * inner);
  for (let block = 0; block < outer; block++) {
    for (let place = 0; place < output; place++) {
      const target = (block * output + place) * inner;
      if (outside[place] === 1) {
        result.fill(extrapolation, target, target + inner);
        continue;
      }
      for (let tap = place * taps; tap < (place + 1) * taps; tap++) {
        const weight = weights[tap] as number;
        const source = (block * input + (positions[tap] as number)) * inner;
        // A position that weighs nothing must not spread an infinity.
        if (weight === 0) continue;
        for (let index = 0; index < inner; index++) {
          result[target + index] = (result[target + index] as number) + weight * (data[source + index] as number);
        }
      }
    }
  }
  return result;
}

/** Upsample of opset 7, whose scales are an attribute, and the forms with scales as an input. */
function simplePlan(node: TensorNode, inputs: OperatorInputs): ResizePlan {
  const { shape } = requiredInput(inputs, 0, "X");
  const scales = floatsAttribute(node, "scales") ?? Array.from(float64Of(typedInput(inputs, 1, "scales", FLOAT_TYPES)));
  return { axes: scaledAxes(shape, scales), settings: simpleSettings(node) };
}

function by(plan: typeof resizePlan): Pick<TensorOperator, "evaluate" | "infer"> {
  return {
    evaluate(node, inputs) {
      const x = typedInput(inputs, 0, "X", TYPES);
      return [resized(x, plan(node, inputs), floatAttribute(node, "extrapolation_value", 0))];
    },
    infer(node, inputs) {
      const x = typedInput(inputs, 0, "X", TYPES);
      const { axes } = plan(node, inputs);
      return [zeros(x.type, outputShapeOf(axes))];
    },
  };
}

const STATED = [
  "coordinate_transformation_mode",
  "cubic_coeff_a",
  "exclude_outside",
  "extrapolation_value",
  "mode",
  "nearest_mode",
] as const;

const RESIZE = { domain: "", name: "Resize" } as const;

export const RESIZE_OPERATORS: readonly TensorOperator[] = [
  ...since([7], {
    domain: "",
    name: "Upsample",
    attributes: ["mode", "scales"],
    arity: [1, 1],
    ...by(simplePlan),
  }),
  ...since([9], {
    domain: "",
    name: "Upsample",
    attributes: ["mode"],
    arity: [2, 2],
    shapeInputs: [1],
    ...by(simplePlan),
  }),
  ...since([10], {
    ...RESIZE,
    attributes: ["mode"],
    arity: [2, 2],
    shapeInputs: [1],
    ...by(simplePlan),
  }),
  ...since([11], {
    ...RESIZE,
    attributes: STATED,
    arity: [3, 4],
    shapeInputs: [2, 3],
    ...by(resizePlan),
  }),
  ...since([13], {
    ...RESIZE,
    attributes: STATED,
    arity: [1, 4],
    shapeInputs: [2, 3],
    ...by(resizePlan),
  }),
  ...since([18, 19], {
    ...RESIZE,
    attributes: [...STATED, "antialias", "axes", "keep_aspect_ratio_policy"],
    arity: [1, 4],
    shapeInputs: [2, 3],
    ...by(resizePlan),
  }),
];
