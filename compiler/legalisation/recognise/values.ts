/** Who yields and who reads each value of a tensor graph, and what is constant: for rules that see several nodes at once. */
import { numbersOf } from "../../tensor-graph/tensor.ts";
import type { AnyTensor, TensorGraph, TensorNode } from "../../tensor-graph/tensor-graph.ts";

export class Values {
  readonly #producers: Map<string, TensorNode> = new Map<string, TensorNode>();
  readonly #uses: Map<string, number> = new Map<string, number>();
  readonly #constants: ReadonlyMap<string, AnyTensor>;

  /** `constants` holds every value that does not depend on the graph's inputs. */
  constructor(graph: TensorGraph, constants: ReadonlyMap<string, AnyTensor>) {
    this.#constants = constants;
    for (const node of graph.nodes) {
      for (const output of node.outputs) if (output !== "") this.#producers.set(output, node);
      for (const input of node.inputs) this.#uses.set(input, (this.#uses.get(input) ?? 0) + 1);
    }
    for (const output of graph.outputs) this.#uses.set(output, (this.#uses.get(output) ?? 0) + 1);
  }

  constant(value: string | undefined): AnyTensor | undefined {
    return value === undefined ? undefined : this.#constants.get(value);
  }

  /** The number that all elements of a constant are. */
  number(value: string | undefined): number | undefined {
    const tensor = this.constant(value);
    if (tensor === undefined) return undefined;
    const [first, ...others] = new Set(Array.from(numbersOf(tensor)));
    return others.length === 0 ? first : undefined;
  }

  /** The node of ONNX that yields a value which is not constant. */
  producer(value: string | undefined): TensorNode | undefined {
    if (value === undefined || this.#constants.has(value)) return undefined;
    const node = this.#producers.get(value);
    return node?.domain === "" ? node : undefined;
  }

  usedOnce(value: string): boolean {
    return this.#uses.get(value) === 1;
  }

  /** Of a node with two inputs the one that varies and the constant; undefined where both or none vary. */
  operands(
    node: TensorNode,
  ): { readonly value: string; readonly constant: AnyTensor; readonly valueFirst: boolean } | undefined {
    const [a = "", b = ""] = node.inputs;
    const [first, second] = [this.constant(a), this.constant(b)];
    if (node.inputs.length !== 2 || (first === undefined) === (second === undefined)) return undefined;
    return first === undefined && second !== undefined
      ? { value: a, constant: second, valueFirst: true }
      : { value: b, constant: first as AnyTensor, valueFirst: false };
  }
}
