/** x · clip(x / 6 + 1/2, 0, 1) in the forms in which it is written before opset 14, as one HardSwish. */
import { floatAttribute } from "../../tensor-graph/node-access.ts";
import type { TensorGraph, TensorNode } from "../../tensor-graph/tensor-graph.ts";
import type { Values } from "./values.ts";

const OPSET_OF_HARD_SWISH = 14;

/** The nodes that end such a form become HardSwish; the others stay for whoever else reads them. */
export function recogniseHardSwish(graph: TensorGraph, values: Values): TensorGraph {
  const nodes = graph.nodes.map((node): TensorNode => {
    const swish = swishOf(values, node);
    if (swish === undefined || !isSame(swish.scale, 1 / 6)) return node;
    return {
      ...node,
      operator: "HardSwish",
      opset: Math.max(node.opset, OPSET_OF_HARD_SWISH),
      inputs: [swish.x],
      attributes: {},
    };
  });
  return { ...graph, nodes };
}

/** scale · clip(x + 3, 0, 6), or scale times that times x. */
interface Gate {
  readonly x: string;
  readonly scale: number;
}

function swishOf(values: Values, node: TensorNode): Gate | undefined {
  if (node.domain !== "") return undefined;
  const scaled = scaledOf(values, node, swishOf);
  if (scaled !== undefined) return scaled;
  if (node.operator !== "Mul") return undefined;
  const [a = "", b = ""] = node.inputs;
  for (const [x, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const gate = gateOf(values, values.producer(other));
    if (gate !== undefined && gate.x === x) return gate;
  }
  return undefined;
}

function gateOf(values: Values, node: TensorNode | undefined): Gate | undefined {
  if (node === undefined) return undefined;
  const [input = ""] = node.inputs;
  if (node.operator === "HardSigmoid") {
    const fits = isSame(floatAttribute(node, "alpha", 0.2), 1 / 6) && isSame(floatAttribute(node, "beta", 0.5), 0.5);
    return fits ? { x: input, scale: 1 / 6 } : undefined;
  }
  if (node.operator === "Clip") {
    const minimum = node.inputs[1] ? values.number(node.inputs[1]) : floatAttribute(node, "min", undefined);
    const maximum = node.inputs[2] ? values.number(node.inputs[2]) : floatAttribute(node, "max", undefined);
    const sum = values.producer(input);
    const operands = sum?.operator === "Add" ? values.operands(sum) : undefined;
    if (sum === undefined || operands === undefined || minimum !== 0 || maximum !== 6) return undefined;
    return values.number(sum.inputs.find((name) => name !== operands.value)) === 3
      ? { x: operands.value, scale: 1 }
      : undefined;
  }
  return scaledOf(values, node, gateOf);
}

/** A product with, or a quotient by, one constant number. */
function scaledOf(
  values: Values,
  node: TensorNode,
  inner: (values: Values, node: TensorNode) => Gate | undefined,
): Gate | undefined {
  if (node.operator !== "Mul" && node.operator !== "Div") return undefined;
  const operands = values.operands(node);
  if (operands === undefined || (node.operator === "Div" && !operands.valueFirst)) return undefined;
  const factor = values.number(node.inputs[operands.valueFirst ? 1 : 0]);
  const producer = values.producer(operands.value);
  const gate = producer === undefined ? undefined : inner(values, producer);
  if (factor === undefined || gate === undefined) return undefined;
  return { x: gate.x, scale: node.operator === "Mul" ? gate.scale * factor : gate.scale / factor };
}

/** Equal but for the rounding of float32. */
function isSame(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.abs(b) * 1e-6;
}
