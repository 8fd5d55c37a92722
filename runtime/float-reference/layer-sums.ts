/** Ranges of what stands in the registers of a layer that sums, over images: products, running and whole sums, sums with bias. */
import { imageShape } from "../../compiler/lowering/image-shape.ts";
import type { CalibratedRange, LayerRanges } from "../../isa/program/datapath.ts";
import type { SummingNode } from "./interpreter.ts";
import { ChannelRanges, MeasuredRange } from "./measured-range.ts";
import { convolutionSums, denseSums, featureOrder, poolSums, type SummedLayer } from "./running-sums.ts";

/**
 * Additions followed one by one for a layer, about a tenth of a second. Where all images of the calibration take more,
 * the running sums of evenly spread positions stand for all; whole sums are always measured at every position.
 */
const FOLLOWED_ADDITIONS = 2 ** 25;

export class LayerSums {
  readonly #node: SummingNode;
  readonly #inputShape: readonly [rows: number, columns: number, channels: number];
  readonly #layer: SummedLayer;
  /** Of all positions of all images, numbered in order, each `step`-th is followed. */
  readonly #step: number;
  readonly #running: MeasuredRange = new MeasuredRange().add(0);
  readonly #inputs: ChannelRanges;
  readonly #sums: ChannelRanges;

  /** `images`: how many will be added. */
  constructor(node: SummingNode, inputShape: readonly number[], images: number) {
    this.#node = node;
    this.#inputShape = imageShape(inputShape);
    this.#layer = summedLayer(node, this.#inputShape);
    const { positions, additions } = this.#layer;
    this.#step = stepFor(positions, Math.ceil((positions * images * additions) / FOLLOWED_ADDITIONS));
    const [rows, columns, channels] = this.#inputShape;
    // Every feature of a dense layer meets weights of its own.
    this.#inputs = new ChannelRanges(node.op === "dense" ? rows * columns * channels : channels);
    this.#sums = new ChannelRanges(node.shape.at(-1) ?? 1);
  }

  /** `input`, `sums`: images × shape; `first`: number of the first image. */
  add(input: Float32Array, sums: Float32Array | null, first: number, count: number): void {
    const { positions, follow } = this.#layer;
    const elements = input.length / count;
    for (let image = 0; image < count; image++) {
      const chosen = everyStep((first + image) * positions, positions, this.#step);
      follow(input.subarray(image * elements, (image + 1) * elements), chosen, this.#running);
    }
    if (sums === null) return;
    this.#inputs.addAll(input);
    this.#sums.addAll(sums);
  }

  /** Least and greatest whole sum with bias of each filter; null for a pool. */
  biasedSums(): ChannelRanges | null {
    const node = this.#node;
    if (node.op === "pool") return null;
    const biased = new ChannelRanges(this.#sums.min.length);
    const add = (bound: Float64Array): Float64Array => bound.map((sum, filter) => sum + (node.bias?.data[filter] ?? 0));
    biased.addAll(add(this.#sums.min));
    biased.addAll(add(this.#sums.max));
    return biased;
  }

  ranges(): Omit<LayerRanges, keyof CalibratedRange> {
    const node = this.#node;
    const { min, max } = this.#running;
    if (node.op === "pool") return { runningSum: { min, max } };
    const whole = ({ min: least, max: greatest }: ChannelRanges): MeasuredRange =>
      new MeasuredRange().addAll(least).addAll(greatest);
    const sum = whole(this.#sums);
    const biasedSum = whole(this.biasedSums() ?? this.#sums);
    return {
      product: plain(this.#products(node.kernel.data)),
      runningSum: plain(new MeasuredRange().addAll([min, max, sum.min, sum.max])),
      sum: plain(sum),
      biasedSum: plain(biasedSum),
    };
  }

  /** Every value of a channel is multiplied with every weight of the channel: the extremes of both decide. */
  #products(weights: Float32Array): MeasuredRange {
    const node = this.#node as Exclude<SummingNode, { op: "pool" }>;
    const filters = node.kernel.shape.at(-1) ?? 1;
    const groups = node.op === "dense" ? 1 : node.groups;
    const groupFilters = filters / groups;
    const groupChannels = this.#inputs.min.length / groups;
    const order = node.op === "dense" ? featureOrder(node, this.#inputShape) : (channel: number): number => channel;
    const range = new MeasuredRange();
    for (let row = 0; row * filters < weights.length; row++) {
      for (let group = 0; group < groups; group++) {
        const first = row * filters + group * groupFilters;
        const { min, max } = new MeasuredRange().addAll(weights.subarray(first, first + groupFilters));
        const channel = order(group * groupChannels + (row % groupChannels));
        const [least, greatest] = [this.#inputs.min[channel] as number, this.#inputs.max[channel] as number];
        range.addAll([least * min, least * max, greatest * min, greatest * max]);
      }
    }
    return range;
  }
}

function summedLayer(node: SummingNode, input: readonly [number, number, number]): SummedLayer {
  if (node.op === "pool") return poolSums(node, input);
  return node.op === "dense" ? denseSums(node, input) : convolutionSums(node, input);
}

/** The least step from `least` on that has no divisor in common with the positions, so that none is passed over every time. */
function stepFor(positions: number, least: number): number {
  let step = Math.max(1, least);
  while (commonDivisor(step, positions) > 1) step++;
  return step;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** The positions whose numbers, counted from `start`, are multiples of `step`. */
function* everyStep(start: number, positions: number, step: number): Generator<number, void, void> {
  for (let number = Math.ceil(start / step) * step; number < start + positions; number += step) yield number - start;
}

function plain({ min, max }: CalibratedRange): CalibratedRange {
  return { min, max };
}
