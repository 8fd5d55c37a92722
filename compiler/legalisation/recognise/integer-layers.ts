/**
 * Layers of integer networks: a convolution or matrix product with whole weights, factors and offsets on its sums, a division
 * by a power of two, rounding and a clip become one node: y = clip(round((a · M + B) · 2^−shift)).
 *
 * The division may be one by 2^k − 1 with k ≥ 16: exporters of such networks write a right shift by k so (the deployed network
 * shifts, and the given outputs of `frontnet` are those of the shift).
 */
import { floatAttribute, integerAttribute } from "../../tensor-graph/node-access.ts";
import { isFloat, numbersOf } from "../../tensor-graph/tensor.ts";
import type { ElementType, TensorGraph, TensorNode } from "../../tensor-graph/tensor-graph.ts";
import { INTEGER_DOMAIN, type INTEGER_ROUNDINGS } from "../rules/integer-layer.ts";
import type { Values } from "./values.ts";

type Rounding = (typeof INTEGER_ROUNDINGS)[number];

const ROUNDINGS: Readonly<Record<string, Rounding>> = { Floor: "down", Ceil: "up", Round: "nearest-even" };

const STEPS: ReadonlySet<string> = new Set(["Mul", "Add", "Sub", "Div", "Cast", ...Object.keys(ROUNDINGS)]);

/** From here on 2^k − 1 stands for a shift by k. */
const SMALLEST_INEXACT_SHIFT = 16;

/** The clip bears the layer's name then; the nodes before it are left for the removal of what nobody reads. */
export function recogniseIntegerLayers(
  graph: TensorGraph,
  values: Values,
  typeOf: (value: string) => ElementType | undefined,
): TensorGraph {
  const nodes = graph.nodes.map((node): TensorNode => {
    if (node.operator !== "Clip" || node.domain !== "") return node;
    return integerLayer(node, values, typeOf) ?? node;
  });
  return { ...graph, nodes };
}

function integerLayer(
  clip: TensorNode,
  values: Values,
  typeOf: (value: string) => ElementType | undefined,
): TensorNode | undefined {
  const minimum = clip.inputs[1] ? values.number(clip.inputs[1]) : floatAttribute(clip, "min", undefined);
  const maximum = clip.inputs[2] ? values.number(clip.inputs[2]) : floatAttribute(clip, "max", undefined);
  if (minimum === undefined || maximum === undefined || !isWordRange(minimum, maximum)) return undefined;

  const steps: TensorNode[] = [];
  let value = clip.inputs[0] ?? "";
  let node = values.producer(value);
  while (node !== undefined && STEPS.has(node.operator) && values.usedOnce(value)) {
    steps.unshift(node);
    value = (values.operands(node)?.value ?? node.inputs[0]) || "";
    node = values.producer(value);
  }
  if (node === undefined || !values.usedOnce(value)) return undefined;
  const filters = filtersOf(node, values);
  if (filters === undefined) return undefined;

  const sums = new ScaledSums(filters);
  const bias = values.constant(node.inputs[2]);
  if (bias !== undefined && !sums.add(numbersOf(bias))) return undefined;
  for (const step of steps) {
    if (!applyStep(sums, step, values, typeOf)) return undefined;
  }
  const settings = sums.settings(minimum);
  if (settings === undefined) return undefined;
  return {
    name: node.name,
    operator: node.operator,
    domain: INTEGER_DOMAIN,
    opset: node.opset,
    inputs: node.inputs.slice(0, 2),
    outputs: clip.outputs,
    attributes: {
      ...node.attributes,
      requantization_multipliers: settings.multipliers,
      requantization_offsets: settings.offsets,
      requantization_shift: settings.shift,
      requantization_rounding: settings.rounding,
      requantization_minimum: minimum,
      requantization_maximum: maximum,
    },
  };
}

/** 0 … 2^W − 1, −2^(W−1) … 2^(W−1) − 1, or the symmetric range without its least word. */
function isWordRange(minimum: number, maximum: number): boolean {
  const isPower = Number.isInteger(maximum) && maximum >= 1 && Number.isInteger(Math.log2(maximum + 1));
  return isPower && (minimum === 0 || minimum === -maximum - 1 || minimum === -maximum);
}

/** Number of filters of a convolution or product whose weights are whole; undefined for other nodes. */
function filtersOf(node: TensorNode, values: Values): number | undefined {
  const weights = values.constant(node.inputs[1]);
  if (weights === undefined || !isWhole(numbersOf(weights))) return undefined;
  if (node.operator === "Conv") return weights.shape[0];
  const isPlain = floatAttribute(node, "alpha", 1) === 1 && floatAttribute(node, "beta", 1) === 1;
  if (node.operator !== "Gemm" || !isPlain) return undefined;
  return weights.shape[integerAttribute(node, "transB", 0) === 0 ? 1 : 0];
}

function isWhole(numbers: ArrayLike<number>): boolean {
  for (let index = 0; index < numbers.length; index++) if (!Number.isSafeInteger(numbers[index])) return false;
  return true;
}

/** Whether the step could be taken into the sums. */
function applyStep(
  sums: ScaledSums,
  step: TensorNode,
  values: Values,
  typeOf: (value: string) => ElementType | undefined,
): boolean {
  const rounding = ROUNDINGS[step.operator];
  if (rounding !== undefined) return sums.round(rounding);
  if (step.operator === "Cast") {
    const [type] = step.outputs.map((name) => typeOf(name));
    const toFloat = type === "float32" || type === "float64";
    return toFloat || sums.truncate();
  }
  const operands = values.operands(step);
  if (operands === undefined) return false;
  const numbers = numbersOf(operands.constant);
  switch (step.operator) {
    case "Mul":
      return sums.multiply(numbers);
    case "Add":
      return sums.add(numbers);
    case "Sub":
      return operands.valueFirst && sums.add(Float64Array.from(numbers, (number) => -number));
    default:
      return operands.valueFirst && sums.divide(values.number(step.inputs[1]), isFloat(operands.constant));
  }
}

interface Settings {
  readonly multipliers: readonly number[];
  readonly offsets: readonly number[];
  readonly shift: number;
  readonly rounding: Rounding;
}

/** (a · M + B) · 2^−shift, per filter, and how it was rounded. Steps return false where it would not stay that. */
class ScaledSums {
  readonly #multipliers: number[];
  readonly #offsets: number[];
  #shift = 0;
  #rounding: Rounding | undefined;

  constructor(filters: number) {
    this.#multipliers = Array.from({ length: filters }, () => 1);
    this.#offsets = Array.from({ length: filters }, () => 0);
  }

  multiply(factors: ArrayLike<number>): boolean {
    if (this.#rounding !== undefined || !this.#fits(factors)) return false;
    const fraction = isWhole(factors) ? 0 : commonFraction(factors);
    if (fraction === undefined) return false;
    this.#multipliers.forEach((multiplier, filter) => {
      this.#multipliers[filter] = multiplier * this.#of(factors, filter) * 2 ** fraction;
      this.#offsets[filter] = (this.#offsets[filter] ?? 0) * this.#of(factors, filter) * 2 ** fraction;
    });
    this.#shift += fraction;
    return true;
  }

  add(addends: ArrayLike<number>): boolean {
    if (this.#rounding !== undefined || !this.#fits(addends) || !isWhole(addends)) return false;
    this.#offsets.forEach((offset, filter) => {
      this.#offsets[filter] = offset + this.#of(addends, filter) * 2 ** this.#shift;
    });
    return true;
  }

  divide(divisor: number | undefined, inFloat: boolean): boolean {
    if (this.#rounding !== undefined || divisor === undefined || divisor <= 0) return false;
    const exact = Math.log2(divisor);
    const inexact = Math.log2(divisor + 1);
    const shift = Number.isInteger(exact)
      ? exact
      : Number.isInteger(inexact) && inexact >= SMALLEST_INEXACT_SHIFT
        ? inexact
        : undefined;
    if (shift === undefined) return false;
    this.#shift += shift;
    // Integers are divided towards zero at once.
    return inFloat || this.truncate();
  }

  round(rounding: Rounding): boolean {
    if (this.#rounding !== undefined && this.#rounding !== rounding) return false;
    this.#rounding = rounding;
    return true;
  }

  truncate(): boolean {
    if (this.#shift > 0) this.#rounding ??= "zero";
    return true;
  }

  /** Undefined where nothing was rounded or the numbers are not whole. Where negatives become `minimum` 0, truncation is floor. */
  settings(minimum: number): Settings | undefined {
    const rounding = this.#rounding;
    if (rounding === undefined || !isWhole(this.#multipliers) || !isWhole(this.#offsets)) return undefined;
    return {
      multipliers: this.#multipliers,
      offsets: this.#offsets,
      shift: this.#shift,
      rounding: rounding === "zero" && minimum >= 0 ? "down" : rounding,
    };
  }

  #fits({ length }: ArrayLike<number>): boolean {
    return length === 1 || length === this.#multipliers.length;
  }

  #of(numbers: ArrayLike<number>, filter: number): number {
    return numbers[numbers.length === 1 ? 0 : filter] ?? 0;
  }
}

/** The least f with whole numbers · 2^f, up to 64. */
function commonFraction(numbers: ArrayLike<number>): number | undefined {
  for (let fraction = 0; fraction <= 64; fraction++) {
    if (isWhole(Float64Array.from(numbers, (number) => number * 2 ** fraction))) return fraction;
  }
  return undefined;
}
