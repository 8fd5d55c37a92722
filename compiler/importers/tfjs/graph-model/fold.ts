/** Nodes that read constants and shapes alone are computed at once: shape arithmetic, and weights worked on in the graph. */
import { elementCount, formatShape } from "../../../graph/shape.ts";
import { broadcastIndex, broadcastShape, stridesOf } from "../../../tensor-graph/arithmetic/broadcast.ts";
import { pick, rangeTable, transposed } from "../../../tensor-graph/arithmetic/pick.ts";
import { findOperator, NEWEST_OPSET } from "../../../tensor-graph/operators/table.ts";
import { integersOf, isFloat, numbersOf, reshaped, tensorFrom, tensorOf, zeros } from "../../../tensor-graph/tensor.ts";
import type { AnyTensor, AttributeValue, TensorNode } from "../../../tensor-graph/tensor-graph.ts";
import type { ConstantBudget } from "../values/constant-budget.ts";
import { nodeError } from "../values/node-error.ts";
import { flagAttribute, integerAttribute, type NodePlace, typeAttribute } from "./attributes.ts";
import { elementTypeOf } from "./element-types.ts";
import { plainSlice, stridedSlice } from "./ranges.ts";
import { expandedShape, requestedShape, squeezedShape } from "./shapes.ts";

export interface FoldCall extends NodePlace {
  readonly inputs: readonly AnyTensor[];
  readonly budget: ConstantBudget;
}

/** The node's outputs. Throws `DiagnosticError`. */
type Fold = (call: FoldCall) => readonly AnyTensor[];

/** What a node over constants yields, by operator. */
export const FOLDS: Readonly<Record<string, Fold>> = {
  Identity: (call) => [input(call, 0)],
  StopGradient: (call) => [input(call, 0)],
  Snapshot: (call) => [input(call, 0)],
  PreventGradient: (call) => [input(call, 0)],
  CheckNumerics: (call) => [input(call, 0)],
  EnsureShape: (call) => [input(call, 0)],
  PlaceholderWithDefault: (call) => [input(call, 0)],
  Add: binary((a, b) => a + b),
  AddV2: binary((a, b) => a + b),
  BiasAdd: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: division,
  RealDiv: division,
  FloorDiv: binary((a, b) => Math.floor(a / b)),
  FloorMod: binary((a, b) => a - Math.floor(a / b) * b),
  Maximum: binary(Math.max),
  Minimum: binary(Math.min),
  Pow: binary((a, b) => a ** b),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Square: unary((x) => x * x),
  Sqrt: unary(Math.sqrt),
  Rsqrt: unary((x) => 1 / Math.sqrt(x)),
  Reciprocal: unary((x) => 1 / x),
  Exp: unary(Math.exp),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Cast: (call) => {
    const type = elementTypeOf(call, typeAttribute(call, "DstT"));
    const tensor = input(call, 0);
    if (tensor.type === type) return [tensor];
    call.budget.take(call, tensor.shape);
    const convert = type === "bool" ? (x: number) => Number(x !== 0) : type === "int32" ? Math.trunc : (x: number) => x;
    return [tensorFrom(type, tensor.shape, Array.from(numbersOf(tensor), convert))];
  },
  Reshape: (call) => {
    const tensor = input(call, 0);
    return [reshaped(tensor, requestedShape(call, tensor.shape, integers(call, 1)))];
  },
  Squeeze: (call) => [reshaped(input(call, 0), squeezedShape(call, input(call, 0).shape))],
  ExpandDims: (call) => [
    reshaped(input(call, 0), expandedShape(call, input(call, 0).shape, integers(call, 1)[0] ?? 0)),
  ],
  Transpose: (call) => {
    const tensor = input(call, 0);
    const order = integers(call, 1);
    if (order.length !== tensor.shape.length || !tensor.shape.every((_size, axis) => order.includes(axis))) {
      throw nodeError(call, "input perm", `found ${formatShape(order)} for ${formatShape(tensor.shape)}`, HINT);
    }
    call.budget.take(call, tensor.shape);
    return [transposed(tensor, order)];
  },
  Pack: (call) => {
    const { inputs } = call;
    const axis = integerAttribute(call, "axis", 0);
    return [
      joined(
        call,
        inputs.map((tensor) => reshaped(tensor, expandedShape(call, tensor.shape, axis))),
        axis,
      ),
    ];
  },
  ConcatV2: (call) => [joined(call, call.inputs.slice(0, -1), integers(call, call.inputs.length - 1)[0] ?? 0)],
  Slice: (call) => {
    const part = plainSlice(call, input(call, 0).shape, integers(call, 1), integers(call, 2));
    return [partOf(call, part.ranges, part.shape)];
  },
  StridedSlice: (call) => {
    const part = stridedSlice(call, input(call, 0).shape, integers(call, 1), integers(call, 2), integers(call, 3));
    return [partOf(call, part.ranges, part.shape)];
  },
  GatherV2: (call) => {
    const [data, indices] = [input(call, 0), input(call, 1)];
    const axis = call.inputs.length > 2 ? (integers(call, 2)[0] ?? 0) : 0;
    const size = data.shape.at(axis) ?? 1;
    call.budget.take(call, [Math.ceil(data.data.length / Math.max(size, 1)), indices.data.length]);
    return [onnx("Gather", [data, indices], { axis })];
  },
  Fill: (call) => {
    const [shape, value] = [integers(call, 0), input(call, 1)];
    call.budget.take(call, shape);
    const result = zeros(value.type, shape) as AnyTensor;
    (result.data as Float32Array).fill((value.data as Float32Array)[0] ?? 0);
    return [result];
  },
  Range: (call) => {
    const [start = 0, limit = 0, delta = 0] = call.inputs.map((tensor) => Number(tensor.data[0]));
    const count = Math.max(Math.ceil((limit - start) / delta), 0);
    call.budget.take(call, [count]);
    const { type } = input(call, 0);
    return [
      tensorFrom(
        type,
        [count],
        Array.from({ length: count }, (_, index) => start + index * delta),
      ),
    ];
  },
  Prod: reduction("ReduceProd"),
  Sum: reduction("ReduceSum"),
  Mean: reduction("ReduceMean"),
  Max: reduction("ReduceMax"),
  Min: reduction("ReduceMin"),
};

/** What a node says about the shapes of what it reads, whether constant or not. */
export const SHAPE_FOLDS: Readonly<Record<string, (shape: readonly number[]) => AnyTensor>> = {
  Shape: (shape) => tensorFrom("int32", [shape.length], shape),
  Size: (shape) => tensorFrom("int32", [], [elementCount(shape)]),
  Rank: (shape) => tensorFrom("int32", [], [shape.length]),
};

const HINT = "export the model again with tensorflowjs_converter";

function input(call: FoldCall, position: number): AnyTensor {
  const tensor = call.inputs[position];
  if (tensor !== undefined) return tensor;
  throw nodeError(call, "inputs", `found ${call.inputs.length}, expected more than ${position}`, HINT);
}

/** A short list, such as a shape. */
function integers(call: FoldCall, position: number): readonly number[] {
  const tensor = input(call, position);
  if (tensor.data.length <= 64) return integersOf(tensor, `input ${position}`);
  throw nodeError(call, `input ${position}`, `found shape ${formatShape(tensor.shape)}, expected a short list`, HINT);
}

function binary(combine: (a: number, b: number) => number): Fold {
  return (call) => {
    const [a, b] = [input(call, 0), input(call, 1)];
    const shape = broadcastShape([a.shape, b.shape]);
    call.budget.take(call, shape);
    const [first, second] = [numbersOf(a), numbersOf(b)];
    const [firstIndex, secondIndex] = [broadcastIndex(a.shape, shape), broadcastIndex(b.shape, shape)];
    const result = new Float64Array(elementCount(shape)).map((_zero, index) =>
      combine(first[firstIndex?.[index] ?? index] ?? 0, second[secondIndex?.[index] ?? index] ?? 0),
    );
    return [stored(a, shape, result)];
  };
}

/** Of integers towards zero. */
function division(call: FoldCall): readonly AnyTensor[] {
  const whole = !isFloat(input(call, 0));
  return binary((a, b) => (whole ? Math.trunc(a / b) : a / b))(call);
}

function unary(map: (x: number) => number): Fold {
  return (call) => {
    const tensor = input(call, 0);
    call.budget.take(call, tensor.shape);
    return [stored(tensor, tensor.shape, Float64Array.from(numbersOf(tensor), map))];
  };
}

/** The numbers rounded once to the type of `like`. */
function stored(like: AnyTensor, shape: readonly number[], numbers: Float64Array): AnyTensor {
  return isFloat(like)
    ? tensorOf("float32", shape, Float32Array.from(numbers))
    : tensorOf("int32", shape, Int32Array.from(numbers));
}

function joined(call: FoldCall, tensors: readonly AnyTensor[], axis: number): AnyTensor {
  call.budget.take(call, [tensors.reduce((sum, { data }) => sum + data.length, 0)]);
  return onnx("Concat", tensors, { axis });
}

function partOf(
  call: FoldCall,
  ranges: readonly { readonly start: number; readonly count: number; readonly step: number }[],
  shape: readonly number[],
): AnyTensor {
  const tensor = input(call, 0);
  call.budget.take(call, shape);
  const strides = stridesOf(tensor.shape);
  const tables = ranges.map(({ start, count, step }, axis) => rangeTable(count, strides[axis] ?? 1, start, step));
  return reshaped(pick(tensor, tables), shape);
}

/** Along the axes in the second input; none of them leaves the tensor as it is. */
function reduction(operator: string): Fold {
  return (call) => {
    const [tensor, axes] = [input(call, 0), integers(call, 1)];
    if (axes.length === 0) return [tensor];
    call.budget.take(call, tensor.shape);
    const keepdims = flagAttribute(call, "keep_dims", false) ? 1 : 0;
    return [onnx(operator, [tensor, tensorFrom("int64", [axes.length], axes)], { keepdims })];
  };
}

/** An operator of ONNX that means the same. */
function onnx(
  operator: string,
  inputs: readonly AnyTensor[],
  attributes: Readonly<Record<string, AttributeValue>>,
): AnyTensor {
  const names = inputs.map((_, index) => `${index}`);
  const node: TensorNode = {
    name: operator,
    operator,
    domain: "",
    opset: NEWEST_OPSET,
    inputs: names,
    outputs: ["result"],
    attributes,
  };
  const [result] = findOperator(node, "").evaluate(node, inputs);
  return result ?? zeros("float32", []);
}
