/** QONNX's operators on images with channels last, as ONNX's own between two transposes. Weights and parameters are ONNX's. */
import type { TensorNode } from "./tensor-graph.ts";

export const CHANNELS_LAST_DOMAIN = "qonnx.custom_op.channels_last";

/** Opsets in which the operators have the meaning that is meant. */
const OPERATORS: Readonly<Record<string, number>> = {
  Conv: 11,
  MaxPool: 12,
  AveragePool: 11,
  GlobalAveragePool: 1,
  BatchNormalization: 9,
};

/** The three nodes, the last of which yields the output; undefined for any other operator. */
export function channelsLastForm(node: TensorNode): readonly TensorNode[] | undefined {
  const { name, operator, domain, inputs, outputs, attributes } = node;
  if (domain !== CHANNELS_LAST_DOMAIN || !Object.hasOwn(OPERATORS, operator)) return undefined;
  const window = attributes.kernel_shape;
  const oneAxis = Array.isArray(window) && window.length === 1;
  const transpose = (role: string, from: string, to: string, perm: readonly bigint[]): TensorNode => ({
    name: `${name}/${role}`,
    operator: "Transpose",
    domain: "",
    opset: 13,
    inputs: [from],
    outputs: [to],
    attributes: { perm },
  });
  const [first, last] = [`${name}/channels first`, `${name}/result`];
  const [x = "", ...others] = inputs;
  return [
    transpose("before", x, first, oneAxis ? [0n, 2n, 1n] : [0n, 3n, 1n, 2n]),
    {
      name,
      operator,
      domain: "",
      opset: OPERATORS[operator] ?? 11,
      inputs: [first, ...others],
      outputs: [last],
      attributes,
    },
    transpose("behind", last, outputs[0] ?? "", oneAxis ? [0n, 2n, 1n] : [0n, 2n, 3n, 1n]),
  ];
}
