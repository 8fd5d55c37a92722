/** Builds a graph node by node with shapes known at once, for importers. */
import { DiagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import type {
  Conv2dNode,
  ConvTranspose2dNode,
  DenseNode,
  Graph,
  GraphNode,
  InputInfo,
  PoolNode,
  RequantizeNode,
  ReshapeNode,
  WordUnit,
} from "./graph.ts";
import { nodePlace, shapeDiagnostic } from "./infer-shapes.ts";
import { outputShape } from "./operators.ts";
import { expectValueShape, type Shape, ShapeMismatch } from "./shape.ts";

/** What a layer has where nothing is said. */
const DEFAULTS: {
  readonly conv2d: Pick<Conv2dNode, "requantization">;
  readonly dense: Pick<DenseNode, "inputOrder" | "requantization">;
  readonly convTranspose2d: Pick<ConvTranspose2dNode, "requantization">;
  readonly pool: Pick<PoolNode, "requantization">;
} = {
  conv2d: { requantization: null },
  dense: { inputOrder: "as stored", requantization: null },
  convTranspose2d: { requantization: null },
  pool: { requantization: null },
};

type Optional<Node, Field> = Omit<Node, Field & keyof Node> & Partial<Pick<Node, Field & keyof Node>>;
type WithoutShape<Node> = Node extends ReshapeNode
  ? Node
  : Node extends RequantizeNode
    ? Omit<Node, "shape">
    : Optional<Omit<Node, "shape">, "inputOrder" | "requantization">;

/**
 * A node before its shape is known; a reshape's shape is its target. Left out, a dense layer's `inputOrder` is
 * "as stored" and a `requantization` null.
 */
export type NewNode = WithoutShape<GraphNode>;

export class GraphBuilder {
  readonly #name: string;
  readonly #where: string;
  readonly #input: InputInfo;
  readonly #nodes: GraphNode[] = [];
  readonly #shapes: Map<string, Shape> = new Map<string, Shape>();
  readonly #reserved: Set<string>;
  readonly #units: Map<string, WordUnit> = new Map<string, WordUnit>();

  /** Throws `DiagnosticError` for an input that is neither image nor vector. `where` opens the place of diagnostics. */
  constructor(name: string, input: InputInfo, where: string) {
    this.#name = name;
    this.#where = where;
    this.#input = input;
    this.#reserved = new Set([input.name]);
    this.#attempt(`${where}: input "${input.name}"`, () => expectValueShape(input.shape));
    this.#shapes.set(input.name, input.shape);
  }

  /** `base`, or where that is taken `base/2`, `base/3`, … The name is taken from now on. */
  uniqueName(base: string): string {
    let name = base;
    for (let ordinal = 2; this.#reserved.has(name); ordinal++) name = `${base}/${ordinal}`;
    this.#reserved.add(name);
    return name;
  }

  /** Shape of a value that has been added. */
  shapeOf(value: string): Shape {
    const shape = this.#shapes.get(value);
    if (shape === undefined) throw new InvariantError(`graph builder: value "${value}" was never added`);
    return shape;
  }

  /** Appends a node and returns the name of its value. Throws `DiagnosticError` where it does not fit its inputs. */
  add(node: NewNode): string {
    const defaults = Object.hasOwn(DEFAULTS, node.op) ? DEFAULTS[node.op as keyof typeof DEFAULTS] : {};
    const unshaped = { shape: [], ...defaults, ...node } as GraphNode;
    const inputs = node.inputs.map((input) => this.shapeOf(input));
    const shape = this.#attempt(nodePlace(this.#where, unshaped), () => outputShape(unshaped, inputs));
    this.#reserved.add(node.name);
    this.#shapes.set(node.name, shape);
    this.#nodes.push({ ...unshaped, shape });
    return node.name;
  }

  /** The value is words that stand for numbers so. */
  noteUnit(value: string, unit: WordUnit): void {
    this.#units.set(value, unit);
  }

  finish(output: string): Graph {
    const nodes = this.#nodes.map((node): GraphNode => {
      const unit = this.#units.get(node.name);
      return unit === undefined ? node : { ...node, unit };
    });
    return { name: this.#name, input: this.#input, nodes, output };
  }

  #attempt<T>(place: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (error instanceof ShapeMismatch) throw new DiagnosticError([shapeDiagnostic(place, error)]);
      throw error;
    }
  }
}
