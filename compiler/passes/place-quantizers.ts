/**
 * Last step of preparing a graph: every quantizer of the model finds its register. In this order:
 *
 * 1. the network's input comes so, where all that reads it reads it quantized and so are all operands of the first layer that does;
 * 2. the layer that computes the value writes it so, where all that reads the value reads it quantized;
 * 3. the layers that read the quantized value load it so, where all their operands are so;
 * 4. else it is a layer of its own, a copy into the register.
 *
 * All but the last leave a `register` node, which is another name for the words. A maximum pool has no output register: it loads so.
 */
import { type RegisterSpec, registersEqual } from "../../isa/numerics/register.ts";
import type { Graph, GraphNode, QuantizeNode, RegisterNode } from "../graph/graph.ts";
import { consumers } from "../graph/uses.ts";
import { LAYER_KINDS } from "../quantization/layer-facts.ts";

export function placeQuantizers(graph: Graph): Graph {
  if (!graph.nodes.some((node) => node.op === "quantize" && !node.isLayer)) return graph;
  const places = new Places(graph);
  return { ...graph, nodes: graph.nodes.map((node) => (node.op === "quantize" ? places.place(node) : node)) };
}

/** Moves words, or cuts them at words: the same before and after quantizing. */
const HANDED_ON: ReadonlySet<GraphNode["op"]> = new Set(["reshape"]);

class Places {
  readonly #graph: Graph;
  readonly #nodes: ReadonlyMap<string, GraphNode>;
  readonly #readers: ReadonlyMap<string, readonly GraphNode[]>;
  /** Register in which a layer loads its one operand, and by which its output is written. */
  readonly #loads: Map<string, RegisterSpec> = new Map<string, RegisterSpec>();
  readonly #writes: Map<string, RegisterSpec> = new Map<string, RegisterSpec>();

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#nodes = new Map(graph.nodes.map((node) => [node.name, node]));
    this.#readers = consumers(graph);
  }

  place(node: QuantizeNode): QuantizeNode | RegisterNode {
    if (node.isLayer) return node;
    const heldBy = this.#byInput(node)
      ? "input"
      : this.#byProducer(node)
        ? "producer"
        : this.#byReaders(node)
          ? "readers"
          : null;
    if (heldBy === null) return { ...node, isLayer: true };
    const { name, inputs, shape, register } = node;
    return { op: "register", name, inputs, shape, register, heldBy };
  }

  #byInput({ name, inputs, register }: QuantizeNode): boolean {
    const { input } = this.#graph;
    if (this.#source(inputs[0] ?? "") !== input.name || input.register !== undefined) return false;
    const [first] = this.#behind(name);
    return this.#isReadOnlyAs(input.name, name) && first !== undefined && this.#canLoad(first, register);
  }

  #byProducer({ name, inputs, register }: QuantizeNode): boolean {
    const source = this.#nodes.get(this.#source(inputs[0] ?? ""));
    if (source === undefined || LAYER_KINDS[source.op] === null || source.op === "quantize") return false;
    if ("requantization" in source && source.requantization !== null) return false;
    if (!this.#isReadOnlyAs(source.name, name)) return false;
    if (source.op === "pool" && source.kind === "maximum") {
      // A maximum is one of the words: quantizing before and after is the same.
      const before = this.#nodes.get(this.#source(source.inputs[0] ?? ""));
      if (before?.op === "quantize") return registersEqual(before.register, register);
      return this.#take(this.#loads, source.name, register);
    }
    return this.#take(this.#writes, source.name, register);
  }

  #byReaders({ name, inputs, register }: QuantizeNode): boolean {
    // What is loaded is what the layer before has written; the network's input has no register before.
    if (this.#source(inputs[0] ?? "") === this.#graph.input.name && this.#graph.input.register === undefined)
      return false;
    const readers = this.#behind(name);
    if (readers.length === 0 || !readers.every((reader) => this.#canLoad(reader, register))) return false;
    const known = readers.every(({ name: reader }) => {
      const loaded = this.#loads.get(reader);
      return loaded === undefined || registersEqual(loaded, register);
    });
    if (!known) return false;
    for (const { name: reader } of readers) this.#loads.set(reader, register);
    return true;
  }

  /** A layer loads all of its operands in one register. */
  #canLoad(reader: GraphNode, register: RegisterSpec): boolean {
    const alike = reader.inputs.every((input) => {
      const node = this.#nodes.get(this.#source(input));
      return node?.op === "quantize" && registersEqual(node.register, register);
    });
    if (LAYER_KINDS[reader.op] === null || !alike) return false;
    if (reader.op === "quantize") return reader.isLayer;
    return !("requantization" in reader) || reader.requantization === null;
  }

  /** What reads the value, through reshapes; a value that is the network's output, or a softmax, is read by what is no layer. */
  #behind(name: string): readonly GraphNode[] {
    const readers = this.#readers.get(name) ?? [];
    const last = this.#nodes.get(name);
    const output = name === this.#graph.output && last !== undefined ? [{ ...last, op: "softmax" } as GraphNode] : [];
    return [
      ...output,
      ...readers.flatMap((reader) => (HANDED_ON.has(reader.op) ? this.#behind(reader.name) : [reader])),
    ];
  }

  #take(registers: Map<string, RegisterSpec>, layer: string, register: RegisterSpec): boolean {
    const before = registers.get(layer);
    if (before !== undefined) return registersEqual(before, register);
    registers.set(layer, register);
    return true;
  }

  #source(name: string): string {
    let current = name;
    for (let node = this.#nodes.get(current); node !== undefined && HANDED_ON.has(node.op); ) {
      current = node.inputs[0] ?? "";
      node = this.#nodes.get(current);
    }
    return current;
  }

  /** Whether all that reads `source` reads it as `name`, directly or through reshapes. */
  #isReadOnlyAs(source: string, name: string): boolean {
    if (this.#graph.output === source) return false;
    return (this.#readers.get(source) ?? []).every(
      (reader) => reader.name === name || (HANDED_ON.has(reader.op) && this.#isReadOnlyAs(reader.name, name)),
    );
  }
}
