/**
 * A network of which the machine computes some layers and float the others: programs for the layers of the machine, in the
 * order in which they and the float nodes around them run.
 */
import { InvariantError } from "../../isa/diagnostic.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { Program } from "../../isa/program/program.ts";
import { type CompileOptions, compile } from "../compile.ts";
import type { Graph, GraphNode } from "../graph/graph.ts";
import { isAlias, layerFacts } from "../quantization/layer-facts.ts";
import { quantizeWeights } from "../quantization/quantize-weights.ts";
import { type OutputPoint, resolveOutputs } from "../quantization/resolve-assignment.ts";
import { layerComputations, layerNames, specificationFor } from "./layer-computation.ts";
import { type LayerGroup, layerGroups } from "./layer-groups.ts";
import { compileWithOperands, type Operand } from "./operand-program.ts";
import { requireRealValues } from "./real-values.ts";

/** Consecutive nodes that float computes. */
export interface FloatStep {
  readonly kind: "float";
  readonly nodes: readonly GraphNode[];
}

/** Layers that the machine computes. */
export interface ProgramStep {
  readonly kind: "program";
  readonly program: Program;
  /** Of the network; the program may have others beside them, which bring the operands. */
  readonly layers: readonly string[];
  /** The value that is the program's input; null where `operands` are. */
  readonly entry: string | null;
  /** Of a layer that reads several values from outside; else empty. */
  readonly operands: readonly Operand[];
  /** The value of the network that the program's output is. */
  readonly exit: string;
}

export type HybridStep = FloatStep | ProgramStep;

export interface HybridPlan {
  /** Without a softmax at its end. */
  readonly graph: Graph;
  readonly steps: readonly HybridStep[];
  /** Output registers of the layers that are quantized extrinsically. */
  readonly extrinsic: ReadonlyMap<string, OutputPoint>;
  /** Layers that the machine computes, or a register quantizes behind float. */
  readonly quantized: readonly string[];
}

export interface HybridOptions extends CompileOptions {
  /** Names and patterns of the layers that the assignment is for; float computes the others. Null: all. */
  readonly selection: readonly string[] | null;
}

/**
 * `graph` is ready for lowering (`prepareGraph`). Throws `DiagnosticError` with what is wrong in the assignment or does not
 * fit the machine. Where the machine computes all layers the plan is one program: that of `compile`.
 */
export function planHybrid(graph: Graph, options: HybridOptions): HybridPlan {
  return new Planner(withoutSoftmax(graph), options).plan();
}

class Planner {
  readonly #graph: Graph;
  readonly #options: HybridOptions;
  readonly #shapes: ReadonlyMap<string, readonly number[]>;
  /** Registers that values come from, as far as they are planned. */
  readonly #registers: Map<string, RegisterSpec> = new Map<string, RegisterSpec>();
  readonly #extrinsic: Map<string, OutputPoint> = new Map<string, OutputPoint>();

  constructor(graph: Graph, options: HybridOptions) {
    this.#graph = graph;
    this.#options = options;
    this.#shapes = new Map([graph.input, ...graph.nodes].map(({ name, shape }) => [name, shape]));
  }

  plan(): HybridPlan {
    const { assignment, selection, assignmentName = "assignment" } = this.#options;
    const computations = layerComputations(layerNames(this.#graph), assignment, selection, assignmentName);
    if ([...computations.values()].some((by) => by !== "machine")) requireRealValues(this.#graph, assignmentName);
    const behindFloat = new Set([...computations].flatMap(([name, by]) => (by === "extrinsic" ? [name] : [])));
    const options = { seed: this.#options.seed, where: assignmentName, layers: behindFloat };
    // Weights of layers on the machine go through their quantizers when their program is made.
    const graph = quantizeWeights(this.#graph, assignment, options);
    const onMachine = new Set([...computations].flatMap(([name, by]) => (by === "machine" ? [name] : [])));
    const groups = layerGroups(graph, onMachine);
    const groupOf = new Map(groups.flatMap((group) => group.nodes.map(({ name }) => [name, group] as const)));
    const steps: HybridStep[] = [];
    let float: GraphNode[] = [];
    const endFloat = (): void => {
      if (float.length > 0) steps.push({ kind: "float", nodes: float });
      float = [];
    };
    for (const node of graph.nodes) {
      const group = groupOf.get(node.name);
      if (group === undefined) {
        this.#floatNode(node, computations.get(node.name) === "extrinsic");
        float.push(node);
      } else if (group.nodes[0] === node) {
        endFloat();
        steps.push(this.#programStep(group));
      }
    }
    endFloat();
    const quantized = [...computations].flatMap(([name, by]) => (by === "float" ? [] : [name]));
    return { graph, steps, extrinsic: this.#extrinsic, quantized };
  }

  #floatNode(node: GraphNode, quantized: boolean): void {
    const before = this.#registers.get(node.inputs[0] ?? "");
    if (isAlias(node) && before !== undefined) this.#registers.set(node.name, before);
    if (!quantized) return;
    const { assignment, calibration = {}, assignmentName = "assignment" } = this.#options;
    const [facts] = layerFacts(this.#alone(node));
    if (facts === undefined) throw new InvariantError(`"${node.name}" is no layer`);
    const keepsWords = facts.arithmetic === "maximumPool";
    // A maximum pool keeps its producer's register; behind a float layer it has to have its own.
    const isOwn = keepsWords && before === undefined && facts.producers[0] !== this.#graph.input.name;
    const layers = [isOwn ? { ...facts, arithmetic: "vector" as const } : facts];
    const specification = specificationFor(assignment, [node.name]);
    const known = this.#registers;
    const request = { specification, layers, input: node.inputs[0] ?? "", calibration, where: assignmentName, known };
    const register = resolveOutputs(request).outputs[node.name];
    if (register === undefined) return;
    this.#registers.set(node.name, register);
    this.#extrinsic.set(node.name, register);
  }

  /** A graph whose facts are those of the node; its other operands are values of other names. */
  #alone(node: GraphNode): Graph {
    const input = { name: node.inputs[0] ?? "", shape: this.#shapes.get(node.inputs[0] ?? "") ?? [] };
    const others = [...new Set(node.inputs)].filter((name) => name !== input.name);
    const stand = others.map(
      (name): GraphNode => ({ op: "reshape", name, inputs: [input.name], shape: this.#shapes.get(name) ?? [] }),
    );
    return { name: node.name, input, nodes: [...stand, node], output: node.name };
  }

  #programStep(group: LayerGroup): ProgramStep {
    const { nodes, entries, exit } = group;
    const layers = layerNames({ ...this.#graph, nodes });
    const { assignment } = this.#options;
    const options = { ...this.#options, assignment: specificationFor(assignment, layers) };
    const [entry] = entries;
    const [first] = nodes;
    if (entry === undefined || first === undefined) throw new InvariantError("a group without nodes or entry");
    const step =
      entries.length > 1
        ? { entry: null, ...compileWithOperands(first, this.#shapes, this.#registers, options) }
        : { entry, operands: [], program: this.#compileGroup(group, entry, options) };
    const last = step.program.layers.find(({ output }) => output === step.program.output);
    if (last === undefined) throw new InvariantError(`no layer yields "${exit}"`);
    this.#registers.set(exit, last.datapath.output);
    return { kind: "program", layers, exit, ...step };
  }

  #compileGroup({ nodes, exit }: LayerGroup, entry: string, options: CompileOptions): Program {
    const input = { name: entry, shape: this.#shapes.get(entry) ?? [] };
    const part: Graph = { name: this.#graph.name, input, nodes, output: exit };
    const inputRegister = this.#registers.get(entry);
    return compile(part, { ...options, ...(inputRegister && { inputRegister }) }).program;
  }
}

/** The network up to its last value before a closing softmax, which runs on the host. */
function withoutSoftmax(graph: Graph): Graph {
  const last = graph.nodes.find(({ name }) => name === graph.output);
  if (last?.op !== "softmax") return graph;
  return { ...graph, nodes: graph.nodes.filter((node) => node !== last), output: last.inputs[0] ?? graph.output };
}
