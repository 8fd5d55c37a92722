/** Nodes and constants that take the place of one node. */
import { zeros } from "./tensor.ts";
import type { AnyTensor, AttributeValue, ElementType, TensorNode } from "./tensor-graph.ts";

export class NodeSequence {
  readonly nodes: TensorNode[] = [];
  readonly constants: Map<string, AnyTensor> = new Map();
  readonly #opset: number;
  readonly #taken: Set<string>;
  readonly #prefix: string;

  /** `taken`: names of values and nodes that exist; the sequence adds its own. */
  constructor(replaced: TensorNode, taken: Set<string>) {
    this.#prefix = replaced.name;
    this.#opset = replaced.opset;
    this.#taken = taken;
  }

  /** Adds a node of ONNX's domain called `<replaced node>/<role>` and returns the name of its output, `output` if given. */
  add(
    operator: string,
    role: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    output?: string,
  ): string {
    const name = this.#unique(role);
    const value = output ?? name;
    this.nodes.push({ name, operator, domain: "", opset: this.#opset, inputs, outputs: [value], attributes });
    return value;
  }

  /** A constant of the numbers; integers for int64. */
  constant(role: string, type: ElementType, shape: readonly number[], numbers: ArrayLike<number>): string {
    const name = this.#unique(role);
    const tensor: AnyTensor = zeros(type, shape);
    if (tensor.type === "int64" || tensor.type === "uint64") tensor.data.set(Array.from(numbers, BigInt));
    else tensor.data.set(numbers);
    this.constants.set(name, tensor);
    return name;
  }

  get opset(): number {
    return this.#opset;
  }

  #unique(role: string): string {
    let name = `${this.#prefix}/${role}`;
    for (let count = 2; this.#taken.has(name); count++) name = `${this.#prefix}/${role} ${count}`;
    this.#taken.add(name);
    return name;
  }
}
