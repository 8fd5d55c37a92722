/** What float computes of a network before the first quantized layer, kept while candidates change. */
import type { GraphNode } from "../../../compiler/graph/graph.ts";
import { InvariantError } from "../../../isa/diagnostic.ts";
import type { FloatNetwork } from "../../float-reference/interpreter.ts";
import type { RunBatch } from "../image-batches.ts";

/** Values that are kept, 512 MiB. What finds no room is computed again each time. */
const KEPT_BYTES = 2 ** 29;

export class FloatPrefix {
  readonly #network: FloatNetwork;
  readonly #keptBytes: number;
  /** By value, then by first image and count. */
  readonly #kept: Map<string, Map<string, Float32Array>> = new Map<string, Map<string, Float32Array>>();
  #bytes = 0;
  /** Images for which values were computed and not found, of all calls. */
  computedImages = 0;

  constructor(network: FloatNetwork, keptBytes: number = KEPT_BYTES) {
    this.#network = network;
    this.#keptBytes = keptBytes;
  }

  /** Other values than these will not be asked for soon: their memory is given back. */
  keepOnly(values: readonly string[]): void {
    for (const [value, batches] of this.#kept) {
      if (values.includes(value)) continue;
      for (const { byteLength } of batches.values()) this.#bytes -= byteLength;
      this.#kept.delete(value);
    }
  }

  /** Values, images × elements each, that do not depend on any node but `nodes`, which stand in the network's order. */
  async values(
    names: readonly string[],
    nodes: readonly GraphNode[],
    { first, count, values: images }: RunBatch,
  ): Promise<Map<string, Float32Array>> {
    const input = this.#network.graph.input.name;
    const place = `${first}+${count}`;
    const found = new Map<string, Float32Array>();
    const missing: string[] = [];
    for (const name of names) {
      const value = name === input ? images : this.#kept.get(name)?.get(place);
      if (value === undefined) missing.push(name);
      else found.set(name, value);
    }
    if (missing.length === 0) return found;
    const given = new Map([[input, images]]);
    const part = { given, nodes: ancestors(nodes, missing), wanted: missing };
    const computed = await this.#network.runPart(part, count);
    this.computedImages += count;
    for (const name of missing) {
      const value = computed.get(name);
      if (value === undefined) throw new InvariantError(`float prefix: no value "${name}"`);
      found.set(name, value);
      this.#keep(name, place, value);
    }
    return found;
  }

  #keep(name: string, place: string, value: Float32Array): void {
    if (this.#bytes + value.byteLength > this.#keptBytes) return;
    const batches = this.#kept.get(name) ?? new Map<string, Float32Array>();
    this.#kept.set(name, batches.set(place, value));
    this.#bytes += value.byteLength;
  }
}

/** The nodes that the values depend on, themselves included, in order. */
export function ancestors(nodes: readonly GraphNode[], values: readonly string[]): readonly GraphNode[] {
  const wanted = new Set(values);
  const kept: GraphNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!wanted.has(node.name)) continue;
    kept.push(node);
    for (const input of node.inputs) wanted.add(input);
  }
  return kept.reverse();
}
