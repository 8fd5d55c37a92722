import { diagnosticError, nearestName } from "../../isa/diagnostic.ts";
import { rawAt } from "../../isa/raws.ts";
import { classify } from "../metrics/classification.ts";
import type { LayerDifference, PairEntry, PartingEntry } from "../report/compare-report.ts";
import { comparableRaws } from "../session/values.ts";
import { historyBesideWords, partingOf } from "./parting.ts";
import { type ComparedImages, type ComparedLayer, INPUT, type Side, type SideWords } from "./side.ts";
import { differences, firstDifference, sameFormat, type WordPair, wordEntry } from "./words.ts";

interface MatchedLayer {
  readonly a: ComparedLayer;
  readonly b: ComparedLayer;
}

/** Two sides, images coming in; knows the first parting as soon as there is one. */
export class ComparedPair {
  readonly #a: Side;
  readonly #b: Side;
  readonly #matched: readonly MatchedLayer[];
  readonly #output: MatchedLayer | undefined;
  #first: PartingEntry | null = null;
  #outputs = 0;
  #differentOutputs = 0;
  #differentClasses = 0;

  constructor(a: Side, b: Side) {
    this.#a = a;
    this.#b = b;
    this.#matched = matchedLayers(a, b);
    this.#output = this.#matched.find((layer) => layer.a.name === a.output || layer.b.name === b.output);
  }

  /** Whether words of every layer are still of use. */
  get searching(): boolean {
    return this.#first === null;
  }

  add(a: SideWords, b: SideWords, { first, count }: ComparedImages): void {
    for (let position = 0; position < count; position++) {
      this.#countOutput(a, b, position);
      if (this.#first === null) this.#first = this.#partingIn(a, b, position, first + position);
    }
  }

  entry(): PairEntry {
    const own = (side: Side): string[] => side.layers.map(({ name }) => name).filter((name) => name !== INPUT);
    const matched = this.#matched.map(({ a }) => a.name);
    const classes = this.#output === undefined ? 0 : this.#output.a.shape.reduce((product, each) => product * each, 1);
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
      first: this.#first,
    };
  }

  #countOutput(a: SideWords, b: SideWords, position: number): void {
    if (this.#output === undefined) return;
    const pair = pairOf(this.#output, a, b, position);
    if (pair === null) return;
    this.#outputs++;
    if (firstDifference(pair) === null) return;
    this.#differentOutputs++;
    const classOf = (raws: WordPair["a"], format: WordPair["formatA"]): number | undefined =>
      classify(comparableRaws(raws, format), 1, raws.length).top1[0];
    if (classOf(pair.a, pair.formatA) !== classOf(pair.b, pair.formatB)) this.#differentClasses++;
  }

  #partingIn(a: SideWords, b: SideWords, position: number, image: number): PartingEntry | null {
    for (const layer of this.#matched) {
      const pair = pairOf(layer, a, b, position);
      const element = pair === null ? null : firstDifference(pair);
      if (pair === null || element === null) continue;
      const { name } = layer.a;
      const [historyA, historyB] = [a.history(name, position, element), b.history(name, position, element)];
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
        element: positionOf(element, layer.a.shape),
        a: wordEntry(rawAt(pair.a, element, formatA), formatA),
        b: wordEntry(rawAt(pair.b, element, formatB), formatB),
        ...(name === INPUT ? { ...parting, register: "input", explanation: HOST_INPUT } : parting),
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

function positionOf(element: number, [, columns, channels]: readonly [number, number, number]): number[] {
  return [Math.floor(element / (columns * channels)), Math.floor(element / channels) % columns, element % channels];
}

function pairOf({ a: layerA, b: layerB }: MatchedLayer, a: SideWords, b: SideWords, position: number): WordPair | null {
  const [wordsA, wordsB] = [a.words(layerA.name, position), b.words(layerB.name, position)];
  if (wordsA === null || wordsB === null) return null;
  return { a: wordsA, b: wordsB, formatA: layerA.format, formatB: layerB.format };
}

/** Layers of one name, in the first side's order. A shape that differs, or no layer in common, is a diagnostic. */
function matchedLayers(a: Side, b: Side): MatchedLayer[] {
  const others = new Map(b.layers.map((layer) => [layer.name, layer]));
  const matched = a.layers.flatMap((layer) => {
    const other = others.get(layer.name);
    return other === undefined ? [] : [{ a: layer, b: other }];
  });
  const where = `${a.label}, ${b.label}`;
  if (!matched.some((layer) => layer.a.name !== INPUT)) {
    const [name = ""] = b.layers.map((layer) => layer.name).filter((each) => each !== INPUT);
    const nearest = nearestName(
      name,
      a.layers.map((layer) => layer.name).filter((each) => each !== INPUT),
    );
    const hint = nearest === undefined ? "compare computations of one network" : `"${name}" may mean "${nearest}"`;
    throw diagnosticError("COMPARE", where, "no layer has the same name on both sides", hint);
  }
  for (const layer of matched) {
    const [shapeA, shapeB] = [layer.a.shape.join(" × "), layer.b.shape.join(" × ")];
    if (shapeA === shapeB) continue;
    const what = `${layer.a.name === INPUT ? "the input" : `layer "${layer.a.name}"`} is ${shapeA} here and ${shapeB} there`;
    throw diagnosticError("COMPARE", where, what, "compare computations of one network");
  }
  return matched;
}
