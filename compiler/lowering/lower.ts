/**
 * Lowering: from a graph whose formats and constants are decided to a program. Four steps: plan every layer on its own
 * (tiles), allocate DRAM, emit layer after layer (the emitter puts the tokens in), and write down what is where.
 */

import { type Diagnostic, DiagnosticError, diagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import type { Machine } from "../../isa/machine.ts";
import { formatsEqual } from "../../isa/numerics/format.ts";
import type { Raws } from "../../isa/numerics/raws.ts";
import type { DatapathSpec } from "../../isa/program/datapath.ts";
import type { ModelOutput } from "../../isa/program/model-output.ts";
import type {
  Constant,
  LayerSymbol,
  Program,
  TensorSymbol,
  TensorUnit,
  TileSymbol,
} from "../../isa/program/program.ts";
import type { Graph, GraphNode, ValueInfo } from "../graph/graph.ts";
import { hostOperators } from "../graph/host-operators.ts";
import { type LayerFacts, storedValues } from "../quantization/layer-facts.ts";
import { compileOverflow, type LayerConstants } from "../quantization/quantize-tensor.ts";
import type { ResolvedAssignment } from "../quantization/resolve-assignment.ts";
import type { SizeLimits } from "../size-limits.ts";
import { recurrentPart } from "../tensor-graph/recurrent/recurrent-names.ts";
import { Emitter } from "./emitter.ts";
import { imageShape } from "./image-shape.ts";
import type { LayerLowering, StoredTensor, TileMemories } from "./layer-lowering.ts";
import { planLayer } from "./layer-plan.ts";
import { DramAllocation } from "./memory/dram-allocation.ts";
import { PingPongBuffer } from "./memory/ping-pong-buffer.ts";
import { CONSTANT_KINDS, type ConstantKind, type LayerPlan, type LayerTensors } from "./plan-request.ts";
import type { KnownTables } from "./vector/lookup-table.ts";

export interface LoweringRequest {
  /** Legal at the stage `lowerable`. */
  readonly graph: Graph;
  readonly machine: Machine;
  readonly layers: readonly LayerFacts[];
  readonly assignment: ResolvedAssignment;
  readonly constants: ReadonlyMap<string, LayerConstants>;
  readonly seed: number;
  readonly modelOutputs: readonly ModelOutput[] | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly limits: SizeLimits;
  /** Opens every diagnostic's place. */
  readonly where: string;
}

interface PlannedLayer {
  readonly facts: LayerFacts;
  readonly node: GraphNode;
  readonly plan: LayerPlan;
}

interface AllocatedLayer extends PlannedLayer {
  readonly output: TensorSymbol;
  readonly tensors: LayerTensors;
}

/** Throws `DiagnosticError` where the network does not fit the machine. */
export function lower(request: LoweringRequest): Program {
  const { graph, machine, layers, constants, seed, modelOutputs, metadata } = request;
  const output = outputValue(request);
  const planned = planLayers(request);
  const { allocated, values, tensors } = allocate(request, planned, output);
  const { instructions, symbols, tiles } = emit(request, allocated, values);
  return {
    machine,
    seed,
    instructions,
    tensors,
    constants: constantWords(allocated),
    layers: symbols,
    tiles,
    compileOverflow: layers.flatMap((layer) => {
      const quantized = constants.get(layer.name);
      return layer.weights === null || quantized === undefined ? [] : [compileOverflow(layer, quantized)];
    }),
    input: graph.input.name,
    output,
    ...(modelOutputs && { modelOutputs }),
    hostOperators: hostOperators(graph),
    metadata,
  };
}

function lastNode(graph: Graph): GraphNode | undefined {
  return graph.nodes.find(({ name }) => name === graph.output);
}

/** Name of the value whose words are the program's result: before a softmax, behind reshapes. */
function outputValue({ graph, where }: LoweringRequest): string {
  const last = lastNode(graph);
  const value = last?.op === "softmax" ? (last.inputs[0] ?? "") : graph.output;
  const stored = storedValues(graph).get(value);
  if (stored === undefined) throw new InvariantError(`nothing yields the output "${value}"`);
  if (stored !== graph.input.name) return stored;
  throw diagnosticError(
    "NO_LAYERS",
    `${where}: graph "${graph.name}"`,
    "no layer of it runs on the accelerator",
    "give a network with at least one convolution, dense, pooling or element-wise layer",
  );
}

function planLayers(request: LoweringRequest): readonly PlannedLayer[] {
  const { graph, machine, layers, assignment, constants, seed, where } = request;
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const shapes = valueShapes(graph);
  const found: Diagnostic[] = [];
  const tables: KnownTables = new Map();
  const planned = layers.flatMap((facts): PlannedLayer[] => {
    const { name } = facts;
    const node = required(nodes.get(name), name);
    const datapath = required(assignment.formats[name], name);
    const options = required(assignment.options[name], name);
    const sourceBits = facts.producers.map((producer) => producerFormat(request, producer).wordLength);
    const everyOperand = options.explicitInput || facts.producers.length === 1;
    try {
      const plan = planLayer({
        node,
        inputShapes: node.inputs.map((input) => required(shapes.get(input), input)),
        sourceBits,
        operandBits: everyOperand ? sourceBits.map(() => datapath.input.format.wordLength) : sourceBits,
        machine,
        datapath,
        options,
        constants: constants.get(name) ?? { weight: null, scale: null, bias: null },
        seed,
        tables,
        where: `${where}: layer "${name}"`,
      });
      return [{ facts, node, plan }];
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      found.push(...error.diagnostics);
      return [];
    }
  });
  if (found.length > 0) throw new DiagnosticError(found);
  return planned;
}

/** Format of a value in DRAM: its layer's output, or for the network's input the first reader's input. */
function producerFormat({ graph, layers, assignment }: LoweringRequest, value: string): TensorSymbol["format"] {
  if (value !== graph.input.name) return required(assignment.formats[value], value).output.format;
  const reader = layers.find(({ producers }) => producers.includes(value));
  return required(assignment.formats[reader?.name ?? ""], value).input.format;
}

function valueShapes(graph: Graph): ReadonlyMap<string, readonly number[]> {
  return new Map([
    [graph.input.name, graph.input.shape],
    ...graph.nodes.map(({ name, shape }) => [name, shape] as const),
  ]);
}

function allocate(
  request: LoweringRequest,
  planned: readonly PlannedLayer[],
  output: string,
): {
  readonly allocated: readonly AllocatedLayer[];
  /** The tensors of values that have one of their own. */
  readonly values: ReadonlyMap<string, TensorSymbol>;
  readonly tensors: readonly TensorSymbol[];
} {
  const { graph, machine, assignment, where } = request;
  const allocation = new DramAllocation(machine, valueShapes(graph).keys());
  const values = new Map<string, TensorSymbol>();
  const { name: inputName, shape: inputShape } = graph.input;
  const inputFormat = producerFormat(request, inputName);
  values.set(
    inputName,
    allocation.place(inputName, "input", imageShape(inputShape), inputFormat, inputUnit(graph.input)),
  );

  const units = storedUnits(graph);
  // A table that layers share stands there once.
  const placed = new Map<Raws, TensorSymbol>();
  const allocated = planned.map((layer): AllocatedLayer => {
    const { node, plan } = layer;
    const { name } = node;
    const datapath = required(assignment.formats[name], name);
    const shape = imageShape(node.shape);
    const constants = Object.fromEntries(
      CONSTANT_KINDS.map((kind) => {
        const words = plan.constants[kind];
        if (words === undefined) return [kind, null];
        const format = plan.formats?.[kind] ?? constantFormat(datapath, kind);
        const tensor =
          placed.get(words) ?? allocation.placeNew(`${name}/${kind}`, "constant", [1, 1, words.length], format);
        placed.set(words, tensor);
        return [kind, tensor];
      }),
    ) as Record<ConstantKind, TensorSymbol | null>;
    const { format } = datapath.output;
    const partials = Array.from({ length: plan.partials }, (_, index) =>
      allocation.placeNew(`${name}/partial${index + 1}`, "intermediate", shape, format),
    );
    const tensor = allocation.place(name, name === output ? "output" : "intermediate", shape, format, units.get(name));
    values.set(name, tensor);
    return { ...layer, output: tensor, tensors: { ...constants, partials } };
  });
  allocation.requireCapacity(where);
  return { allocated, values, tensors: allocation.tensors };
}

function inputUnit({ words }: ValueInfo): TensorUnit | undefined {
  if (words === undefined) return undefined;
  const { scale, zeroPoint, lowest, highest } = words;
  return { scale, zeroPoint, lowest, highest };
}

/** Units of the values that are stored; a reshape's is that of the words it names. */
function storedUnits(graph: Graph): ReadonlyMap<string, TensorUnit> {
  const stored = storedValues(graph);
  const units = new Map<string, TensorUnit>();
  for (const { name, unit } of graph.nodes) if (unit !== undefined) units.set(stored.get(name) ?? name, unit);
  return units;
}

function constantFormat(datapath: DatapathSpec, kind: ConstantKind): TensorSymbol["format"] {
  const register = kind === "table" ? datapath.output : datapath[kind];
  return required(register, kind).format;
}

/** The words of every constant, once where layers share it. */
function constantWords(allocated: readonly AllocatedLayer[]): readonly Constant[] {
  const words = new Map<string, Raws>();
  for (const { plan, tensors } of allocated) {
    for (const kind of CONSTANT_KINDS) {
      const [tensor, raws] = [tensors[kind], plan.constants[kind]];
      if (tensor !== null && raws !== undefined) words.set(tensor.name, raws);
    }
  }
  return [...words].map(([tensor, raws]) => ({ tensor, raws }));
}

function emit(
  { graph, machine, assignment, limits, where }: LoweringRequest,
  allocated: readonly AllocatedLayer[],
  values: ReadonlyMap<string, TensorSymbol>,
): { instructions: Program["instructions"]; symbols: readonly LayerSymbol[]; tiles: readonly TileSymbol[] } {
  const emitter = new Emitter(limits, where);
  const memories: TileMemories = {
    inputScratchpad: new PingPongBuffer(machine.inputScratchpad.capacityBits),
    weightScratchpad: new PingPongBuffer(machine.weightScratchpad.capacityBits),
    outputBuffer: new PingPongBuffer(machine.outputBuffer.capacityBits),
  };
  const shapes = valueShapes(graph);
  const stored = storedValues(graph);
  const tiles: TileSymbol[] = [];
  const symbols = allocated.map(({ facts, node, plan, tensors, output }): LayerSymbol => {
    const datapath = required(assignment.formats[node.name], node.name);
    const inputs = node.inputs.map((input): StoredTensor => {
      const tensor = required(values.get(stored.get(input) ?? ""), input);
      return { ...tensor, shape: imageShape(required(shapes.get(input), input)) };
    });
    const { name } = node;
    const lowering: LayerLowering = {
      name,
      machine,
      emitter,
      memories,
      datapath,
      inputs,
      output,
      tiles,
    };
    const firstInstruction = emitter.length;
    plan.emit(lowering, tensors);
    const recurrent = recurrentPart(name, graph.recurrentLayers ?? []);
    const quantizesInput = inputs.length === 1 || required(assignment.options[node.name], node.name).explicitInput;
    return {
      name,
      kind: facts.kind,
      firstInstruction,
      endInstruction: emitter.length,
      macs: plan.macs,
      datapath,
      inputs: [...new Set(inputs.map((input) => input.name))],
      output: output.name,
      constants: constantTensors(tensors),
      ...(plan.table && tensors.table && { table: { tensor: tensors.table.name, ...plan.table } }),
      ...(recurrent && { recurrent }),
      doubleRounding: quantizesInput && inputs.some(({ format }) => !formatsEqual(format, datapath.input.format)),
    };
  });
  return { instructions: emitter.finish(), symbols, tiles };
}

function constantTensors({ weight, scale, bias }: LayerTensors): LayerSymbol["constants"] {
  return {
    ...(weight && { weight: weight.name }),
    ...(scale && { scale: scale.name }),
    ...(bias && { bias: bias.name }),
  };
}

function required<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw new InvariantError(`lowering knows nothing of "${name}"`);
  return value;
}
