/** Products with constant matrices: a dense layer, or a 1 × 1 convolution where there are several rows. */
import { elementCount, formatShape, POINTWISE } from "../../../../graph/shape.ts";
import { transposed } from "../../../../tensor-graph/arithmetic/pick.ts";
import { reshaped } from "../../../../tensor-graph/tensor.ts";
import { nodeError } from "../../values/node-error.ts";
import { addNamed, type NetworkValue, networkTensor, storedShape, view } from "../../values/value.ts";
import { flagAttribute } from "../attributes.ts";
import { constantInput, type NodeCall, type NodeRule, valueInput } from "../rule.ts";
import { fused, type LayerNode } from "./convolution.ts";

/** MatMul; a product of matrices one by one has other names for its attributes. */
export const matrixProductRule: NodeRule = (call) => {
  const { node, resultOf } = product(call);
  return [{ ...resultOf(call, addNamed(call, node(null, "none"))), takesBias: true }];
};

export const fusedMatrixProductRule: NodeRule = (call) => {
  const { node, units, resultOf } = product(call);
  return [fused(call, node, units, resultOf)];
};

interface Product {
  readonly node: LayerNode;
  readonly units: number;
  readonly resultOf: (call: NodeCall, name: string) => NetworkValue;
}

function product(call: NodeCall): Product {
  const a = valueInput(call, 0, "a");
  const { features, units, kernel } = constantMatrix(call);
  if (flagAttribute(call, "transpose_a", false) || flagAttribute(call, "adj_x", false)) {
    throw nodeError(call, "attribute transpose_a", "found true, expected false", "transpose the value before");
  }
  if (a.shape.at(-1) !== features || a.shape.length < 2) {
    const what = `found ${formatShape(a.shape)} times [${features}, ${units}]`;
    throw nodeError(call, "inputs", `${what}, expected [1, ${features}] or rows of it`, "export the model again");
  }
  const shape = [...a.shape.slice(0, -1), units];
  const resultOf = (_call: NodeCall, name: string): NetworkValue => ({ name, shape });
  if (elementCount(a.shape) === features) {
    const inputs = [view(call, a.name, [features])];
    return { units, resultOf, node: (bias, activation) => ({ op: "dense", inputs, kernel, bias, activation }) };
  }
  const stored = storedShape(a.shape);
  const image = stored.length === 3 ? stored : [1, elementCount(a.shape) / features, features];
  const inputs = [view(call, a.name, image)];
  const node: LayerNode = (bias, activation) => ({
    op: "conv2d",
    inputs,
    kernel: { shape: [1, 1, features, units], data: kernel.data },
    bias,
    ...POINTWISE,
    groups: 1,
    activation,
  });
  return { units, resultOf, node };
}

/** The second factor, [features, units]; axes before them must be of size 1. */
function constantMatrix(call: NodeCall) {
  const constant = constantInput(call, 1, "b");
  const { shape } = constant;
  const [rows = 0, columns = 0] = shape.slice(-2);
  if (shape.length < 2 || elementCount(shape) !== rows * columns) {
    throw nodeError(
      call,
      "input b",
      `found shape ${formatShape(shape)}, expected one matrix`,
      "export the model again",
    );
  }
  const matrix = reshaped(constant, [rows, columns]);
  if (!flagAttribute(call, "transpose_b", false) && !flagAttribute(call, "adj_y", false)) {
    return { features: rows, units: columns, kernel: networkTensor(matrix, [rows, columns]) };
  }
  call.budget.take(call, [columns, rows]);
  return { features: columns, units: rows, kernel: networkTensor(transposed(matrix, [1, 0]), [columns, rows]) };
}
