/**
 * The network as an ONNX model with QONNX's Quant nodes: one behind the network's input and behind every layer, before a layer
 * that loads its operands into a register of its own, and behind every constant.
 */
import type { Graph } from "../../../compiler/graph/graph.ts";
import { storedValues } from "../../../compiler/quantization/layer-facts.ts";
import { diagnosticError, InvariantError } from "../../../isa/diagnostic.ts";
import type { ExportedLayer, ExportedRegister, ExportSubject } from "../subject.ts";
import { ModelWriter } from "./model-writer.ts";
import { onnxShape, writeNode } from "./operators.ts";
import { addQuant, type FilterScales, type QonnxRegister, requireQuant } from "./quant.ts";

/** `lowerable`: the graph whose layers the subject names. Throws `DiagnosticError` EXPORT_MODE or EXPORT_MODEL. */
export function qonnxModel(subject: ExportSubject, lowerable: Graph): Uint8Array {
  requireFloat(lowerable, subject.model);
  requireQuant(subject.layers.map((layer) => ({ ...layer, groups: groupsOf(lowerable, layer.name) })));
  const layers = new Map(subject.layers.map((layer) => [layer.name, layer]));
  const stored = storedValues(lowerable);
  const { input } = lowerable;
  const writer = new ModelWriter([input.name, ...lowerable.nodes.map(({ name }) => name)]);
  const shapes = new Map([
    [input.name, input.shape],
    ...lowerable.nodes.map(({ name, shape }) => [name, shape] as const),
  ]);
  // ONNX name of each value as it is read.
  const values = new Map<string, string>([[input.name, input.name]]);
  const first = subject.layers.find(({ name }) => readsInput(lowerable, stored, name));
  const network = first === undefined ? null : quantized(writer, input.name, `${input.name}/quant`, first, "input");
  if (network !== null) values.set(input.name, network);

  for (const node of lowerable.nodes) {
    const layer = layers.get(node.name);
    const inputs = node.inputs.map((name) => values.get(name) ?? "");
    const loaded = layer?.options.explicitInput
      ? loadedInputs(writer, layer, inputs, layer === first ? network : null)
      : inputs;
    const value = writeNode(node, {
      writer,
      inputs: loaded,
      inputShapes: node.inputs.map((name) => shapes.get(name) ?? []),
      quantized: (constant, register, filterShape) => {
        const fractionLengths = layer?.options.weightFractionLengths;
        const filters = filterShape && fractionLengths ? { shape: filterShape, fractionLengths } : null;
        return quantized(writer, constant, `${constant}/quant`, layer, register, filters);
      },
      countPadding: layer?.options.countPadding,
    });
    values.set(
      node.name,
      layer === undefined ? value : quantized(writer, value, `${node.name}/quant`, layer, "output"),
    );
  }
  const output = values.get(lowerable.output) ?? "";
  return writer.finish(
    subject.model,
    { name: input.name, shape: onnxShape(input.shape) },
    { name: output, shape: onnxShape(shapes.get(lowerable.output) ?? []) },
  );
}

function groupsOf({ nodes }: Graph, layer: string): number {
  const node = nodes.find(({ name }) => name === layer);
  return node !== undefined && "groups" in node ? node.groups : 1;
}

function readsInput(graph: Graph, stored: ReadonlyMap<string, string>, layer: string): boolean {
  const node = graph.nodes.find(({ name }) => name === layer);
  return node?.inputs.some((name) => stored.get(name) === graph.input.name) === true;
}

/** Each operand in the layer's own input register, but for the one that is there already; one that comes twice is quantized once. */
function loadedInputs(
  writer: ModelWriter,
  layer: ExportedLayer,
  inputs: readonly string[],
  already: string | null,
): readonly string[] {
  const loaded = new Map<string, string>();
  for (const value of new Set(inputs)) {
    if (value === already) continue;
    loaded.set(value, quantized(writer, value, `${layer.name}/input`, layer, "input"));
  }
  return inputs.map((value) => loaded.get(value) ?? value);
}

function quantized(
  writer: ModelWriter,
  value: string,
  wanted: string,
  layer: ExportedLayer | undefined,
  name: QonnxRegister,
  filters: FilterScales | null = null,
): string {
  const register: ExportedRegister | undefined = layer?.registers.find(({ register }) => register === name);
  if (register === undefined) throw new InvariantError(`"${wanted}" has no ${name} register`);
  return addQuant(writer, value, wanted, register, filters);
}

function requireFloat({ nodes }: Graph, model: string): void {
  const integer = nodes.find((node) => "requantization" in node && node.requantization !== null);
  if (integer === undefined) return;
  throw diagnosticError(
    "EXPORT_MODEL",
    `${model}: layer "${integer.name}"`,
    "is a layer of an integer network, which has no floats for Quant nodes to quantize",
    "the model's own file says its integers already; export to json, csv, systemverilog or vhdl",
  );
}
