/**
 * The rule by which output channels are equalized. A channel may grow as far as nothing of its layer's ranges grows: outputs, sums and,
 * where one binary point serves all filters, weights. Up to there it gets the exponent with which the layers that read it see the least
 * rounding error: that of the words they read, Σ w² · s_x², falls by 4^e, that of their weights, Σ x² · s_w², grows by 4^e, s_w the step
 * of the filter's largest scaled weight. Bounds of x stand for x; steps are last bits of the registers.
 */

import { InvariantError } from "../../isa/diagnostic.ts";
import { nameRecord } from "../../isa/name-record.ts";
import type { CalibratedRange } from "../../isa/program/datapath.ts";
import type { Graph, GraphNode } from "../graph/graph.ts";
import { automaticFormat, isAutomatic, parseWrittenFormat } from "../quantization/automatic-format.ts";
import { layerFacts } from "../quantization/layer-facts.ts";
import { layerEntries } from "../quantization/resolve-assignment.ts";
import type { AssignmentSpecification, LayerEntry, RegisterEntry } from "../quantization/specification.ts";
import { type ChannelRoute, channelRoutes, type MatrixNode, weightChannels } from "./channel-routes.ts";
import { type ChannelExponents, equalizeChannels } from "./equalize-channels.ts";

/** Least and greatest whole sum with bias of each filter, before the activation. */
export interface FilterSums {
  readonly min: Float64Array;
  readonly max: Float64Array;
}

export interface ExponentRequest {
  readonly specification: AssignmentSpecification;
  /** Calibrated ranges of values, by name; of those that are missing nothing is known. */
  readonly ranges: Readonly<Record<string, CalibratedRange>>;
  /** By name of the layer. */
  readonly sums: ReadonlyMap<string, FilterSums>;
  /** `starved`: channels of automatic output formats that would have no word beyond −1, 0 and 1. `all`: every one that gains. */
  readonly which: "starved" | "all";
  readonly where: string;
}

/** Words of a starved channel round to 1 at most. */
const STARVED_STEPS = 1.5;

/** Starved channels that weigh little stay: scaling them must halve the squared error of a filter behind. */
const NOTABLE_SHARE = 1 / 2;

/** Rounds over a layer's channels; each lessens the error or is the last. */
const MOST_ROUNDS = 8;

/** Weights are no smaller than float32's least normal number, or the product would not be exact. */
const LEAST_WEIGHT_EXPONENT = -126;

/** Exponents of every layer that has one other than 0. `graph` is ready for lowering. */
export function chosenExponents(graph: Graph, request: ExponentRequest): ChannelExponents {
  const chosen = nameRecord<readonly number[]>();
  const names = layerFacts(graph).map(({ name }) => name);
  const entries = layerEntries(request.specification, names, request.where);
  let current = graph;
  for (const route of channelRoutes(graph)) {
    const exponents = new RouteErrors(current, route, entries, request).exponents();
    if (exponents === null) continue;
    chosen[route.layer] = exponents;
    current = equalizeChannels(current, { [route.layer]: exponents });
  }
  return chosen;
}

/** The weights with which one layer reads the route's channels; matrices are channels × filters. */
interface Reader {
  /** Σ w² of each channel and filter. */
  readonly energy: Float64Array;
  /** Largest |w| of each. */
  readonly largest: Float64Array;
  /** Of each filter: largest |w| of all other channels. */
  readonly others: Float64Array;
  readonly filters: number;
  /** Terms of a channel in a sum. */
  readonly taps: number;
  /** Last bit of the weights where the largest of them is this. */
  readonly step: (largest: number) => number;
  /** Whether each filter has a binary point of its own. */
  readonly ownPoints: boolean;
}

class RouteErrors {
  readonly #graph: Graph;
  readonly #nodes: ReadonlyMap<string, GraphNode>;
  readonly #route: ChannelRoute;
  readonly #entries: ReadonlyMap<string, LayerEntry>;
  readonly #request: ExponentRequest;

  constructor(graph: Graph, route: ChannelRoute, entries: ReadonlyMap<string, LayerEntry>, request: ExponentRequest) {
    this.#graph = graph;
    this.#nodes = new Map(graph.nodes.map((node) => [node.name, node]));
    this.#route = route;
    this.#entries = entries;
    this.#request = request;
  }

  /** Null where all would be 0. */
  exponents(): number[] | null {
    const { layer, ends } = this.#route;
    const sums = this.#request.sums.get(layer);
    const step = this.#outputStep();
    const isPlain = [layer, ...ends.map((end) => end.layer)].every((name) => weightStep(this.#entry(name)) !== null);
    if (sums === undefined || step === null || !isPlain) return null;
    const node = this.#matrix(layer);
    const reach = sums.max.map((max, channel) =>
      node.activation === "relu" ? Math.max(0, max) : Math.max(max, -(sums.min[channel] as number)),
    );
    const { size, automatic } = step;
    const isAsked = (value: number): boolean =>
      value > 0 && (this.#request.which === "all" || (automatic && value < STARVED_STEPS * size));
    if (!reach.some(isAsked)) return null;
    const most = this.#mostExponents(node, reach, sums).map((exponent, channel) =>
      isAsked(reach[channel] as number) ? exponent : 0,
    );
    if (most.every((exponent) => exponent <= 0)) return null;
    const readers = ends.map((end) => this.#reader(end));
    const { exponents, share } = leastErrors(readers, reach, most, size);
    if (this.#request.which === "starved" && share > NOTABLE_SHARE) return null;
    return exponents.some((exponent) => exponent !== 0) ? exponents : null;
  }

  /** The coarsest last bit that the channels meet on their way, and whether that format is automatic; null where none is known. */
  #outputStep(): { readonly size: number; readonly automatic: boolean } | null {
    const own = this.#registerStep(this.#route.layer);
    if (own === null) return null;
    const { through } = this.#route;
    const steps = through.filter((name) => this.#entries.has(name)).map((name) => this.#registerStep(name));
    return steps.reduce<typeof own>(
      (coarsest, step) => (step !== null && step.size > coarsest.size ? step : coarsest),
      own,
    );
  }

  #registerStep(name: string): { readonly size: number; readonly automatic: boolean } | null {
    const { output, format, datapath, marginBits = 0 } = this.#entry(name);
    const node = this.#nodes.get(name);
    const text = textOf(output) ?? format;
    const quantizer = typeof output === "object" && output.quantizer !== undefined;
    // A maximum pool keeps the words that it reads.
    const keeps = node?.op === "pool" && node.kind === "maximum";
    if (text === undefined || quantizer || keeps || datapath === "float") return null;
    const written = parseWrittenFormat(text, this.#request.where);
    if (!isAutomatic(written)) return { size: 2 ** -written.fractionLength, automatic: false };
    const range = Object.hasOwn(this.#request.ranges, name) ? this.#request.ranges[name] : undefined;
    if (range === undefined) return null;
    const { fractionLength } = automaticFormat(written, range, marginBits, this.#request.where);
    return { size: 2 ** -fractionLength, automatic: true };
  }

  /** The largest exponents that leave every range of the layer as it is, and the weights behind it exact. */
  #mostExponents(node: MatrixNode, reach: Float64Array, { min, max }: FilterSums): number[] {
    const bounds = [reach, max.map((value, filter) => Math.max(value, -(min[filter] as number)))];
    if (!hasOwnPoints(this.#entry(node.name))) bounds.push(largestByFilter(node));
    const tops = bounds.map((bound) => bound.reduce((a, b) => Math.max(a, b), 0));
    const sumsTop = tops[1] as number;
    const least = this.#leastWeights();
    return Array.from(reach, (value, channel) => {
      if (value === 0) return 0;
      const rooms = bounds.map((bound, index) => (tops[index] as number) / (bound[channel] as number));
      const bias = Math.abs(node.bias?.data[channel] ?? 0);
      const room = Math.min(
        ...rooms.filter((ratio) => !Number.isNaN(ratio)),
        bias === 0 ? Number.POSITIVE_INFINITY : sumsTop / bias,
      );
      const exact = Math.floor(Math.log2(least[channel] as number)) - LEAST_WEIGHT_EXPONENT;
      return Math.max(0, Math.min(Math.floor(Math.log2(room)), exact));
    });
  }

  /** Of each channel: the least weight other than 0 that reads it. */
  #leastWeights(): Float64Array {
    const { ends, channels } = this.#route;
    const least = new Float64Array(channels).fill(Number.MAX_VALUE);
    for (const end of ends) {
      this.#eachWeight(end, (weight, channel) => {
        if (weight > 0 && weight < (least[channel] ?? 0)) least[channel] = weight;
      });
    }
    return least;
  }

  /** |w|, the channel of the route that it reads (outside 0 … channels − 1 for others), and its filter. */
  #eachWeight(
    { layer, offset, channels }: ChannelRoute["ends"][number],
    visit: (weight: number, channel: number, filter: number) => void,
  ): void {
    const node = this.#matrix(layer);
    const [value = ""] = node.inputs;
    const { input } = this.#graph;
    const shape = value === input.name ? input.shape : (this.#nodes.get(value)?.shape ?? []);
    const channelOf = weightChannels(node, shape, channels);
    const filters = node.kernel.shape.at(-1) ?? 1;
    node.kernel.data.forEach((weight, index) => {
      visit(Math.abs(weight), channelOf(index) - offset, index % filters);
    });
  }

  #reader(end: ChannelRoute["ends"][number]): Reader {
    const { channels } = this.#route;
    const node = this.#matrix(end.layer);
    const entry = this.#entry(end.layer);
    const filters = node.kernel.shape.at(-1) ?? 1;
    const [energy, largest] = [new Float64Array(channels * filters), new Float64Array(channels * filters)];
    const others = new Float64Array(filters);
    this.#eachWeight(end, (weight, channel, filter) => {
      if (channel < 0 || channel >= channels) {
        others[filter] = Math.max(others[filter] as number, weight);
        return;
      }
      const place = channel * filters + filter;
      energy[place] = (energy[place] as number) + weight ** 2;
      largest[place] = Math.max(largest[place] as number, weight);
    });
    const step = weightStep(entry);
    if (step === null) throw new InvariantError(`layer "${end.layer}": weights of no format were to be equalized`);
    const groupChannels = node.op === "dense" ? end.channels : end.channels / node.groups;
    const taps = node.kernel.data.length / filters / groupChannels;
    return { energy, largest, others, filters, taps, step, ownPoints: hasOwnPoints(entry) };
  }

  #matrix(name: string): MatrixNode {
    return this.#nodes.get(name) as MatrixNode;
  }

  #entry(name: string): LayerEntry {
    return this.#entries.get(name) ?? {};
  }
}

/** Channel after channel takes the exponent, 0 … most, of the least squared error of all that read it, until none changes. */
function leastErrors(
  readers: readonly Reader[],
  reach: Float64Array,
  most: readonly number[],
  step: number,
): {
  readonly exponents: number[];
  /** What is left of the squared error of the filter behind that gains most. */
  readonly share: number;
} {
  const exponents = Array.from(reach, () => 0);
  const states = readers.map((reader) => new ReaderState(reader, reach));
  const before = states.map((state) => state.errors(step));
  for (let round = 0, changes = true; changes && round < MOST_ROUNDS; round++) {
    changes = false;
    for (const [channel, limit] of most.entries()) {
      if (limit <= 0) continue;
      const seen = states.map((state) => state.errorsOf(channel, exponents[channel] as number, step));
      const errors = Array.from({ length: limit + 1 }, (_, exponent) =>
        seen.reduce((sum, errorAt) => sum + errorAt(exponent), 0),
      );
      const best = errors.reduce((least, error, exponent) => (error < (errors[least] as number) ? exponent : least), 0);
      if (best === exponents[channel]) continue;
      for (const state of states) state.set(channel, exponents[channel] as number, best);
      exponents[channel] = best;
      changes = true;
    }
  }
  const shares = states.flatMap((state, reader) =>
    Array.from(state.errors(step), (error, filter) => error / (before[reader]?.[filter] as number)),
  );
  return { exponents, share: shares.reduce((least, each) => (each < least ? each : least), 1) };
}

/** Sums over the channels of one reader as the exponents change. */
class ReaderState {
  readonly #reader: Reader;
  readonly #reach: Float64Array;
  readonly #exponents: Float64Array;
  /** Σ x² of the channels that each filter reads. */
  readonly #inputs: Float64Array;
  /** Of each filter the two largest scaled weights, and the channel of the first. */
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  readonly #place: Int32Array;

  constructor(reader: Reader, reach: Float64Array) {
    this.#reader = reader;
    this.#reach = reach;
    this.#exponents = new Float64Array(reach.length);
    this.#inputs = new Float64Array(reader.filters);
    this.#first = new Float64Array(reader.filters);
    this.#second = new Float64Array(reader.filters);
    this.#place = new Int32Array(reader.filters);
    for (let filter = 0; filter < reader.filters; filter++) {
      for (let channel = 0; channel < reach.length; channel++) {
        if (this.#weight(channel, filter) > 0) this.#add(filter, this.#inputOf(channel, 0));
      }
      this.#rank(filter);
    }
  }

  /** Squared error of each filter's sum. */
  errors(step: number): Float64Array {
    const { filters, energy, ownPoints, step: stepOf } = this.#reader;
    const top = this.#first.reduce((a, b) => Math.max(a, b), 0);
    const errors = this.#inputs.map(
      (inputs, filter) => inputs * stepOf(ownPoints ? (this.#first[filter] as number) : top) ** 2,
    );
    energy.forEach((value, place) => {
      const filter = place % filters;
      const exponent = this.#exponents[Math.floor(place / filters)] as number;
      errors[filter] = (errors[filter] as number) + value * (step * 2 ** -exponent) ** 2;
    });
    return errors;
  }

  /** Squared error as a function of the channel's exponent, which is `now`: the part that depends on it. */
  errorsOf(channel: number, now: number, step: number): (exponent: number) => number {
    const { filters, energy, largest, ownPoints, step: stepOf } = this.#reader;
    const read: number[] = [];
    const beside = new Float64Array(filters);
    for (let filter = 0; filter < filters; filter++) {
      const isFirst = this.#place[filter] === channel;
      beside[filter] = (isFirst ? this.#second[filter] : this.#first[filter]) as number;
      if (this.#weight(channel, filter) > 0) read.push(filter);
    }
    // One binary point for all filters: the channel's weights move the steps of those that do not read it, too.
    const counted = ownPoints ? read : Array.from({ length: filters }, (_, filter) => filter);
    const top = beside.reduce((a, b) => Math.max(a, b), 0);
    const own = read.reduce((a, filter) => Math.max(a, largest[channel * filters + filter] as number), 0);
    return (exponent) => {
      const scale = 2 ** -exponent;
      const common = ownPoints ? 0 : stepOf(Math.max(top, own * scale));
      let error = 0;
      for (const filter of counted) {
        const place = channel * filters + filter;
        const weight = largest[place] as number;
        const size = ownPoints ? stepOf(Math.max(beside[filter] as number, weight * scale)) : common;
        const grown = weight > 0 ? this.#inputOf(channel, exponent) - this.#inputOf(channel, now) : 0;
        error +=
          (energy[place] as number) * (scale * step) ** 2 + ((this.#inputs[filter] as number) + grown) * size ** 2;
      }
      return error;
    };
  }

  set(channel: number, before: number, exponent: number): void {
    this.#exponents[channel] = exponent;
    for (let filter = 0; filter < this.#reader.filters; filter++) {
      const weight = this.#weight(channel, filter);
      if (weight === 0) continue;
      this.#add(filter, this.#inputOf(channel, exponent) - this.#inputOf(channel, before));
      const largest = Math.max(weight, weight * 2 ** (exponent - before));
      if (this.#place[filter] === channel || largest >= (this.#second[filter] as number)) this.#rank(filter);
    }
  }

  #add(filter: number, amount: number): void {
    this.#inputs[filter] = (this.#inputs[filter] as number) + amount;
  }

  #inputOf(channel: number, exponent: number): number {
    return this.#reader.taps * ((this.#reach[channel] as number) * 2 ** exponent) ** 2;
  }

  /** Scaled by the exponents so far. */
  #weight(channel: number, filter: number): number {
    const { largest, filters } = this.#reader;
    return (largest[channel * filters + filter] as number) * 2 ** -(this.#exponents[channel] as number);
  }

  #rank(filter: number): void {
    let [first, second, place] = [this.#reader.others[filter] as number, 0, -1];
    for (let channel = 0; channel < this.#reach.length; channel++) {
      const weight = this.#weight(channel, filter);
      if (weight > first) [first, second, place] = [weight, first, channel];
      else if (weight > second) second = weight;
    }
    this.#first[filter] = first;
    this.#second[filter] = second;
    this.#place[filter] = place;
  }
}

function largestByFilter({ kernel }: MatrixNode): Float64Array {
  const filters = kernel.shape.at(-1) ?? 1;
  const largest = new Float64Array(filters);
  kernel.data.forEach((weight, index) => {
    const filter = index % filters;
    largest[filter] = Math.max(largest[filter] as number, Math.abs(weight));
  });
  return largest;
}

/** Last bit of weights as a function of the largest of them; null where no format decides it. */
function weightStep({ weight, format, datapath, marginBits = 0 }: LayerEntry): ((largest: number) => number) | null {
  const quantizer = typeof weight === "object" && weight.quantizer !== undefined;
  // In float weights lose nothing.
  if ((datapath === "float" || datapath === "extrinsic") && !quantizer) return () => 0;
  const text = textOf(weight) ?? format;
  if (quantizer || text === undefined) return null;
  const written = parseWrittenFormat(text, "weight");
  if (!isAutomatic(written)) return () => 2 ** -written.fractionLength;
  const bits = written.wordLength - (written.signed ? 1 : 0) - marginBits;
  return (largest) => (largest === 0 ? 0 : 2 ** (Math.floor(Math.log2(largest)) + 1 - bits));
}

/** Whether automatic formats give the filters binary points of their own where that helps. */
function hasOwnPoints({ weight, format, datapath }: LayerEntry): boolean {
  const perFilter = typeof weight === "object" ? weight.perFilter : undefined;
  const isWide = (datapath ?? "").startsWith("wide") && /auto$/.test(textOf(weight) ?? format ?? "");
  return perFilter === undefined ? isWide : perFilter !== false;
}

function textOf(entry: RegisterEntry | undefined): string | undefined {
  return typeof entry === "string" ? entry : entry?.format;
}
