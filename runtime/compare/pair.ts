import { diagnosticError, InvariantError, nearestName } from "../../isa/diagnostic.ts";
import { rawAt } from "../../isa/numerics/raws.ts";
import { elementCount } from "../../isa/program/program.ts";
import type { ElementHistory, RoundingChange } from "../../sim/history/history.ts";
import { classify } from "../metrics/classification.ts";
import type { LayerDifference, PairEntry, PartingEntry, RoundingEntry } from "../results/compare-report.ts";
import { comparableRaws } from "../session/values.ts";
import { LayerCoverage } from "./coverage.ts";
import { historyBesideWords, partingOf } from "./parting.ts";
import { roundingFits } from "./rounding-fit.ts";
import { type ComparedImages, type ComparedLayer, INPUT, type Side, type SideWords, type WordAxes } from "./side.ts";
import { spread, traceable } from "./traced-words.ts";
import {
  differences,
  equalValues,
  firstDifference,
  inOrder,
  sameFormat,
  sameValue,
  type WordPair,
  wordEntry,
} from "./words.ts";

/** A layer of both sides, in one order of words. */
interface MatchedLayer extends WordAxes {
  readonly a: ComparedLayer;
  readonly b: ComparedLayer;
  /** Where the words of a side stand in its own order; null where they stand in this one. */
  readonly placesA: Int32Array | null;
  readonly placesB: Int32Array | null;
  /** Where words in this order stand for a class; null where class i is word i. */
  readonly classes: Int32Array | null;
}

/** Two sides, images coming in; knows the first parting as soon as there is one. */
export class ComparedPair {
  readonly #a: Side;
  readonly #b: Side;
  readonly #matched: readonly MatchedLayer[];
  readonly #output: MatchedLayer | undefined;
  readonly #coverage: ReadonlyMap<MatchedLayer, LayerCoverage>;
  #first: PartingEntry | null = null;
  #outputs = 0;
  #differentOutputs = 0;
  #differentClasses = 0;

  constructor(a: Side, b: Side) {
    this.#a = a;
    this.#b = b;
    this.#matched = matchedLayers(a, b);
    this.#coverage = new Map(this.#matched.map((layer) => [layer, new LayerCoverage(nameOf(layer.a))]));
    this.#output = this.#matched.find((layer) => layer.a.name === a.output || layer.b.name === b.output);
  }

  /** Whether words of every layer are still of use. */
  get searching(): boolean {
    return this.#first === null;
  }

  add(a: SideWords, b: SideWords, { first, count }: ComparedImages): void {
    for (let position = 0; position < count; position++) {
      this.#cover(a, b, position, first + position);
      this.#countOutput(a, b, position);
      if (this.#first === null) this.#first = this.#partingIn(a, b, position, first + position);
    }
  }

  entry(): PairEntry {
    const own = (side: Side): string[] => side.layers.map(({ name }) => name).filter((name) => name !== INPUT);
    const matched = this.#matched.map(({ a }) => a.name);
    const classes = elementCount(this.#output?.shape ?? [0]);
    return {
      a: this.#a.label,
      b: this.#b.label,
      equal: this.#first === null && this.#differentOutputs === 0,
      layers: matched.filter((name) => name !== INPUT),
      onlyInA: own(this.#a).filter((name) => !matched.includes(name)),
      onlyInB: own(this.#b).filter((name) => !matched.includes(name)),
      comparedByValue: this.#matched
        .filter(({ a, b }) => !sameFormat({ formatA: a.format, formatB: b.format }))
        .map(({ a }) => nameOf(a)),
      differentOutputs: this.#outputs === 0 ? null : this.#differentOutputs,
      differentClasses: this.#outputs === 0 || classes < 2 ? null : this.#differentClasses,
      coverage: [...this.#coverage.values()].map((layer) => layer.entry()),
      first: this.#first,
    };
  }

  /** Every layer up to the first image that parts, then the output. */
  #cover(a: SideWords, b: SideWords, position: number, image: number): void {
    for (const layer of this.#matched) {
      if (!this.searching && layer !== this.#output) continue;
      const pair = pairOf(layer, a, b, position);
      if (pair === null) continue;
      const coverage = this.#coverage.get(layer);
      coverage?.compared(pair.a.length);
      if (image === 0) {
        coverage?.trace(pair.a.length, (element) => historyOf(layer, a, b, position, element)?.history ?? null);
      }
    }
  }

  #countOutput(a: SideWords, b: SideWords, position: number): void {
    if (this.#output === undefined) return;
    const { classes } = this.#output;
    const pair = pairOf(this.#output, a, b, position);
    if (pair === null) return;
    this.#outputs++;
    if (firstDifference(pair) === null) return;
    this.#differentOutputs++;
    const classOf = (raws: WordPair["a"], format: WordPair["formatA"]): number | undefined =>
      classify(comparableRaws(inOrder(raws, classes), format), 1, raws.length).top1[0];
    if (classOf(pair.a, pair.formatA) !== classOf(pair.b, pair.formatB)) this.#differentClasses++;
  }

  #partingIn(a: SideWords, b: SideWords, position: number, image: number): PartingEntry | null {
    for (const layer of this.#matched) {
      const pair = pairOf(layer, a, b, position);
      const element = pair === null ? null : firstDifference(pair);
      if (pair === null || element === null) continue;
      const { name } = layer.a;
      const [historyA, historyB] = [
        a.history(name, position, layer.placesA?.[element] ?? element),
        b.history(name, position, layer.placesB?.[element] ?? element),
      ];
      const parting =
        historyA !== null && historyB !== null
          ? partingOf(historyA, historyB)
          : historyA !== null
            ? historyBesideWords(historyA, "a")
            : historyB !== null
              ? historyBesideWords(historyB, "b")
              : WORDS_ALONE;
      const { formatA, formatB } = pair;
      return {
        image,
        layer: nameOf(layer.a),
        axes: layer.axes,
        element: positionOf(element, layer.shape),
        a: wordEntry(rawAt(pair.a, element, formatA), formatA),
        b: wordEntry(rawAt(pair.b, element, formatB), formatB),
        ...(name === INPUT ? { ...parting, register: "input", explanation: HOST_INPUT } : parting),
        rounding: roundingOf(pair, (at, change) => historyOf(layer, a, b, position, at, change)),
        layers: this.#layerDifferences(a, b, position),
      };
    }
    return null;
  }

  #layerDifferences(a: SideWords, b: SideWords, position: number): LayerDifference[] {
    return this.#matched.flatMap((layer) => {
      const pair = pairOf(layer, a, b, position);
      return pair === null ? [] : [{ layer: nameOf(layer.a), elements: pair.a.length, ...differences(pair) }];
    });
  }
}

/** A word of the side that has registers to look into, a before b; with `change` as if one of them rounded in another way. */
interface Traced {
  readonly side: "a" | "b";
  readonly history: ElementHistory;
}

function historyOf(
  { a: { name }, placesA, placesB }: MatchedLayer,
  a: SideWords,
  b: SideWords,
  position: number,
  element: number,
  change?: RoundingChange,
): Traced | null {
  const ofA = a.history(name, position, placesA?.[element] ?? element, change);
  if (ofA !== null) return { side: "a", history: ofA };
  const ofB = b.history(name, position, placesB?.[element] ?? element, change);
  return ofB === null ? null : { side: "b", history: ofB };
}

/** Which other rounding would give the words of the other side. */
function roundingOf(
  pair: WordPair,
  traced: (element: number, change?: RoundingChange) => Traced | null,
): RoundingEntry | null {
  const first = firstDifference(pair);
  const trace = first === null ? null : traced(first);
  if (trace === null) return null;
  const most = traceable(trace.history);
  const all = Array.from({ length: pair.a.length }, (_, element) => element);
  const differing = all.filter((element) => !sameValue(pair, element));
  const agreeing = all.filter((element) => sameValue(pair, element));
  const different = differing.slice(0, most);
  const equal = spread(agreeing.length, most).map((place) => agreeing[place] ?? 0);
  const [others, format] = trace.side === "a" ? [pair.b, pair.formatB] : [pair.a, pair.formatA];
  const fits = roundingFits({
    different,
    equal,
    historyOf: (element, change) => {
      const found = traced(element, change);
      if (found === null) throw new InvariantError(`word ${element} has no history, another of its layer has`);
      return found.history;
    },
    agrees: (element, word) =>
      equalValues(word.raw, word.format.fractionLength, rawAt(others, element, format), format.fractionLength),
  });
  return { side: trace.side, different: differing.length, tried: different.length, triedEqual: equal.length, fits };
}

const HOST_INPUT = "the image itself is quantized differently, on the host";

const WORDS_ALONE = {
  step: null,
  register: "output",
  reason: "words",
  explanation: "neither side has registers to look into",
  history: [],
} as const;

function nameOf({ name }: ComparedLayer): string | null {
  return name === INPUT ? null : name;
}

/** Coordinates of an element in row-major order. */
function positionOf(element: number, shape: readonly number[]): number[] {
  const position: number[] = [];
  let rest = element;
  for (const side of shape.toReversed()) {
    position.unshift(rest % side);
    rest = Math.floor(rest / side);
  }
  return position;
}

function pairOf(layer: MatchedLayer, a: SideWords, b: SideWords, position: number): WordPair | null {
  const { placesA, placesB } = layer;
  const [wordsA, wordsB] = [a.words(layer.a.name, position), b.words(layer.b.name, position)];
  if (wordsA === null || wordsB === null) return null;
  return {
    a: inOrder(wordsA, placesA),
    b: inOrder(wordsB, placesB),
    formatA: layer.a.format,
    formatB: layer.b.format,
  };
}

/** Layers of one name, in the first side's order. A shape that differs, or no layer in common, is a diagnostic. */
function matchedLayers(a: Side, b: Side): MatchedLayer[] {
  const others = new Map(b.layers.map((layer) => [layer.name, layer]));
  const where = `${a.label}, ${b.label}`;
  const matched = a.layers.flatMap((layer) => {
    const other = others.get(layer.name);
    return other === undefined ? [] : [matchedLayer(layer, other, where)];
  });
  if (!matched.some((layer) => layer.a.name !== INPUT)) {
    const [name = ""] = b.layers.map((layer) => layer.name).filter((each) => each !== INPUT);
    const nearest = nearestName(
      name,
      a.layers.map((layer) => layer.name).filter((each) => each !== INPUT),
    );
    const hint = nearest === undefined ? "compare computations of one network" : `"${name}" may mean "${nearest}"`;
    throw diagnosticError("COMPARE", where, "no layer has the same name on both sides", hint);
  }
  return matched;
}

/** In the order of words that both have, or into which one can be brought. */
function matchedLayer(a: ComparedLayer, b: ComparedLayer, where: string): MatchedLayer {
  const [ownA, ownB] = [a.modelOrder, b.modelOrder];
  const alike = { a, b, placesA: null, placesB: null };
  if (sameAxes(a, b)) return { ...alike, axes: a.axes, shape: a.shape, classes: (ownA ?? ownB)?.places ?? null };
  if (ownA !== undefined && sameAxes(ownA, b)) {
    return { ...alike, axes: b.axes, shape: b.shape, placesA: ownA.places, classes: null };
  }
  if (ownB !== undefined && sameAxes(a, ownB)) {
    return { ...alike, axes: a.axes, shape: a.shape, placesB: ownB.places, classes: null };
  }
  const text = ({ axes, shape }: WordAxes): string => `${shape.join(" × ")} (${axes.join(", ")})`;
  const what = `${a.name === INPUT ? "the input" : `layer "${a.name}"`} is ${text(a)} here and ${text(b)} there`;
  throw diagnosticError("COMPARE", where, what, "compare computations of one network, words in one order");
}

/** Whether words of both stand in one order: sides of one word more or less move nothing in a single line. */
function sameAxes(a: WordAxes, b: WordAxes): boolean {
  const equal = (left: readonly unknown[], right: readonly unknown[]): boolean =>
    left.length === right.length && left.every((each, index) => each === right[index]);
  if (equal(a.axes, b.axes) && equal(a.shape, b.shape)) return true;
  const lines = [a.shape, b.shape].map((shape) => shape.filter((side) => side !== 1));
  return lines.every(({ length }) => length <= 1) && elementCount(a.shape) === elementCount(b.shape);
}
