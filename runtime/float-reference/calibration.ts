import { nameRecord } from "../../isa/name-record.ts";
import type { LayerRanges } from "../../isa/program/datapath.ts";
import type { FloatNetwork, NodeObserver, SumObserver } from "./interpreter.ts";
import { LayerSums } from "./layer-sums.ts";
import { type ChannelRanges, MeasuredRange } from "./measured-range.ts";

/**
 * Least and largest of the input, of every node, and of the registers of every layer that sums, over batches of images. Taken in
 * float32 by whichever backend is at hand; the result is stored with the assignment, so that a run repeats whatever measured it.
 */
export class CalibrationTally {
  readonly #network: FloatNetwork;
  readonly #images: number;
  readonly #values = new Map<string, MeasuredRange>();
  readonly #sums = new Map<string, LayerSums>();

  /** `images`: of all batches together. */
  constructor(network: FloatNetwork, images: number) {
    this.#network = network;
    this.#images = images;
  }

  /** `first`: number of the batch's first image. `onProgress` hears of images done. */
  async add(images: Float32Array, first: number, count: number, onProgress?: (done: number) => void): Promise<void> {
    const network = this.#network;
    const { input, nodes, output } = network.graph;
    const shapes = new Map([input, ...nodes].map(({ name, shape }) => [name, shape]));
    const observe: NodeObserver = (name, values) => {
      this.#values.set(name, (this.#values.get(name) ?? new MeasuredRange()).addAll(values));
      return undefined;
    };
    const observeSums: SumObserver = (node, read, sums, batch) => {
      const known = this.#sums.get(node.name);
      const tally = known ?? new LayerSums(node, shapes.get(node.inputs[0] ?? "") ?? [], this.#images);
      tally.add(read, sums, first + batch.first, batch.count);
      this.#sums.set(node.name, tally);
    };
    const part = { given: new Map([[input.name, images]]), nodes, wanted: [output] };
    await network.runPart(part, count, { observe, observeGiven: true, observeSums, onProgress });
  }

  /** Least and greatest whole sum with bias of each filter, by layer. */
  filterSums(): ReadonlyMap<string, ChannelRanges> {
    return new Map(
      [...this.#sums].flatMap(([name, layer]): [string, ChannelRanges][] => {
        const sums = layer.biasedSums();
        return sums === null ? [] : [[name, sums]];
      }),
    );
  }

  ranges(): Record<string, LayerRanges> {
    return nameRecord(
      [...this.#values].map(([name, { min, max }]) => [name, { min, max, ...this.#sums.get(name)?.ranges() }]),
    );
  }
}
