/** Registers of constants that the model quantized by a power of two. */

import { DiagnosticError } from "../../isa/diagnostic.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import { QONNX_DOMAINS } from "../tensor-graph/operators/qonnx.ts";
import { qualifiedName } from "../tensor-graph/operators/table.ts";
import type { AnyTensor, TensorGraph, TensorNode } from "../tensor-graph/tensor-graph.ts";
import { linearRegister, quantRegister } from "./quantizers.ts";

type ReadRegister = (node: TensorNode, inputs: readonly (AnyTensor | undefined)[]) => RegisterSpec | undefined;

const dequantized: ReadRegister = (_node, [x, scale, zeroPoint]) =>
  x === undefined || scale === undefined ? undefined : linearRegister(x.type, scale, zeroPoint);

const quantized: ReadRegister = (node, [, scale, zeroPoint, bitWidth]) =>
  scale === undefined || zeroPoint === undefined || bitWidth === undefined
    ? undefined
    : quantRegister(node, scale, zeroPoint, bitWidth);

const QUANTIZERS: Readonly<Record<string, ReadRegister>> = {
  DequantizeLinear: dequantized,
  ...Object.fromEntries(
    QONNX_DOMAINS.flatMap((domain) => ["Quant", "IntQuant"].map((name) => [`${domain}.${name}`, quantized])),
  ),
};

/** Moves elements and leaves them as they are. */
const MOVING: ReadonlySet<string> = new Set(["Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"]);

/** By value name. A constant with another scale is a float like any other and is missing. */
export function constantRegisters(
  graph: TensorGraph,
  constants: ReadonlyMap<string, AnyTensor>,
): ReadonlyMap<string, RegisterSpec> {
  const registers = new Map<string, RegisterSpec>();
  for (const node of graph.nodes) {
    const [output = ""] = node.outputs;
    if (!constants.has(output)) continue;
    const register = registerOf(node, registers, constants);
    if (register !== undefined) registers.set(output, register);
  }
  return registers;
}

function registerOf(
  node: TensorNode,
  registers: ReadonlyMap<string, RegisterSpec>,
  constants: ReadonlyMap<string, AnyTensor>,
): RegisterSpec | undefined {
  if (node.domain === "" && MOVING.has(node.operator)) return registers.get(node.inputs[0] ?? "");
  const read = QUANTIZERS[qualifiedName(node.domain, node.operator)];
  try {
    return read?.(
      node,
      node.inputs.map((name) => constants.get(name)),
    );
  } catch (error) {
    if (error instanceof DiagnosticError) return undefined;
    throw error;
  }
}
