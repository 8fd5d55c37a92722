/** Products of quantized integers: ConvInteger, MatMulInteger, QLinearConv, QLinearMatMul. Sums are exact, then int32. */
import { convolve } from "../arithmetic/convolve.ts";
import { matrixProduct, matrixProductShape } from "../arithmetic/matrix-product.ts";
import { nodeError, requiredInput, requireType, typedInput } from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { scaleIndex } from "../quantization-scales.ts";
import { FLOAT_TYPES, zeros } from "../tensor.ts";
import type { AnyTensor, TensorNode } from "../tensor-graph.ts";
import { convolutionGeometry } from "./convolution.ts";
import { expectShape, float64Of, roundedTensor, since } from "./operands.ts";
import { type QuantizedType, quantizeNumber, requireScale } from "./quantize-linear.ts";
import { WINDOW_ATTRIBUTES } from "./window-attributes.ts";

const BYTE_TYPES: readonly ("int8" | "uint8")[] = ["int8", "uint8"];

/** The elements less their zero point, which is one number or one per position of `axis`. */
function centred(x: AnyTensor, zeroPoint: AnyTensor | undefined, name: string, axis: number): Float64Array {
  const data = float64Of(x);
  if (zeroPoint === undefined) return data;
  requireType(zeroPoint, name, [x.type]);
  const zeros = float64Of(zeroPoint);
  const index = scaleIndex(x.shape, zeroPoint.shape, axis, 0);
  for (let element = 0; element < data.length; element++) {
    data[element] = (data[element] as number) - (zeros[index?.[element] ?? 0] as number);
  }
  return data;
}

function convInteger(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const x = typedInput(inputs, 0, "x", BYTE_TYPES);
  const w = typedInput(inputs, 1, "w", BYTE_TYPES);
  const geometry = convolutionGeometry(node, x, w);
  const sums = convolve(centred(x, inputs[2], "x_zero_point", 1), centred(w, inputs[3], "w_zero_point", 0), geometry);
  return [roundedTensor("int32", geometry.outputShape, sums)];
}

function matMulInteger(_node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const a = typedInput(inputs, 0, "A", BYTE_TYPES);
  const b = typedInput(inputs, 1, "B", BYTE_TYPES);
  const shape = matrixProductShape(a.shape, b.shape);
  const left = centred(a, inputs[2], "a_zero_point", Math.max(a.shape.length - 2, 0));
  const right = centred(b, inputs[3], "b_zero_point", b.shape.length - 1);
  return [roundedTensor("int32", shape.output, matrixProduct(left, right, shape))];
}

/** The three scales of a quantized product; the factor that takes a sum to the output is a float32 per channel. */
function rescaled(
  sums: Float64Array,
  shape: readonly number[],
  axis: number,
  scales: readonly [a: AnyTensor, b: AnyTensor, y: AnyTensor],
  zeroPoint: AnyTensor,
): AnyTensor {
  const [a, b, y] = scales.map((scale) => requireScale(float64Of(scale)));
  const [aScale] = scales;
  if (a?.length !== 1 || y?.length !== 1 || zeroPoint.data.length !== 1) {
    throw nodeError(
      "the scales",
      `found shape [${aScale.shape.join(", ")}], expected one element`,
      "quantize per tensor",
    );
  }
  const index = scaleIndex(shape, scales[1].shape, axis, 0);
  const factors = Float64Array.from(b ?? [], (scale) =>
    Math.fround(Math.fround(Math.fround((a[0] ?? 1) * scale)) / (y[0] ?? 1)),
  );
  const [offset = 0] = float64Of(zeroPoint);
  const type = zeroPoint.type as QuantizedType;
  const result = new Float64Array(sums.length);
  for (let element = 0; element < result.length; element++) {
    const factor = factors[index?.[element] ?? 0] as number;
    result[element] = quantizeNumber(Math.fround((sums[element] as number) * factor), offset, type);
  }
  return roundedTensor(type, shape, result);
}

function qLinearConv(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const x = typedInput(inputs, 0, "x", BYTE_TYPES);
  const w = typedInput(inputs, 3, "w", BYTE_TYPES);
  const geometry = convolutionGeometry(node, x, w);
  const xCentred = centred(x, typedInput(inputs, 2, "x_zero_point", [x.type]), "x_zero_point", 1);
  const wCentred = centred(w, typedInput(inputs, 5, "w_zero_point", [w.type]), "w_zero_point", 0);
  const sums = convolve(xCentred, wCentred, geometry);
  if (inputs[8] !== undefined) {
    const bias = typedInput(inputs, 8, "B", ["int32"]);
    expectShape(bias, "B", [geometry.groups * geometry.filters]);
    const index = scaleIndex(geometry.outputShape, bias.shape, 1, 0);
    for (let element = 0; element < sums.length; element++) {
      sums[element] = (sums[element] as number) + (bias.data[index?.[element] ?? 0] as number);
    }
  }
  const scale = (position: number, name: string): AnyTensor => typedInput(inputs, position, name, FLOAT_TYPES);
  const scales = [scale(1, "x_scale"), scale(4, "w_scale"), scale(6, "y_scale")] as const;
  return [rescaled(sums, geometry.outputShape, 1, scales, typedInput(inputs, 7, "y_zero_point", BYTE_TYPES))];
}

function qLinearMatMul(_node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const a = typedInput(inputs, 0, "a", BYTE_TYPES);
  const b = typedInput(inputs, 3, "b", BYTE_TYPES);
  const shape = matrixProductShape(a.shape, b.shape);
  const left = centred(
    a,
    typedInput(inputs, 2, "a_zero_point", [a.type]),
    "a_zero_point",
    Math.max(a.shape.length - 2, 0),
  );
  const right = centred(b, typedInput(inputs, 5, "b_zero_point", [b.type]), "b_zero_point", b.shape.length - 1);
  const scale = (position: number, name: string): AnyTensor => typedInput(inputs, position, name, FLOAT_TYPES);
  const scales = [scale(1, "a_scale"), scale(4, "b_scale"), scale(6, "y_scale")] as const;
  const zeroPoint = typedInput(inputs, 7, "y_zero_point", BYTE_TYPES);
  return [rescaled(matrixProduct(left, right, shape), shape.output, shape.output.length - 1, scales, zeroPoint)];
}

function inferConvolution(weights: number): typeof convInteger {
  return (node, inputs) => {
    const { outputShape } = convolutionGeometry(
      node,
      requiredInput(inputs, 0, "x"),
      requiredInput(inputs, weights, "w"),
    );
    return [zeros(inputs[7]?.type ?? "int32", outputShape)];
  };
}

function inferProduct(second: number): typeof convInteger {
  return (_node, inputs) => {
    const { output } = matrixProductShape(
      requiredInput(inputs, 0, "a").shape,
      requiredInput(inputs, second, "b").shape,
    );
    return [zeros(inputs[7]?.type ?? "int32", output)];
  };
}

export const INTEGER_ARITHMETIC_OPERATORS: readonly TensorOperator[] = [
  ...since([10], {
    domain: "",
    name: "ConvInteger",
    attributes: WINDOW_ATTRIBUTES,
    arity: [2, 4],
    evaluate: convInteger,
    infer: inferConvolution(1),
  }),
  ...since([10], {
    domain: "",
    name: "MatMulInteger",
    attributes: [],
    arity: [2, 4],
    evaluate: matMulInteger,
    infer: inferProduct(1),
  }),
  ...since([10], {
    domain: "",
    name: "QLinearConv",
    attributes: WINDOW_ATTRIBUTES,
    arity: [8, 9],
    evaluate: qLinearConv,
    infer: inferConvolution(3),
  }),
  ...since([10, 21], {
    domain: "",
    name: "QLinearMatMul",
    attributes: [],
    arity: [8, 8],
    evaluate: qLinearMatMul,
    infer: inferProduct(3),
  }),
];
