/**
 * Pass: a quantizer behind another becomes part of it where the second only narrows the words of the first: same binary point,
 * a range inside the first one's, both saturating. So do clips to a word's range become that word. One that changes no word vanishes,
 * behind a maximum too.
 * Two registers of the file stay two where the first can be written by one layer and the second loaded by the next. All quantizers stand
 * before what only moves words, so that moves meet each other.
 */
import { formatsEqual } from "../../isa/numerics/format.ts";
import { keptRange } from "../../isa/numerics/overflow.ts";
import { type RegisterSpec, registersEqual } from "../../isa/numerics/register.ts";
import type { Graph, GraphNode, QuantizeNode } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { consumers } from "../graph/uses.ts";
import { LAYER_KINDS } from "../quantization/layer-facts.ts";

export function simplifyQuantizers(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  const isLoaded = loadedQuantizers(graph);
  const shapes = new Map([[graph.input.name, graph.input.shape]]);
  for (const node of graph.nodes) {
    const [input = ""] = node.inputs;
    const before = rewriter.producer(input);
    shapes.set(node.name, node.shape);
    if (node.op !== "quantize" || node.isLayer) {
      rewriter.emit(node);
      continue;
    }
    if ((before?.op === "reshape" || before?.op === "transpose") && rewriter.usedOnce(input)) {
      // The quantizer comes first, under the name of what moved; what moves takes the quantizer's name.
      const shape = shapes.get(before.inputs[0] ?? "") ?? [];
      rewriter.replace({ ...node, name: before.name, inputs: before.inputs, shape });
      shapes.set(before.name, shape);
      rewriter.emit({ ...before, name: node.name, inputs: [before.name] });
      continue;
    }
    // A maximum is one of the words that were compared.
    const compared =
      before?.op === "pool" && before.kind === "maximum" ? rewriter.producer(before.inputs[0] ?? "") : null;
    if (compared?.op === "quantize" && keepsAll(node.register, compared.register)) {
      rewriter.rename(node.name, input);
      continue;
    }
    const staysApart = before?.op === "quantize" && !sameFormat(node, before) && isLoaded(node);
    if (before?.op !== "quantize" || staysApart) {
      rewriter.emit(node);
      continue;
    }
    if (keepsAll(node.register, before.register)) {
      rewriter.rename(node.name, input);
      continue;
    }
    if (!rewriter.usedOnce(input)) {
      rewriter.emit(node);
      continue;
    }
    const register = narrowed(before.register, node.register);
    if (register === undefined || before.isLayer) {
      rewriter.emit(node);
    } else {
      rewriter.replace({ ...before, register });
      rewriter.rename(node.name, input);
    }
  }
  return rewriter.finish();
}

/** Which quantizers behind another one are the register in which layers load their operands, and no more than that. */
function loadedQuantizers(graph: Graph): (node: QuantizeNode) => boolean {
  const readers = consumers(graph);
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const loads = (reader: GraphNode, { register }: QuantizeNode): boolean =>
    LAYER_KINDS[reader.op] !== null &&
    reader.op !== "quantize" &&
    !("requantization" in reader && reader.requantization !== null) &&
    reader.inputs.every((input) => {
      const operand = nodes.get(input);
      return operand?.op === "quantize" && registersEqual(operand.register, register);
    });
  return (node) => {
    const [input = ""] = node.inputs;
    const [first] = readers.get(input) ?? [];
    // The network's input has the register of the first layer that reads it.
    if (first?.op === "quantize" && nodes.get(input)?.inputs[0] === graph.input.name) return false;
    const behind = readers.get(node.name) ?? [];
    return (
      node.isClip !== true &&
      node.name !== graph.output &&
      behind.length > 0 &&
      behind.every((reader) => loads(reader, node))
    );
  };
}

function sameFormat({ register }: QuantizeNode, { register: before }: QuantizeNode): boolean {
  return formatsEqual(register.format, before.format);
}

/** Whether every word of `before` is one of `register` too. */
function keepsAll(register: RegisterSpec, before: RegisterSpec): boolean {
  const shift = register.format.fractionLength - before.format.fractionLength;
  if (shift < 0) return false;
  const [outer, inner] = [register, before].map(({ format, overflow, dialect }) =>
    keptRange(format, overflow, dialect),
  );
  if (outer === undefined || inner === undefined) return false;
  return inner.min << BigInt(shift) >= outer.min && inner.max << BigInt(shift) <= outer.max;
}

/** The one register that does what both do one after the other; undefined where there is none. */
function narrowed(first: RegisterSpec, second: RegisterSpec): RegisterSpec | undefined {
  const saturates = [first, second].every(
    ({ overflow }) => overflow === "saturate" || overflow === "saturate-symmetric",
  );
  if (!saturates || first.format.fractionLength !== second.format.fractionLength) return undefined;
  const [outer, inner] = [first, second].map(({ format, overflow, dialect }) => keptRange(format, overflow, dialect));
  if (outer === undefined || inner === undefined || inner.min < outer.min || inner.max > outer.max) return undefined;
  return { ...second, rounding: first.rounding };
}
