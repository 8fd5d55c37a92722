/** Gemm and MatMul with constant weights: a dense layer, or a 1 × 1 convolution where there are several rows. */
import type { ConstantRegisters, IntegerRequantization, Tensor } from "../../graph/graph.ts";
import { elementCount, formatShape, POINTWISE } from "../../graph/shape.ts";
import { flagAttribute, floatAttribute } from "../../tensor-graph/node-access.ts";
import { numbersOf } from "../../tensor-graph/tensor.ts";
import type { AnyTensor } from "../../tensor-graph/tensor-graph.ts";
import { asChannelsLast, asVector, view } from "../arrange.ts";
import { addValues } from "../combine.ts";
import {
  addNamed,
  constantInput,
  constantRegistersOf,
  type LegalisationRule,
  legalisationError,
  networkInput,
  outputShape,
  type RuleCall,
} from "../rule.ts";
import { scaleAndShift } from "../scale.ts";
import { around, type NetworkValue, rowMajor, storedSizes, withAxesPermuted, withShape } from "../value.ts";

/** Y = alpha · A′ · B′ + beta · C with A of the network and B constant. */
export const gemmRule: LegalisationRule = (call) => addGemm(call, null);

export function addGemm(call: RuleCall, requantization: IntegerRequantization | null): readonly NetworkValue[] {
  const { node, operands } = call;
  const alpha = floatAttribute(node, "alpha", 1);
  const beta = floatAttribute(node, "beta", 1);
  const weights = numbersOf(constantInput(call, 1, "B"));
  const [rows = 0, columns = 0] = operands[1]?.constant?.shape ?? [];
  const transposedB = flagAttribute(node, "transB", false);
  const [features, units] = transposedB ? [columns, rows] : [rows, columns];
  const kernel = kernelOf(
    features,
    units,
    (k, n) => alpha * (weights[transposedB ? n * features + k : k * units + n] ?? 0),
  );
  const a = networkInput(call, 0, "A");
  const input = flagAttribute(node, "transA", false) ? withAxesPermuted(a, [1, 0]) : a;

  const added = operands[2];
  const bias = added?.constant === undefined ? null : perUnit(added.constant, units, beta);
  const { weight, bias: biasRegister } = constantRegistersOf(call);
  const registers = {
    ...(weight !== undefined && alpha === 1 && { weight }),
    ...(biasRegister !== undefined && beta === 1 && bias !== null && { bias: biasRegister }),
  };
  const product = multiply(call, input, kernel, bias ?? null, requantization, registers);
  if (added === undefined || bias !== null) return [product];
  if (added.constant !== undefined)
    return [scaleAndShift(call, product, { shift: scaled(added.constant, beta) }, "bias")];
  const addend = beta === 1 ? added.value : scaleAndShift(call, added.value, { scale: beta }, "addend");
  return [addValues(call, product, addend, "sum")];
}

function weightRegister({ constantRegister }: RuleCall, position: 0 | 1): ConstantRegisters {
  const weight = constantRegister(position);
  return weight === undefined ? {} : { weight };
}

/** The last two axes are matrices. The constant may stand on either side. */
export const matrixProductRule: LegalisationRule = (call) => addMatrixProduct(call, null);

export function addMatrixProduct(
  call: RuleCall,
  requantization: IntegerRequantization | null,
): readonly NetworkValue[] {
  const [a, b] = call.operands;
  if (a?.value !== undefined && b?.constant !== undefined) {
    return [onTheRight(call, a.value, b.constant, requantization)];
  }
  if (a?.constant !== undefined && b?.value !== undefined) return [onTheLeft(call, a.constant, b.value)];
  throw legalisationError(
    "inputs",
    "both factors are computed by the network, expected a constant matrix",
    "the array holds constant weights: products of two values are not supported",
  );
}

/** x · W: every row of x is one input vector. */
function onTheRight(
  call: RuleCall,
  x: NetworkValue,
  constant: AnyTensor,
  requantization: IntegerRequantization | null,
): NetworkValue {
  const [features, units] = matrixShape(constant, "column");
  const weights = numbersOf(constant);
  const kernel = kernelOf(features, units, (k, n) => weights[k * units + n] ?? 0);
  const matrix = x.shape.length === 1 ? must(withShape(x, [1, ...x.shape])) : x;
  return reranked(call, multiply(call, matrix, kernel, null, requantization, weightRegister(call, 1)));
}

/** W · x = (xᵀ · Wᵀ)ᵀ. */
function onTheLeft(call: RuleCall, constant: AnyTensor, x: NetworkValue): NetworkValue {
  const [units, features] = matrixShape(constant, "row");
  const weights = numbersOf(constant);
  const kernel = kernelOf(features, units, (k, n) => weights[n * features + k] ?? 0);
  const matrix = x.shape.length === 1 ? must(withShape(x, [...x.shape, 1])) : x;
  const rank = matrix.shape.length;
  const exchanged = [...rowMajor(rank - 2), rank - 1, rank - 2];
  const product = multiply(call, withAxesPermuted(matrix, exchanged), kernel, null, null, weightRegister(call, 0));
  return reranked(call, withAxesPermuted(product, exchanged));
}

/** The product under the node's own output shape: axes of size 1 may come or go. */
function reranked(call: RuleCall, product: NetworkValue): NetworkValue {
  return must(withShape(product, outputShape(call)));
}

/** Rows and columns; a vector is one column or one row. Axes before them must be of size 1. */
function matrixShape({ shape }: AnyTensor, vector: "row" | "column"): readonly [number, number] {
  const [first = 1] = shape;
  if (shape.length === 1) return vector === "row" ? [1, first] : [first, 1];
  if (elementCount(shape.slice(0, -2)) === 1) return [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  throw legalisationError(
    "inputs",
    `found constant matrices of shape ${formatShape(shape)}, expected a single one`,
    "split the product into one per matrix",
  );
}

/** x [..., features] · kernel [features, units] + bias, the features being the last axis of the tensor. */
function multiply(
  call: RuleCall,
  x: NetworkValue,
  kernel: Tensor,
  bias: Tensor | null,
  requantization: IntegerRequantization | null,
  registers: ConstantRegisters,
): NetworkValue {
  const [features = 0, units = 0] = kernel.shape;
  const last = x.shape.length - 1;
  if (x.shape[last] !== features) {
    throw legalisationError(
      "inputs",
      `found ${formatShape(x.shape)} times ${formatShape(kernel.shape)}, expected ${features} columns`,
      "export the model again",
    );
  }
  const shape = [...x.shape.slice(0, -1), units];
  if (elementCount(x.shape) === features) {
    const input = asVector(call, x);
    const name = addNamed(call, {
      op: "dense",
      inputs: [input],
      kernel,
      bias,
      activation: "none",
      requantization,
      registers,
    });
    return { name, shape, order: rowMajor(shape.length) };
  }
  const arranged = asChannelsLast(call, x, last);
  const [rows] = around(arranged, last);
  const stored = storedSizes(arranged)
    .slice(0, -1)
    .filter((size) => size !== 1);
  const image = stored.length === 2 ? [...stored, features] : [1, rows, features];
  const name = addNamed(call, {
    op: "conv2d",
    inputs: [view(call, arranged.name, image)],
    kernel: { shape: [1, 1, features, units], data: kernel.data },
    bias,
    ...POINTWISE,
    groups: 1,
    activation: "none",
    requantization,
    registers,
  });
  return { name, shape, order: arranged.order };
}

function kernelOf(features: number, units: number, at: (k: number, n: number) => number): Tensor {
  const data = new Float32Array(features * units);
  for (let k = 0; k < features; k++) for (let n = 0; n < units; n++) data[k * units + n] = at(k, n);
  return { shape: [features, units], data };
}

/** beta · C as one number per unit; null where it differs from row to row. */
function perUnit(tensor: AnyTensor, units: number, beta: number): Tensor | null {
  const columns = tensor.shape.at(-1) ?? 1;
  if (elementCount(tensor.shape) !== columns) return null;
  const numbers = numbersOf(tensor);
  const data = Float32Array.from({ length: units }, (_, n) => beta * (numbers[columns === 1 ? 0 : n] ?? 0));
  return { shape: [units], data };
}

function scaled(tensor: AnyTensor, factor: number): AnyTensor {
  return {
    type: "float64",
    shape: tensor.shape,
    data: Float64Array.from(numbersOf(tensor), (value) => factor * value),
  };
}

function must(value: NetworkValue | undefined): NetworkValue {
  if (value !== undefined) return value;
  throw legalisationError(
    "output",
    "the elements would have to move in memory",
    "export the model with a reshape of its own",
  );
}
