/**
 * Layers of integer networks: a sum of products, the sum of a window, two integers or one, and the factors, offsets, divisions,
 * roundings and clips behind it, in whatever order a tool writes them, become one node: clip(round((Σ a · M + B) / D)).
 *
 * Values are followed from the input on, each as an exact chain over what was last written to memory (`integer-chain.ts`). A chain
 * ends where an operator cannot be taken into it, where several read the value, and at outputs: there its value is written.
 */
import { flagAttribute, floatAttribute, integersAttribute, normalAxes } from "../../tensor-graph/node-access.ts";
import { numbersOf } from "../../tensor-graph/tensor.ts";
import type { AnyTensor, ElementType, TensorGraph, TensorNode } from "../../tensor-graph/tensor-graph.ts";
import { INTEGER_DOMAIN } from "../own-domains.ts";
import {
  added,
  type ChannelConstant,
  channelConstant,
  clipped,
  type IntegerChain,
  type IntegerRounding,
  inverse,
  isPlain,
  isWhole,
  joined,
  multiplied,
  negative,
  plainChain,
  rounded,
} from "./integer-chain.ts";
import type { Values } from "./values.ts";

/** Operators that hand integers on as they are. */
const KEEPING: ReadonlySet<string> = new Set([
  "MaxPool",
  "GlobalMaxPool",
  "ReduceMax",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Transpose",
  "Identity",
  "Dropout",
  "Concat",
  "Pad",
  "Slice",
  "Split",
  "Gather",
  "Relu",
  "DepthToSpace",
  "SpaceToDepth",
  "Expand",
]);

const ROUNDINGS: Readonly<Record<string, IntegerRounding>> = { Floor: "down", Ceil: "up", Round: "nearest-even" };

/** What is summed before a chain begins. */
type Source =
  | { readonly kind: "value"; readonly value: string }
  | { readonly kind: "pair"; readonly node: TensorNode; readonly values: readonly [string, string] }
  | { readonly kind: "sums"; readonly node: TensorNode };

interface Followed {
  readonly source: Source;
  readonly chain: IntegerChain;
  /** First node of the chain, which names it. */
  readonly first: TensorNode | undefined;
}

export interface KnownValue {
  readonly type: ElementType;
  readonly shape: readonly number[];
}

/** The graph with its integer layers as nodes of their own; the same graph where nothing in it rounds integers. */
export function recogniseIntegerLayers(
  graph: TensorGraph,
  values: Values,
  known: (value: string) => KnownValue | undefined,
): TensorGraph {
  return new Recogniser(graph, values, known).run();
}

class Recogniser {
  readonly #graph: TensorGraph;
  readonly #values: Values;
  readonly #known: (value: string) => KnownValue | undefined;
  readonly #followed: Map<string, Followed> = new Map();
  /** Integer layers by the node whose output they yield. */
  readonly #replaced: Map<TensorNode, TensorNode> = new Map();
  /** Values that were summed, so that they are integers; the network's input is taken for one where such sums are rounded. */
  readonly #summed: Set<string> = new Set();
  #rounds = false;

  constructor(graph: TensorGraph, values: Values, known: (value: string) => KnownValue | undefined) {
    this.#graph = graph;
    this.#values = values;
    this.#known = known;
  }

  run(): TensorGraph {
    for (const { name, type } of this.#graph.inputs) {
      this.#follow(name, this.#valueOf(name));
      if (!type.startsWith("float")) this.#summed.add(name);
    }
    for (const node of this.#graph.nodes) {
      const found = node.domain === "" ? this.#take(node) : undefined;
      if (found !== undefined) this.#follow(node.outputs[0] ?? "", found);
      else this.#pass(node);
    }
    for (const output of this.#graph.outputs) this.#write(output);
    if (!this.#rounds) return this.#graph;
    return { ...this.#graph, nodes: this.#graph.nodes.map((node) => this.#replaced.get(node) ?? node) };
  }

  #follow(value: string, followed: Followed): void {
    this.#followed.set(value, followed);
  }

  #valueOf(value: string): Followed {
    return { source: { kind: "value", value }, chain: plainChain(null), first: undefined };
  }

  /** The chain of a value for one of its readers: from memory, where it has several. */
  #reading(value: string): Followed | undefined {
    const followed = this.#followed.get(value);
    if (followed === undefined || this.#values.usedOnce(value)) return followed;
    return this.#write(value) ?? followed;
  }

  /** The value as an integer in memory; undefined where it is none. */
  #write(value: string): Followed | undefined {
    const followed = this.#followed.get(value);
    if (followed === undefined) return undefined;
    if (followed.source.kind === "value" && isPlain(followed.chain) && followed.source.value === value) return followed;
    const producer = this.#values.producer(value);
    const layer = producer && integerNode(followed, producer, value);
    if (producer === undefined || layer === undefined) return undefined;
    this.#replaced.set(producer, layer);
    if (this.#isSummed(followed.source)) this.#summed.add(value);
    const written = this.#valueOf(value);
    this.#follow(value, written);
    return written;
  }

  /** What the node makes of a chain, or the chain that it begins; undefined for a node of another kind. */
  #take(node: TensorNode): Followed | undefined {
    const sums = this.#sums(node);
    if (sums !== undefined) return sums;
    const variable = node.inputs.filter((name) => name !== "" && this.#values.constant(name) === undefined);
    const [value, other] = variable;
    if (value === undefined) return undefined;
    if (other !== undefined) return variable.length === 2 ? this.#joined(node, value, other) : undefined;
    const followed = this.#reading(value);
    if (followed === undefined) return undefined;
    const apply = ({ source, chain, first }: Followed): Followed | undefined => {
      const rounds = this.#isRounding(node, value);
      if (rounds && !this.#isSummed(source)) return undefined;
      const next = this.#apply(node, chain, value);
      if (next !== undefined && rounds) this.#rounds = true;
      return next && { source, chain: next, first: first ?? node };
    };
    const found = apply(followed);
    if (found !== undefined) return found;
    if (!CHAINED.has(node.operator)) return undefined;
    const written = this.#write(value);
    return written && apply(written);
  }

  #isSummed(source: Source): boolean {
    return source.kind !== "value" || this.#summed.has(source.value);
  }

  #isRounding(node: TensorNode, value: string): boolean {
    if (node.operator === "Cast") return !(this.#known(node.outputs[0] ?? "")?.type ?? "float32").startsWith("float");
    const isInteger = !(this.#known(value)?.type ?? "float32").startsWith("float");
    return Object.hasOwn(ROUNDINGS, node.operator) || (node.operator === "Div" && isInteger);
  }

  #apply(node: TensorNode, chain: IntegerChain, value: string): IntegerChain | undefined {
    const { shape = [], type = "float32" } = this.#known(value) ?? {};
    const rounding = ROUNDINGS[node.operator];
    if (rounding !== undefined) return rounded(chain, rounding);
    switch (node.operator) {
      case "Cast": {
        const target = this.#known(node.outputs[0] ?? "")?.type;
        if (target === undefined || target === "bool") return undefined;
        return target === "float32" || target === "float64" ? chain : rounded(chain, "zero");
      }
      case "Neg":
        return multiplied(chain, negative(ONE));
      case "Relu":
        return isPlain(chain) ? undefined : clipped(chain, 0, Number.POSITIVE_INFINITY);
      case "Clip": {
        const minimum = node.inputs[1]
          ? this.#values.number(node.inputs[1])
          : floatAttribute(node, "min", Number.NEGATIVE_INFINITY);
        const maximum = node.inputs[2]
          ? this.#values.number(node.inputs[2])
          : floatAttribute(node, "max", Number.POSITIVE_INFINITY);
        // Written so that NaN is refused too.
        if (minimum === undefined || maximum === undefined || !(minimum <= maximum)) return undefined;
        return clipped(chain, minimum, maximum);
      }
    }
    const operands = this.#values.operands(node);
    if (operands === undefined) return undefined;
    const { constant, valueFirst } = operands;
    const numbers = channelConstant(constant, shape);
    if (numbers === undefined) return undefined;
    const only = numbersOf(constant)[0];
    switch (node.operator) {
      case "Mul":
        return multiplied(chain, numbers);
      case "Add":
        return added(chain, numbers);
      case "Sub": {
        const turned = valueFirst ? chain : multiplied(chain, negative(ONE));
        return turned && added(turned, valueFirst ? negative(numbers) : numbers);
      }
      case "Div": {
        const factors = valueFirst ? inverse(numbers) : undefined;
        const quotient = factors && multiplied(chain, factors);
        // Integers are divided towards zero at once.
        return quotient && (type.startsWith("float") ? quotient : rounded(quotient, "zero"));
      }
      case "Max":
        return numbers.axis === null ? clipped(chain, only ?? 0, Number.POSITIVE_INFINITY) : undefined;
      case "Min":
        return numbers.axis === null ? clipped(chain, Number.NEGATIVE_INFINITY, only ?? 0) : undefined;
      default:
        return undefined;
    }
  }

  /** The sum or difference of two values, each scaled before. */
  #joined(node: TensorNode, left: string, right: string): Followed | undefined {
    if (node.operator !== "Add" && node.operator !== "Sub") return undefined;
    const shape = `${this.#known(left)?.shape}`;
    if (shape !== `${this.#known(right)?.shape}`) return undefined;
    const [a, b] = [this.#operand(left), this.#operand(right)];
    if (a === undefined || b === undefined) return undefined;
    const second = node.operator === "Add" ? b.chain : multiplied(b.chain, negative(ONE));
    const chain = second && joined(a.chain, second);
    if (chain === undefined) return undefined;
    return { source: { kind: "pair", node, values: [a.value, b.value] }, chain, first: node };
  }

  /** A value in memory and what scales it; the value itself is written where more was done to it. */
  #operand(value: string): { readonly value: string; readonly chain: IntegerChain } | undefined {
    const followed = this.#reading(value);
    if (followed === undefined) return undefined;
    const { source, chain } = followed;
    const isScaled = chain.rounding === null && chain.lowest === null && chain.highest === null;
    if (source.kind === "value" && isScaled) return { value: source.value, chain };
    const written = this.#write(value);
    return written && { value, chain: written.chain };
  }

  /** A layer with whole weights, or the sums of windows, over an integer in memory. */
  #sums(node: TensorNode): Followed | undefined {
    const input = node.inputs[0] ?? "";
    if (!this.#followed.has(input)) return undefined;
    const begin = (axis: number, offsets: ChannelConstant, divisor = 1): Followed | undefined => {
      if (this.#write(input) === undefined) return undefined;
      const sums = added(plainChain(axis), offsets);
      const quotient = inverse({ axis: null, numbers: [{ numerator: BigInt(divisor), denominator: 1n }] });
      const chain = sums && quotient && multiplied(sums, quotient);
      return chain && { source: { kind: "sums", node }, chain, first: node };
    };
    const { shape = [] } = this.#known(node.outputs[0] ?? "") ?? {};
    const inputShape = this.#known(input)?.shape ?? [];
    const weights = this.#values.constant(node.inputs[1]);
    switch (node.operator) {
      case "Conv":
      case "ConvTranspose": {
        const offsets = this.#bias(node, shape, 1);
        return weights && isWholeTensor(weights) && offsets ? begin(1, offsets) : undefined;
      }
      case "Gemm": {
        const isPlainProduct = floatAttribute(node, "alpha", 1) === 1 && floatAttribute(node, "beta", 1) === 1;
        const offsets = this.#bias(node, shape, 1);
        return weights && isPlainProduct && isWholeTensor(weights) && offsets ? begin(1, offsets) : undefined;
      }
      case "MatMul":
        return weights && inputShape.length === 2 && weights.shape.length === 2 && isWholeTensor(weights)
          ? begin(1, NOTHING)
          : undefined;
      case "GlobalAveragePool":
        return begin(1, NOTHING, product(inputShape.slice(2)));
      case "AveragePool": {
        const kernel = integersAttribute(node, "kernel_shape") ?? [];
        const hasPadding = (integersAttribute(node, "pads") ?? []).some((pad) => pad !== 0);
        const automatic = node.attributes.auto_pad;
        const countsAlike = !hasPadding || flagAttribute(node, "count_include_pad", false);
        const isFixed = automatic === undefined || automatic === "NOTSET" || automatic === "VALID";
        if (!countsAlike || !isFixed || flagAttribute(node, "ceil_mode", false)) return undefined;
        return begin(1, NOTHING, product(kernel));
      }
      case "ReduceMean":
      case "ReduceSum": {
        const listed = this.#values.constant(node.inputs[1]);
        const axes = listed === undefined ? integersAttribute(node, "axes") : Array.from(numbersOf(listed));
        const rank = inputShape.length;
        if (axes === undefined || axes.length === 0 || rank < 3) return undefined;
        const found = normalAxes(axes, rank).toSorted((a, b) => a - b);
        const isSpatial = found.length === rank - 2 && found.every((axis, index) => axis === index + 2);
        const isKept = flagAttribute(node, "keepdims", true);
        if (!isSpatial || (!isKept && rank !== shape.length + found.length)) return undefined;
        return begin(1, NOTHING, node.operator === "ReduceSum" ? 1 : product(inputShape.slice(2)));
      }
      default:
        return undefined;
    }
  }

  #bias(node: TensorNode, shape: readonly number[], axis: number): ChannelConstant | undefined {
    const name = node.inputs[2];
    if (name === undefined || name === "") return NOTHING;
    const bias = this.#values.constant(name);
    if (bias === undefined || !isWholeTensor(bias)) return undefined;
    const channels = shape[axis] ?? 1;
    const count = product(bias.shape);
    if (count !== channels && count !== 1) return undefined;
    const numbers = Array.from(numbersOf(bias), (number) => ({ numerator: BigInt(number), denominator: 1n }));
    return count === 1 ? { axis: null, numbers } : { axis, numbers };
  }

  /** A node that takes integers from memory; those that only move them yield integers. */
  #pass(node: TensorNode): void {
    const variable = node.inputs.filter((name) => name !== "" && this.#values.constant(name) === undefined);
    const written = variable.map((name) => this.#write(name));
    const keeps = node.domain === "" && KEEPING.has(node.operator) && variable.length > 0;
    const constants = node.operator === "Concat" ? node.inputs.filter((name) => !variable.includes(name)) : [];
    const whole = constants.every((name) => isWholeTensor(this.#values.constant(name) ?? EMPTY));
    if (!keeps || !whole || written.includes(undefined)) return;
    const summed = variable.some((name) => this.#summed.has(name));
    for (const output of node.outputs) {
      if (output === "") continue;
      this.#follow(output, this.#valueOf(output));
      if (summed) this.#summed.add(output);
    }
  }
}

/** Operators that go on with a chain, or begin one on what was written. */
const CHAINED: ReadonlySet<string> = new Set([
  "Mul",
  "Add",
  "Sub",
  "Div",
  "Neg",
  "Max",
  "Min",
  "Clip",
  "Cast",
  ...Object.keys(ROUNDINGS),
]);

const ONE: ChannelConstant = { axis: null, numbers: [{ numerator: 1n, denominator: 1n }] };
const NOTHING: ChannelConstant = { axis: null, numbers: [{ numerator: 0n, denominator: 1n }] };
const EMPTY: AnyTensor = { type: "float32", shape: [0], data: new Float32Array() };

/** Most bits that a divisor has beside its power of two, and a shift. */
const LARGEST_DIVISOR = 2n ** 53n;
const LARGEST_SHIFT = 128;
const LARGEST_WORD = 2n ** 63n;

/** The node that yields the value `output`; undefined where the value is no integer, or its numbers are no words. */
function integerNode({ source, chain, first }: Followed, producer: TensorNode, output: string): TensorNode | undefined {
  if (!isWhole(chain)) return undefined;
  let [divisor, shift] = [chain.denominator, 0];
  while (divisor % 2n === 0n) [divisor, shift] = [divisor / 2n, shift + 1];
  const words = [...chain.multipliers, ...(chain.second ?? []), ...chain.offsets];
  const fits = (value: bigint): boolean =>
    value < LARGEST_WORD && value > -LARGEST_WORD && BigInt(Number(value)) === value;
  if (divisor >= LARGEST_DIVISOR || shift > LARGEST_SHIFT || !words.every(fits)) return undefined;
  const [minimum, maximum] = [chain.lowest, chain.highest].map((end) => end && Number(end.numerator));
  // Where negatives become 0 anyway, truncation is a floor.
  const rounding = chain.rounding === "zero" && minimum !== null && (minimum ?? -1) >= 0 ? "down" : chain.rounding;
  const base = source.kind === "value" ? (first ?? producer) : source.node;
  const inputs =
    source.kind === "value"
      ? [source.value]
      : source.kind === "pair"
        ? source.values
        : source.node.inputs.slice(
            0,
            source.node.operator === "ReduceMean" || source.node.operator === "ReduceSum" ? 1 : 2,
          );
  return {
    name: base.name,
    operator: source.kind === "sums" ? (OPERATORS[base.operator] ?? base.operator) : "Requantize",
    domain: INTEGER_DOMAIN,
    opset: base.opset,
    inputs,
    outputs: [output],
    attributes: {
      ...(source.kind === "sums" ? base.attributes : {}),
      requantization_multipliers: chain.multipliers.map(Number),
      ...(chain.second && { requantization_second: chain.second.map(Number) }),
      requantization_offsets: chain.offsets.map(Number),
      requantization_shift: shift,
      requantization_divisor: Number(divisor),
      requantization_rounding: rounding ?? "down",
      ...(chain.axis !== null && { requantization_axis: chain.axis }),
      ...(typeof minimum === "number" && { requantization_minimum: minimum }),
      ...(typeof maximum === "number" && { requantization_maximum: maximum }),
    },
  };
}

/** Products without bias are products, means without their division sums over the same axes. */
const OPERATORS: Readonly<Record<string, string>> = {
  MatMul: "Gemm",
  ReduceMean: "GlobalAveragePool",
  ReduceSum: "GlobalAveragePool",
};

function isWholeTensor(tensor: AnyTensor): boolean {
  const numbers = numbersOf(tensor);
  for (let index = 0; index < numbers.length; index++) if (!Number.isSafeInteger(numbers[index])) return false;
  return true;
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}
