/** Registers that a model prescribes as an assignment to the layers that its network has after the passes. */
import { type Diagnostic, DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import type { Conv2dNode, ConvTranspose2dNode, DenseNode, Graph, GraphNode } from "../graph/graph.ts";
import { consumers } from "../graph/uses.ts";
import { prepareGraph } from "../prepare-graph.ts";
import { type LayerFacts, layerFacts } from "../quantization/layer-facts.ts";
import type { AssignmentSpecification, LayerEntry } from "../quantization/specification.ts";
import { integerEntries } from "./integer-entries.ts";
import type { Prescriptions } from "./prescriptions.ts";
import type { PrescribedRegister } from "./value.ts";

/** Empty for a model that prescribes nothing. Throws `DiagnosticError` where registers contradict each other. */
export function prescribedAssignment(
  graph: Graph,
  prescriptions: Prescriptions,
  where: string,
): AssignmentSpecification {
  const isInteger = graph.nodes.some(
    (node) => (node.op === "conv2d" || node.op === "dense") && node.requantization !== null,
  );
  if (prescriptions.values.size === 0 && prescriptions.layers.size === 0 && !isInteger) return {};
  const prepared = prepareGraph(graph, where);
  const entries = new Entries(where);
  const layers = new LayerNames(graph, prepared, new Set(prescriptions.values.keys()));
  if (isInteger) for (const [layer, entry] of integerEntries(prepared)) entries.setAll(layer, entry);
  for (const [name, registers] of prescriptions.layers) {
    const layer = layers.of(name);
    // A normalization that was folded into the weights has moved them off their grid.
    if (layer === undefined || !layers.keptWeights(name, layer)) continue;
    entries.setAll(layer, { datapath: "wide", ...registers });
  }
  for (const [name, register] of prescriptions.values) keep(entries, layers, name, register);
  return entries.finish();
}

/**
 * The layer that yields the value writes it in the register where the value is read so everywhere, else its readers load it so;
 * they also do where the value is in a register already.
 */
function keep(entries: Entries, layers: LayerNames, name: string, register: PrescribedRegister): void {
  const source = layers.behindReshapes(name);
  const producer = layers.factsOf(source);
  const loads = layers.readers(name);
  if (producer !== undefined && !layers.isKept(source) && layers.isReadOnlyAs(source, name)) {
    // The softmax behind the last layer is the host's.
    const absorbed = loads.find(({ op, name: reader }) => op !== "softmax" && layers.of(reader) === producer.name);
    if (absorbed !== undefined) {
      entries.conflict(
        producer.name,
        "output",
        `the model quantizes the value before "${absorbed.name}" (${absorbed.op}), which the layer takes over`,
      );
    } else if (producer.arithmetic === "maximumPool") {
      entries.set(producer.name, "input", register);
    } else {
      entries.set(producer.name, "output", register);
    }
    return;
  }
  // The network's input has the register of the first layer that reads it: other operands of later layers are not touched.
  const [first, ...later] = loads;
  const isInput = producer === undefined && layers.isReadOnlyAs(source, name);
  const loading =
    isInput && first !== undefined ? [first, ...later.filter(({ inputs }) => inputs.length === 1)] : loads;
  for (const reader of loading) {
    const layer = layers.of(reader.name);
    if (layer !== undefined && layer !== producer?.name) entries.set(layer, "input", register);
  }
}

/** Moves words, or cuts them at words: the same before and after quantizing. */
const COMMUTES: ReadonlySet<GraphNode["op"]> = new Set([
  "activation",
  "reshape",
  "transpose",
  "slice",
  "resize",
  "pad",
]);

/** The network before and after the passes. */
class LayerNames {
  readonly #nodes: ReadonlyMap<string, GraphNode>;
  readonly #readers: ReadonlyMap<string, readonly GraphNode[]>;
  readonly #facts: ReadonlyMap<string, LayerFacts>;
  readonly #prepared: ReadonlyMap<string, GraphNode>;
  readonly #output: string;
  readonly #kept: ReadonlySet<string>;

  /** `kept`: values for which the model prescribes a register. */
  constructor(graph: Graph, prepared: Graph, kept: ReadonlySet<string>) {
    this.#nodes = new Map(graph.nodes.map((node) => [node.name, node]));
    this.#readers = consumers(graph);
    this.#facts = new Map(layerFacts(prepared).map((facts) => [facts.name, facts]));
    this.#prepared = new Map(prepared.nodes.map((node) => [node.name, node]));
    this.#output = graph.output;
    this.#kept = kept;
  }

  /** The layer that a node of the first graph has become: itself, or the one before it that took it over. */
  of(name: string): string | undefined {
    let current: string | undefined = name;
    while (current !== undefined && !this.#facts.has(current)) current = this.#nodes.get(current)?.inputs[0];
    return current;
  }

  factsOf(name: string): LayerFacts | undefined {
    const layer = this.of(name);
    return layer === undefined ? undefined : this.#facts.get(layer);
  }

  isKept(name: string): boolean {
    return this.#kept.has(name);
  }

  /** What the value is a reshape of: another value that is kept in a register, or the one that was computed. */
  behindReshapes(name: string): string {
    let current = name;
    for (let node = this.#nodes.get(current); node?.op === "reshape"; node = this.#nodes.get(current)) {
      current = node.inputs[0] ?? "";
      if (this.#kept.has(current)) break;
    }
    return current;
  }

  /**
   * The nodes that compute with the value; those that only move it and are no layers after the passes are looked through, but for
   * those whose value is in a register of its own.
   */
  readers(name: string): readonly GraphNode[] {
    return (this.#readers.get(name) ?? []).flatMap((reader) => {
      if (!COMMUTES.has(reader.op) || this.#facts.has(reader.name)) return [reader];
      return this.#kept.has(reader.name) ? [] : this.readers(reader.name);
    });
  }

  /** Whether all that reads `source` reads it through the reshape `name`, which is not the input of nothing. */
  isReadOnlyAs(source: string, name: string): boolean {
    if (this.#output === source) return false;
    for (const reader of this.#readers.get(source) ?? []) {
      if (reader.name === name) continue;
      if (reader.op !== "reshape" || !this.isReadOnlyAs(reader.name, name)) return false;
    }
    return true;
  }

  keptWeights(name: string, layer: string): boolean {
    const [before, after] = [this.#nodes.get(name), this.#prepared.get(layer)];
    return name === layer && isMatrix(before) && isMatrix(after) && before.kernel.data === after.kernel.data;
  }
}

function isMatrix(node: GraphNode | undefined): node is Conv2dNode | ConvTranspose2dNode | DenseNode {
  return node?.op === "conv2d" || node?.op === "convTranspose2d" || node?.op === "dense";
}

type RegisterName = "input" | "weight" | "bias" | "output";

/** Entries by layer, and what contradicts itself. */
class Entries {
  readonly #entries: Map<string, LayerEntry> = new Map<string, LayerEntry>();
  readonly #diagnostics: Diagnostic[] = [];
  readonly #where: string;

  constructor(where: string) {
    this.#where = where;
  }

  setAll(layer: string, entry: LayerEntry): void {
    this.#entries.set(layer, { ...this.#entries.get(layer), ...entry });
  }

  set(layer: string, name: RegisterName, register: PrescribedRegister): void {
    const before = this.#entries.get(layer)?.[name];
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(register)) {
      const format = typeof before === "string" ? before : before.format;
      this.conflict(layer, name, `the model quantizes it to ${format} and to ${register.format}`);
      return;
    }
    this.setAll(layer, { [name]: register });
  }

  conflict(layer: string, name: RegisterName, what: string): void {
    const error = diagnosticError(
      "QUANTIZED_MODEL",
      `${this.#where}: layer "${layer}": ${name}`,
      what,
      "a layer has one register there: quantize all that meets in it alike, or export the model without quantization",
    );
    this.#diagnostics.push(...error.diagnostics);
  }

  finish(): AssignmentSpecification {
    if (this.#diagnostics.length > 0) throw new DiagnosticError(this.#diagnostics);
    return this.#entries.size === 0 ? {} : { layers: Object.fromEntries(this.#entries) };
  }
}
