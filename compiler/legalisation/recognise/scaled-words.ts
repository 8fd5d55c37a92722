/**
 * Quantized networks with any scale and zero point, in words: every quantized tensor is in the network as the integers q − zero
 * point, and every operation between dequantizers and a quantizer is one on those words that ends in one rounding,
 * y = clip(round((a · M + B) · 2^−shift)). M is the file's float32 multiplier scale · scale / scale, an integer of 24 bits times a power
 * of two, so that nothing of it is lost.
 *
 * What no quantizer follows (a last layer's sums) becomes words on a grid fine enough for it. Operators that have no form on words
 * read real values, and what they compute is quantized.
 */
import type { InputWords, WordUnit } from "../../graph/graph.ts";
import { elementCount } from "../../graph/shape.ts";
import { roundHalfEven } from "../../tensor-graph/arithmetic/round-number.ts";
import type { KnownTensor } from "../../tensor-graph/evaluation/propagate.ts";
import { flagAttribute, floatAttribute, integersAttribute } from "../../tensor-graph/node-access.ts";
import { QONNX_DOMAINS } from "../../tensor-graph/operators/qonnx.ts";
import { numbersOf } from "../../tensor-graph/tensor.ts";
import type { AnyTensor, AttributeValue, TensorGraph, TensorNode } from "../../tensor-graph/tensor-graph.ts";
import { WORDS_DOMAIN } from "../own-domains.ts";
import { type ConstantWords, constantWords } from "./constant-words.ts";
import { isQuant, isRegisterGrid, linearGrid, type QuantizedGrid, quantGrid, single } from "./quantized-grid.ts";
import { type Offset, requantizationSettings } from "./requantization-settings.ts";

export interface WordsGraph {
  readonly graph: TensorGraph;
  readonly constants: ReadonlyMap<string, AnyTensor>;
  readonly known: ReadonlyMap<string, KnownTensor>;
  /** By value name. */
  readonly units: ReadonlyMap<string, WordUnit>;
  /** Where the network's input is words that the host makes. */
  readonly input: InputWords | undefined;
}

/** Words of a value: its name, unit and range. */
interface Words extends WordUnit {
  readonly name: string;
  readonly lowest: number;
  readonly highest: number;
}

/** Real bounds behind an operation. */
interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** An operation on words whose result has no grid yet. */
type Pending = Bounds &
  (
    | { readonly kind: "same"; readonly words: Words }
    | { readonly kind: "sum"; readonly a: Words; readonly b: Words; readonly sign: 1 | -1 }
    | { readonly kind: "mean"; readonly node: TensorNode; readonly words: Words; readonly count: number }
    | { readonly kind: "join"; readonly node: TensorNode; readonly parts: readonly Words[] }
    | Matrix
  );

interface Matrix extends Bounds {
  readonly kind: "matrix";
  readonly node: TensorNode;
  readonly words: Words;
  /** Name of the whole weights. */
  readonly weights: string;
  /** Value of one in a sum, per filter. */
  readonly factors: readonly number[];
  /** Scale of the weights alone. */
  readonly scales: readonly number[];
  readonly offsets: readonly Offset[];
  /** Largest magnitude of a sum's value. */
  readonly reach: number;
}

const UNBOUNDED: Bounds = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

/** Bits of words on a grid of their own choice. */
const FINE_BITS = 30;

/** Move words or choose among them, by their first input. */
const MOVING: ReadonlySet<string> = new Set([
  "MaxPool",
  "GlobalMaxPool",
  "ReduceMax",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Transpose",
  "Slice",
  "Split",
  "Gather",
  "Identity",
  "Dropout",
  "DepthToSpace",
  "SpaceToDepth",
  "Expand",
]);

/** The network in words; undefined where registers of fixed-point formats hold all that its quantizers make. */
export function scaledWords(
  graph: TensorGraph,
  constants: ReadonlyMap<string, AnyTensor>,
  known: ReadonlyMap<string, KnownTensor>,
  where: string,
): WordsGraph | undefined {
  const grids = graph.nodes.flatMap((node) => {
    if (node.outputs.every((name) => constants.has(name))) return [];
    const grid = quantizerGrid(node, constants, known);
    return grid === undefined ? [] : [grid];
  });
  const whole = constantWords(graph, constants, where);
  const odd = [...whole.values()].some(({ scales }) => !isOnePower(scales));
  if (grids.length === 0 || (grids.every(isRegisterGrid) && !odd)) return undefined;
  return new ScaledWords(graph, constants, known, whole).run();
}

function quantizerGrid(
  node: TensorNode,
  constants: ReadonlyMap<string, AnyTensor>,
  known: ReadonlyMap<string, KnownTensor>,
): QuantizedGrid | undefined {
  const constant = (name = ""): AnyTensor | undefined => constants.get(name);
  if (isQuant(node)) return quantGrid(node, constant);
  if (node.domain !== "") return undefined;
  if (node.operator === "QuantizeLinear") {
    return linearGrid(node, known.get(node.outputs[0] ?? "")?.type ?? "uint8", constant);
  }
  return undefined;
}

function isOnePower(scales: Float64Array): boolean {
  const [first = 1] = scales;
  return scales.every((scale) => scale === first) && first > 0 && 2 ** Math.round(Math.log2(first)) === first;
}

class ScaledWords {
  readonly #graph: TensorGraph;
  readonly #constants: Map<string, AnyTensor>;
  readonly #known: Map<string, KnownTensor>;
  readonly #whole: ReadonlyMap<string, ConstantWords>;
  readonly #nodes: TensorNode[] = [];
  readonly #uses: Map<string, number> = new Map<string, number>();
  readonly #words: Map<string, Words> = new Map<string, Words>();
  readonly #pending: Map<string, Pending> = new Map<string, Pending>();
  readonly #units: Map<string, WordUnit> = new Map<string, WordUnit>();
  readonly #real: Map<string, string> = new Map<string, string>();
  #input: InputWords | undefined;

  constructor(
    graph: TensorGraph,
    constants: ReadonlyMap<string, AnyTensor>,
    known: ReadonlyMap<string, KnownTensor>,
    whole: ReadonlyMap<string, ConstantWords>,
  ) {
    this.#graph = graph;
    this.#constants = new Map(constants);
    this.#known = new Map(known);
    this.#whole = whole;
    for (const { inputs } of graph.nodes) for (const name of inputs) this.#count(name);
    for (const name of graph.outputs) this.#count(name);
  }

  #count(name: string): void {
    this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
  }

  run(): WordsGraph {
    for (const node of this.#graph.nodes) {
      if (node.outputs.every((name) => name === "" || this.#constants.has(name)) || !this.#take(node))
        this.#asItIs(node);
    }
    const outputs = this.#graph.outputs.map((name) => (this.#isReal(name) ? name : this.#written(name)));
    return {
      graph: { ...this.#graph, nodes: this.#nodes, outputs },
      constants: this.#constants,
      known: this.#known,
      units: this.#units,
      input: this.#input,
    };
  }

  /** Words that a layer writes: what only the host has made is copied. */
  #written(value: string): string {
    const words = this.#wordsOf(value);
    const producer = (name: string): TensorNode | undefined =>
      this.#nodes.find(({ outputs }) => outputs.includes(name));
    let made = producer(words.name);
    while (made?.operator === "Identity") made = producer(made.inputs[0] ?? "");
    if (made?.operator !== "Input") return words.name;
    const name = `${value}/copy`;
    const node = { ...made, name };
    const range = { lowest: words.lowest, highest: words.highest, rounding: "nearest-even" as const };
    this.#requantize(node, [words.name], name, { multipliers: [1], offsets: [0], shift: 0 }, range);
    this.#known.set(name, { type: "int32", shape: this.#known.get(value)?.shape ?? [], constant: undefined });
    this.#units.set(name, { scale: words.scale, zeroPoint: words.zeroPoint });
    return name;
  }

  /** Whether the node has become one on words. */
  #take(node: TensorNode): boolean {
    const [x = ""] = node.inputs;
    const [y = ""] = node.outputs;
    const grid = quantizerGrid(node, this.#constants, this.#known);
    if (grid !== undefined) return this.#quantize(node, x, y, grid);
    if (isSign(node, this.#constants)) return this.#sign(node, x, y);
    if (node.domain !== "") return false;
    switch (node.operator) {
      case "DequantizeLinear":
        return this.#dequantize(node, x, y);
      case "Conv":
      case "Gemm":
      case "MatMul":
        return this.#matrix(node, y);
      case "Relu":
      case "Clip":
        return this.#bounded(node, x, y);
      case "Add":
      case "Sub":
        return this.#sum(node, y);
      case "AveragePool":
      case "GlobalAveragePool":
      case "ReduceMean":
        return this.#mean(node, x, y);
      case "Concat":
        return this.#join(node, y);
      default:
        return MOVING.has(node.operator) && this.#move(node, x);
    }
  }

  #asItIs(node: TensorNode): void {
    const inputs = node.inputs.map((name) => (this.#isReal(name) ? name : this.#realOf(name)));
    this.#nodes.push({ ...node, inputs });
  }

  #isReal(name: string): boolean {
    return !this.#words.has(name) && !this.#pending.has(name);
  }

  #quantize(node: TensorNode, x: string, y: string, written: QuantizedGrid): boolean {
    const grid = this.#narrowed(y, written);
    const words: Words = { name: y, ...grid };
    if (!this.#isReal(x)) {
      const pending = this.#pending.get(x) ?? { kind: "same" as const, words: this.#wordsOf(x), ...UNBOUNDED };
      this.#settle(pending, grid, y, node);
    } else if (this.#isHostInput(x, grid)) {
      const { scale, zeroPoint, lowest, highest, rounding } = grid;
      this.#input = { scale, zeroPoint, lowest, highest, rounding };
      this.#nodes.push(wordsNode(node, "Input", [x], y, {}));
      this.#units.set(x, { scale, zeroPoint });
      this.#units.set(y, { scale, zeroPoint });
    } else {
      const { scale, lowest, highest } = grid;
      this.#nodes.push(wordsNode(node, "Quantize", [x], y, { scale, lowest, highest, rounding: grid.rounding }));
      this.#units.set(y, { scale, zeroPoint: grid.zeroPoint });
    }
    this.#words.set(y, words);
    return true;
  }

  /** The grid with the bounds of a clip of the integers, where that alone reads them. */
  #narrowed(y: string, grid: QuantizedGrid): QuantizedGrid {
    const readers = this.#graph.nodes.filter(({ inputs }) => inputs.includes(y));
    const [clip, ...others] = readers;
    const type = this.#known.get(y)?.type ?? "float32";
    if (clip?.operator !== "Clip" || clip.domain !== "" || others.length > 0 || type.startsWith("float")) return grid;
    const bound = (position: number): number | undefined => single(this.#constants.get(clip.inputs[position] ?? ""));
    const lowest = Math.max(grid.lowest, (bound(1) ?? -Infinity) - grid.zeroPoint);
    const highest = Math.min(grid.highest, (bound(2) ?? Infinity) - grid.zeroPoint);
    return { ...grid, lowest, highest };
  }

  /** Whether the value is the network's input and everything that reads it quantizes it so. */
  #isHostInput(x: string, grid: QuantizedGrid): boolean {
    if (x !== this.#graph.inputs[0]?.name) return false;
    const readers = this.#graph.nodes.filter(({ inputs }) => inputs.includes(x));
    return readers.every((reader) => {
      const other = quantizerGrid(reader, this.#constants, this.#known);
      if (other === undefined) return false;
      const own = this.#narrowed(reader.outputs[0] ?? "", other);
      return own.scale === grid.scale && own.lowest === grid.lowest && own.highest === grid.highest;
    });
  }

  #dequantize(node: TensorNode, x: string, y: string): boolean {
    const words = this.#words.get(x);
    if (words === undefined) return false;
    const scale = single(this.#constants.get(node.inputs[1] ?? ""));
    const zeroPoint = (node.inputs[2] ?? "") === "" ? 0 : single(this.#constants.get(node.inputs[2] ?? ""));
    const sign = scale !== undefined && scale < 0 ? -1 : 1;
    if (scale === undefined || sign * scale !== words.scale || sign * (zeroPoint ?? 0) !== words.zeroPoint)
      return false;
    this.#words.set(y, words);
    return true;
  }

  #bounded(node: TensorNode, x: string, y: string): boolean {
    if (this.#isReal(x)) return false;
    const type = this.#known.get(x)?.type ?? "float32";
    const words = this.#words.get(x);
    let bounds: Bounds;
    if (node.operator === "Relu") bounds = { low: 0, high: Number.POSITIVE_INFINITY };
    else {
      const at = (position: number, name: string): number | undefined =>
        (node.inputs[position] ?? "") === ""
          ? floatAttribute(node, name, undefined)
          : single(this.#constants.get(node.inputs[position] ?? ""));
      bounds = { low: at(1, "min") ?? Number.NEGATIVE_INFINITY, high: at(2, "max") ?? Number.POSITIVE_INFINITY };
    }
    if (!type.startsWith("float") && words !== undefined) {
      // Bounds of integers.
      const inValues = (bound: number): number => (bound - words.zeroPoint) * words.scale;
      const zero = node.operator === "Relu" ? { low: inValues(0), high: bounds.high } : null;
      bounds = zero ?? { low: inValues(bounds.low), high: inValues(bounds.high) };
      this.#words.set(y, this.#clipped(words, bounds, y, node));
      return true;
    }
    const before = this.#pending.get(x);
    const pending: Pending =
      before !== undefined && this.#uses.get(x) === 1
        ? before
        : { kind: "same", words: this.#wordsOf(x), ...UNBOUNDED };
    const low = Math.min(Math.max(pending.low, bounds.low), bounds.high);
    const high = Math.max(Math.min(pending.high, bounds.high), bounds.low);
    this.#pending.delete(x);
    this.#pending.set(y, { ...pending, low, high });
    return true;
  }

  /** −1 and 1: the sign of twice the integer and one, which is never 0. */
  #sign(node: TensorNode, x: string, y: string): boolean {
    const scale = single(this.#constants.get(node.inputs[1] ?? ""));
    if (this.#isReal(x) || scale === undefined || !(scale > 0)) return false;
    const pending = this.#pending.get(x);
    const isPlain = pending?.kind === "matrix" && pending.low === -Infinity && pending.high === Infinity;
    const range = { lowest: -1, highest: 1, rounding: "nearest-even" as const };
    if (isPlain && this.#uses.get(x) === 1 && pending.factors.every((factor) => factor !== 0)) {
      const { node: layer, words, factors } = pending;
      const signs = factors.map(Math.sign);
      // acc + offset ≥ 0 asks for the whole numbers alone.
      const offsets = pending.offsets.map(({ whole, real }, n) => {
        const factor = factors[n] ?? 1;
        return 2 * (whole * Math.sign(factor) + Math.floor(real / Math.abs(factor))) + 1;
      });
      const settings = { multipliers: signs.map((sign) => 2 * sign), offsets, shift: 0 };
      const kept = withoutFactors(layer.attributes);
      this.#pending.delete(x);
      this.#nodes.push(
        wordsNode(layer, layer.operator, [words.name, pending.weights], y, {
          ...kept,
          ...attributesOf(settings, range),
        }),
      );
    } else {
      this.#requantize(node, [this.#wordsOf(x).name], y, { multipliers: [2], offsets: [1], shift: 0 }, range);
    }
    this.#units.set(y, { scale, zeroPoint: 0 });
    this.#words.set(y, { name: y, scale, zeroPoint: 0, lowest: -1, highest: 1 });
    return true;
  }

  /** Words within bounds that are words themselves. */
  #clipped(words: Words, { low, high }: Bounds, name: string, node: TensorNode): Words {
    const lowest = Math.max(words.lowest, Math.round(low / words.scale));
    const highest = Math.min(words.highest, Math.round(high / words.scale));
    const { scale, zeroPoint } = words;
    if (lowest === words.lowest && highest === words.highest) return words;
    this.#requantize(
      node,
      [words.name],
      name,
      { multipliers: [1], offsets: [0], shift: 0 },
      { lowest, highest, rounding: "nearest-even" },
    );
    this.#known.set(name, this.#known.get(name) ?? (this.#known.get(words.name) as KnownTensor));
    this.#units.set(name, { scale, zeroPoint });
    return { name, scale, zeroPoint, lowest, highest };
  }

  #matrix(node: TensorNode, y: string): boolean {
    const [x = "", w = "", b = ""] = node.inputs;
    const whole = this.#whole.get(w);
    if (this.#isReal(x) || whole === undefined || !whole.integers.every((value) => Math.abs(value) <= 2 ** 24))
      return false;
    const isGemm = node.operator === "Gemm";
    if (isGemm && flagAttribute(node, "transA", false)) return false;
    if (node.operator !== "Conv" && whole.shape.length !== 2) return false;
    const axis =
      node.operator === "Conv" || (isGemm && flagAttribute(node, "transB", false)) ? 0 : whole.shape.length - 1;
    const filters = whole.shape[axis] ?? 0;
    const scales = alongAxis(whole, axis);
    if (scales === undefined) return false;
    const words = this.#wordsOf(x);
    const alpha = isGemm ? floatAttribute(node, "alpha", 1) : 1;
    const beta = isGemm ? floatAttribute(node, "beta", 1) : 1;
    const factors = scales.map((scale) => words.scale * scale * alpha);
    const offsets = b === "" ? factors.map(() => ZERO) : this.#offsets(b, factors, beta);
    if (offsets === undefined) return false;
    const name = `${node.name}/words`;
    this.#constants.set(name, { type: "float64", shape: whole.shape, data: whole.integers });
    const magnitudes = magnitudesAlong(whole, axis, filters);
    const most = Math.max(Math.abs(words.lowest), Math.abs(words.highest));
    const reach = Math.max(
      ...factors.map((factor, n) => {
        const { whole: added = 0, real = 0 } = offsets[n] ?? ZERO;
        return ((magnitudes[n] ?? 0) * most + Math.abs(added)) * Math.abs(factor) + Math.abs(real);
      }),
    );
    this.#pending.set(y, {
      kind: "matrix",
      node,
      words,
      weights: name,
      factors,
      scales: scales.map((s) => s * alpha),
      offsets,
      reach,
      ...UNBOUNDED,
    });
    return true;
  }

  /** A bias that counts in sums is whole; else its value is added behind the multiplication. */
  #offsets(bias: string, factors: readonly number[], beta: number): readonly Offset[] | undefined {
    const constant = this.#constants.get(bias);
    if (constant === undefined) return undefined;
    const filters = factors.length;
    const columns = constant.shape.at(-1) ?? 1;
    const count = elementCount(constant.shape);
    if ((count !== filters && count !== 1) || (count > 1 && columns !== filters)) return undefined;
    const values = numbersOf(constant);
    const words = this.#whole.get(bias);
    return factors.map((factor, n): Offset => {
      const at = count === 1 ? 0 : n;
      const value = beta * (values[at] ?? 0);
      const scale = (words?.scales[at] ?? 0) * beta;
      if (words !== undefined && factor !== 0 && Math.abs(scale / factor - 1) < 1e-5)
        return { whole: words.integers[at] ?? 0, real: 0 };
      return { whole: 0, real: value };
    });
  }

  #sum(node: TensorNode, y: string): boolean {
    const [a = "", b = ""] = node.inputs;
    const constant = this.#constants.has(a) ? a : this.#constants.has(b) ? b : undefined;
    if (constant !== undefined) return this.#biased(node, constant === a ? b : a, constant, y);
    if (this.#isReal(a) || this.#isReal(b)) return false;
    const [left, right] = [this.#known.get(a)?.shape ?? [], this.#known.get(b)?.shape ?? []];
    if (`${left}` !== `${right}`) return false;
    this.#pending.set(y, {
      kind: "sum",
      a: this.#wordsOf(a),
      b: this.#wordsOf(b),
      sign: node.operator === "Add" ? 1 : -1,
      ...UNBOUNDED,
    });
    return true;
  }

  /** A constant per filter that is added to a product is its bias. */
  #biased(node: TensorNode, x: string, constant: string, y: string): boolean {
    const pending = this.#pending.get(x);
    const isPlain = pending?.kind === "matrix" && pending.low === -Infinity && pending.high === Infinity;
    if (!isPlain || this.#uses.get(x) !== 1 || node.operator !== "Add") return false;
    if (pending.offsets.some(({ whole, real }) => whole !== 0 || real !== 0)) return false;
    // Of a convolution the constant stands along channels: [C, 1, 1].
    const { shape } = this.#constants.get(constant) as AnyTensor;
    if (
      pending.node.operator === "Conv" &&
      elementCount(shape.slice(-(this.#known.get(x)?.shape.length ?? 4) + 2)) !== 1
    )
      return false;
    const filters = pending.factors.length;
    if (elementCount(shape) !== filters && elementCount(shape) !== 1) return false;
    const flat = `${node.name}/bias`;
    const values = this.#constants.get(constant) as AnyTensor;
    this.#constants.set(flat, { ...values, shape: [elementCount(shape)] } as AnyTensor);
    const offsets = this.#offsets(flat, pending.factors, 1);
    if (offsets === undefined) return false;
    const most = Math.max(...offsets.map(({ real }) => Math.abs(real)));
    this.#pending.delete(x);
    this.#pending.set(y, { ...pending, offsets, reach: pending.reach + most });
    return true;
  }

  #mean(node: TensorNode, x: string, y: string): boolean {
    if (this.#isReal(x)) return false;
    const shape = this.#known.get(x)?.shape ?? [];
    const spatial = shape.slice(2);
    if (shape.length < 3 || shape.length > 4) return false;
    let count = elementCount(spatial);
    if (node.operator === "AveragePool") {
      const pads = integersAttribute(node, "pads") ?? [];
      const padded = pads.some((pad) => pad !== 0) || (node.attributes.auto_pad ?? "NOTSET") !== "NOTSET";
      if ((padded && !flagAttribute(node, "count_include_pad", false)) || flagAttribute(node, "ceil_mode", false))
        return false;
      count = elementCount(integersAttribute(node, "kernel_shape") ?? []);
    } else if (node.operator === "ReduceMean") {
      const given = this.#constants.get(node.inputs[1] ?? "");
      const axes = given === undefined ? integersAttribute(node, "axes") : Array.from(numbersOf(given));
      const normal = (axes ?? []).map((axis) => (axis < 0 ? axis + shape.length : axis)).sort();
      if (`${normal}` !== `${spatial.map((_size, axis) => axis + 2)}`) return false;
    }
    this.#pending.set(y, { kind: "mean", node, words: this.#wordsOf(x), count, ...UNBOUNDED });
    return true;
  }

  #join(node: TensorNode, y: string): boolean {
    if (node.inputs.some((name) => this.#isReal(name))) return false;
    this.#pending.set(y, { kind: "join", node, parts: node.inputs.map((name) => this.#wordsOf(name)), ...UNBOUNDED });
    return true;
  }

  #move(node: TensorNode, x: string): boolean {
    if (this.#isReal(x)) return false;
    const words = this.#wordsOf(x);
    this.#nodes.push({ ...node, inputs: [words.name, ...node.inputs.slice(1)] });
    for (const name of node.outputs) {
      if (name === "") continue;
      this.#words.set(name, { ...words, name });
      this.#units.set(name, { scale: words.scale, zeroPoint: words.zeroPoint });
    }
    return true;
  }

  /** The value in words, on a grid of its own where it had none. */
  #wordsOf(name: string): Words {
    const known = this.#words.get(name);
    if (known !== undefined) return known;
    const pending = this.#pending.get(name) as Pending;
    this.#pending.delete(name);
    const node = { name, operator: "", domain: "", opset: 1, inputs: [], outputs: [name], attributes: {} };
    const grid = gridFor(pending);
    this.#settle(pending, grid, name, node);
    const words = { name, ...grid };
    this.#words.set(name, words);
    return words;
  }

  /** The value in floats, under a name of its own. */
  #realOf(name: string): string {
    const known = this.#real.get(name);
    if (known !== undefined) return known;
    const words = this.#wordsOf(name);
    const real = `${name}/real`;
    const node = { name: real, operator: "", domain: "", opset: 1, inputs: [], outputs: [real], attributes: {} };
    this.#nodes.push(wordsNode(node, "Dequantize", [words.name], real, { scale: words.scale }));
    this.#known.set(real, { type: "float32", shape: this.#known.get(name)?.shape ?? [], constant: undefined });
    this.#real.set(name, real);
    return real;
  }

  /** Adds the nodes that bring what is pending onto a grid, under the name `y`. */
  #settle(pending: Pending, target: QuantizedGrid, y: string, node: TensorNode): void {
    const toWord = (bound: number): number => roundHalfEven(bound / target.scale);
    const range = {
      lowest: Math.min(Math.max(target.lowest, toWord(pending.low)), target.highest),
      highest: Math.max(Math.min(target.highest, toWord(pending.high)), target.lowest),
      rounding: target.rounding,
    };
    this.#units.set(y, { scale: target.scale, zeroPoint: target.zeroPoint });
    switch (pending.kind) {
      case "same": {
        const factor = pending.words.scale / target.scale;
        const isSame = factor === 1 && range.lowest <= pending.words.lowest && range.highest >= pending.words.highest;
        if (isSame)
          this.#nodes.push({
            ...node,
            operator: "Identity",
            domain: "",
            opset: 13,
            inputs: [pending.words.name],
            outputs: [y],
            attributes: {},
          });
        else this.#requantize(node, [pending.words.name], y, requantizationSettings([factor], [ZERO]), range);
        return;
      }
      case "sum": {
        const factors = [pending.a.scale / target.scale, (pending.sign * pending.b.scale) / target.scale];
        const { multipliers, shift } = requantizationSettings(factors, [], 40);
        const [first = 0, second = 0] = multipliers;
        const settings = { multipliers: [first], offsets: [0], shift };
        this.#requantize(node, [pending.a.name, pending.b.name], y, settings, range, { second });
        return;
      }
      case "mean": {
        const settings = requantizationSettings([pending.words.scale / (pending.count * target.scale)], [ZERO], 40);
        const { node: pool } = pending;
        const named = { ...pool, name: pool.name };
        this.#nodes.push(
          wordsNode(named, pool.operator, [pending.words.name, ...pool.inputs.slice(1)], y, {
            ...pool.attributes,
            ...attributesOf(settings, range),
          }),
        );
        return;
      }
      case "join": {
        const parts = pending.parts.map((part, index) => {
          if (part.scale === target.scale && part.lowest >= range.lowest && part.highest <= range.highest)
            return part.name;
          const name = `${pending.node.name}/part${index}`;
          const own = { ...pending.node, name };
          this.#requantize(own, [part.name], name, requantizationSettings([part.scale / target.scale], [ZERO]), range);
          this.#known.set(name, {
            type: "int32",
            shape: this.#known.get(pending.node.inputs[index] ?? "")?.shape ?? [],
            constant: undefined,
          });
          this.#units.set(name, { scale: target.scale, zeroPoint: target.zeroPoint });
          return name;
        });
        this.#nodes.push({ ...pending.node, inputs: parts, outputs: [y] });
        return;
      }
      case "matrix": {
        const { node: layer, words, scales, factors } = pending;
        // As runtimes do: the product of the scales of input and weights, then the quotient, each a float32.
        const multipliers = scales.map((scale, n) =>
          target.isFine
            ? (factors[n] ?? 0) / target.scale
            : Math.fround(Math.fround(words.scale * scale) / target.scale),
        );
        const offsets = pending.offsets.map(({ whole, real }) => ({ whole, real: real / target.scale }));
        const settings = requantizationSettings(multipliers, offsets, target.isFine ? 40 : 48);
        const kept = withoutFactors(layer.attributes);
        this.#nodes.push(
          wordsNode(layer, layer.operator, [words.name, pending.weights], y, {
            ...kept,
            ...attributesOf(settings, range),
          }),
        );
      }
    }
  }

  #requantize(
    node: TensorNode,
    inputs: readonly string[],
    y: string,
    settings: ReturnType<typeof requantizationSettings>,
    range: Pick<QuantizedGrid, "lowest" | "highest" | "rounding">,
    { second }: { readonly second?: number } = {},
  ): void {
    const more = second === undefined ? {} : { second_multipliers: [second] };
    this.#nodes.push(wordsNode(node, "Requantize", inputs, y, { ...attributesOf(settings, range), ...more }));
  }
}

const ZERO: Offset = { whole: 0, real: 0 };

function wordsNode(
  { name }: TensorNode,
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, AttributeValue>>,
): TensorNode {
  return { name, operator, domain: WORDS_DOMAIN, opset: 1, inputs, outputs: [output], attributes };
}

/** Whether the node is BipolarQuant, or Quant to one bit with a sign. */
function isSign(node: TensorNode, constants: ReadonlyMap<string, AnyTensor>): boolean {
  if (!(QONNX_DOMAINS as readonly string[]).includes(node.domain)) return false;
  if (node.operator === "BipolarQuant") return true;
  return isQuant(node) && flagAttribute(node, "signed", true) && single(constants.get(node.inputs[3] ?? "")) === 1;
}

/** Of Gemm: its factors are in the multipliers. */
function withoutFactors(attributes: TensorNode["attributes"]): TensorNode["attributes"] {
  return Object.fromEntries(Object.entries(attributes).filter(([key]) => key !== "alpha" && key !== "beta"));
}

function attributesOf(
  { multipliers, offsets, shift }: ReturnType<typeof requantizationSettings>,
  { lowest, highest, rounding }: Pick<QuantizedGrid, "lowest" | "highest" | "rounding">,
): Readonly<Record<string, AttributeValue>> {
  return {
    requantization_multipliers: multipliers,
    requantization_offsets: offsets,
    requantization_shift: BigInt(shift),
    requantization_rounding: rounding,
    requantization_minimum: BigInt(lowest),
    requantization_maximum: BigInt(highest),
  };
}

/** A grid for what no quantizer follows: that of the sums where they have one scale, else one of 30 bits. */
function gridFor(pending: Pending): QuantizedGrid {
  const reach = Math.min(reachOf(pending), Math.max(Math.abs(pending.low), Math.abs(pending.high)));
  const isPlain = pending.low === -Infinity && pending.high === Infinity;
  const grid = {
    zeroPoint: 0,
    lowest: -(2 ** 31),
    highest: 2 ** 31 - 1,
    rounding: "nearest-even",
    isFine: true,
  } as const;
  if (pending.kind === "same" && pending.words.scale > 0 && boundsAreWords(pending)) {
    return {
      ...grid,
      scale: pending.words.scale,
      zeroPoint: pending.words.zeroPoint,
      lowest: pending.words.lowest,
      highest: pending.words.highest,
    };
  }
  if (pending.kind === "join") {
    const [first] = pending.parts;
    if (first !== undefined && pending.parts.every(({ scale }) => scale === first.scale)) {
      const lowest = Math.min(...pending.parts.map((part) => part.lowest));
      const highest = Math.max(...pending.parts.map((part) => part.highest));
      return { ...grid, scale: first.scale, zeroPoint: first.zeroPoint, lowest, highest };
    }
  }
  if (pending.kind === "matrix" && isPlain) {
    const [first = 0] = pending.factors;
    const one = pending.factors.every((factor) => factor === first) && pending.offsets.every(({ real }) => real === 0);
    if (one && first > 0 && reach / first < 2 ** 31) return { ...grid, scale: first };
  }
  const exponent = reach > 0 && Number.isFinite(reach) ? Math.ceil(Math.log2(reach)) : 0;
  return { ...grid, scale: 2 ** (exponent - FINE_BITS) };
}

function boundsAreWords({ low, high, ...pending }: Pending): boolean {
  if (pending.kind !== "same") return false;
  return [low, high].every((bound) => !Number.isFinite(bound) || Number.isInteger(bound / pending.words.scale));
}

/** Largest magnitude that the value can have. */
function reachOf(pending: Pending): number {
  const most = ({ lowest, highest, scale }: Words): number => Math.max(Math.abs(lowest), Math.abs(highest)) * scale;
  switch (pending.kind) {
    case "same":
    case "mean":
      return most(pending.words);
    case "sum":
      return most(pending.a) + most(pending.b);
    case "join":
      return Math.max(...pending.parts.map(most));
    case "matrix":
      return pending.reach;
  }
}

/** The scale of each position along an axis; undefined where it differs within one. */
function alongAxis({ shape, scales }: ConstantWords, axis: number): readonly number[] | undefined {
  const size = shape[axis] ?? 1;
  const inner = elementCount(shape.slice(axis + 1));
  const found = new Float64Array(size).fill(Number.NaN);
  for (const [element, scale] of scales.entries()) {
    const position = Math.floor(element / inner) % size;
    if (Number.isNaN(found[position])) found[position] = scale;
    else if (found[position] !== scale) return undefined;
  }
  return Array.from(found);
}

function magnitudesAlong({ shape, integers }: ConstantWords, axis: number, size: number): Float64Array {
  const inner = elementCount(shape.slice(axis + 1));
  const sums = new Float64Array(size);
  for (const [element, integer] of integers.entries()) {
    const position = Math.floor(element / inner) % size;
    sums[position] = (sums[position] ?? 0) + Math.abs(integer);
  }
  return sums;
}
