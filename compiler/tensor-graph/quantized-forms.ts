/**
 * Operators that dequantize, compute and quantize in one, as the three that define them: QLinearConv and QLinearMatMul of ONNX, and
 * those that onnxruntime's quantizer writes beside them under its own domain.
 */
import type { AttributeValue, TensorNode } from "./tensor-graph.ts";

/** onnxruntime's domain. */
export const RUNTIME_DOMAIN = "com.microsoft";

type Form = (make: FormMaker) => void;

/** Adds nodes around one that is taken apart. */
class FormMaker {
  readonly nodes: TensorNode[] = [];
  readonly node: TensorNode;

  constructor(node: TensorNode) {
    this.node = node;
  }

  input(position: number): string {
    return this.node.inputs[position] ?? "";
  }

  add(
    role: string,
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    output: string = `${this.node.name}/${role}`,
  ): string {
    const name = `${this.node.name}/${role}`;
    this.nodes.push({ name, operator, domain: "", opset: OPSET, inputs, outputs: [output], attributes });
    return output;
  }

  /** The real value of inputs position, position + 1 (scale), position + 2 (zero point). */
  real(role: string, position: number, axis = 1): string {
    const inputs = [this.input(position), this.input(position + 1), this.input(position + 2)];
    return this.add(role, "DequantizeLinear", trimmed(inputs), { axis: BigInt(axis) });
  }

  /** The result on the grid of inputs position (scale) and position + 1 (zero point). */
  quantized(value: string, position: number): void {
    const inputs = [value, this.input(position), this.input(position + 1)];
    this.add("quantize", "QuantizeLinear", trimmed(inputs), {}, this.node.outputs[0]);
  }

  /** A bias of int32 counts in the product of the scales of input and weights. */
  bias(position: number, scales: readonly [number, number]): string {
    if (this.input(position) === "") return "";
    const scale = this.add("bias scale", "Mul", [this.input(scales[0]), this.input(scales[1])]);
    return this.add("bias", "DequantizeLinear", [this.input(position), scale], { axis: 0n });
  }
}

/** In which all the parts have the meaning that is meant. */
const OPSET = 13;

function trimmed(inputs: readonly string[]): readonly string[] {
  return inputs.at(-1) === "" ? inputs.slice(0, -1) : inputs;
}

const convolution: Form = (make) => {
  const [x, w] = [make.real("x", 0), make.real("w", 3, 0)];
  const bias = make.bias(8, [1, 4]);
  const sums = make.add("conv", "Conv", trimmed([x, w, bias]), make.node.attributes);
  make.quantized(sums, 6);
};

const matrixProduct: Form = (make) => {
  const product = make.add("product", "MatMul", [make.real("a", 0), make.real("b", 3)]);
  make.quantized(product, 6);
};

const gemm: Form = (make) => {
  const { attributes } = make.node;
  const columns = attributes.transB === 1n ? 0 : 1;
  const inputs = [make.real("a", 0), make.real("b", 3, columns), make.bias(6, [1, 4])];
  if (make.input(7) === "") make.add("gemm", "Gemm", trimmed(inputs), attributes, make.node.outputs[0]);
  else make.quantized(make.add("gemm", "Gemm", trimmed(inputs), attributes), 7);
};

function pairwise(operator: string): Form {
  return (make) => make.quantized(make.add("value", operator, [make.real("a", 0), make.real("b", 3)]), 6);
}

/** One operand, and attributes of the operator's own that ONNX's does not have. */
function single(operator: string, without: readonly string[] = []): Form {
  return (make) => {
    const kept = Object.entries(make.node.attributes).filter(([key]) => !without.includes(key));
    make.quantized(make.add("value", operator, [make.real("x", 0)], Object.fromEntries(kept)), 3);
  };
}

const concat: Form = (make) => {
  const parts = Array.from({ length: Math.floor((make.node.inputs.length - 2) / 3) }, (_, part) =>
    make.real(`part${part}`, 2 + 3 * part),
  );
  make.quantized(make.add("joined", "Concat", parts, make.node.attributes), 0);
};

const STANDARD: Readonly<Record<string, Form>> = { QLinearConv: convolution, QLinearMatMul: matrixProduct };

const RUNTIME: Readonly<Record<string, Form>> = {
  QGemm: gemm,
  QLinearAdd: pairwise("Add"),
  QLinearMul: pairwise("Mul"),
  QLinearConcat: concat,
  QLinearAveragePool: single("AveragePool", ["channels_last"]),
  QLinearGlobalAveragePool: single("GlobalAveragePool", ["channels_last"]),
  QLinearLeakyRelu: single("LeakyRelu"),
  QLinearSigmoid: single("Sigmoid"),
};

/** The operator's parts, the last of which yields its output; undefined for any other operator. */
export function quantizedForm(node: TensorNode): readonly TensorNode[] | undefined {
  const table = node.domain === "" ? STANDARD : node.domain === RUNTIME_DOMAIN ? RUNTIME : {};
  const form = Object.hasOwn(table, node.operator) ? table[node.operator] : undefined;
  // Channels last would be another layout of the same tensor.
  if (form === undefined || node.attributes.channels_last === 1n) return undefined;
  const make = new FormMaker(node);
  form(make);
  return make.nodes;
}
