/** Operators of networks in words (`recognise/scaled-words.ts`): integers to integers, and between words and real values. */
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { register } from "../../../isa/numerics/register.ts";
import type { IntegerRequantization } from "../../graph/graph.ts";
import { elementCount, POINTWISE } from "../../graph/shape.ts";
import { exactFormat } from "../../quantization/exact-bias.ts";
import { choiceAttribute, floatAttribute, floatsAttribute, integerAttribute } from "../../tensor-graph/node-access.ts";
import { arranged, view } from "../arrange.ts";
import { wordFormat } from "../quantizers.ts";
import {
  addHelper,
  addNamed,
  type LegalisationRule,
  legalisationError,
  networkInput,
  outputShape,
  type RuleCall,
} from "../rule.ts";
import { channelsLast, type NetworkValue, rowMajor, withShape } from "../value.ts";
import { addConvolution } from "./convolution.ts";
import { addGemm, addMatrixProduct } from "./matrix.ts";
import { addPool, pooledAxes } from "./pooling.ts";

const ROUNDINGS = [
  "down",
  "up",
  "zero",
  "away",
  "nearest",
  "nearest-up",
  "nearest-down",
  "nearest-zero",
  "nearest-even",
  "nearest-odd",
  "odd",
] as const;

function requantizationOf({ node }: RuleCall, channels: number): IntegerRequantization {
  const spread = (numbers: readonly number[]): Float64Array =>
    Float64Array.from({ length: channels }, (_, channel) => numbers[numbers.length === 1 ? 0 : channel] ?? 0);
  const offsets = floatsAttribute(node, "requantization_offsets") ?? [];
  return {
    multipliers: spread(floatsAttribute(node, "requantization_multipliers") ?? []),
    offsets: offsets.every((offset) => offset === 0) ? null : spread(offsets),
    divisor: 1,
    shift: integerAttribute(node, "requantization_shift", 0),
    rounding: choiceAttribute(node, "requantization_rounding", ROUNDINGS, "nearest-even"),
    minimum: integerAttribute(node, "requantization_minimum", 0),
    maximum: integerAttribute(node, "requantization_maximum", 0),
  };
}

const perFilter = (call: RuleCall): IntegerRequantization =>
  requantizationOf(call, (floatsAttribute(call.node, "requantization_multipliers") ?? []).length);

const requantizeRule: LegalisationRule = (call) => {
  const { node, builder } = call;
  const a = networkInput(call, 0, "a");
  const own = builder.shapeOf(a.name);
  const requantization = requantizationOf(call, own.at(-1) ?? 1);
  const [second] = floatsAttribute(node, "second_multipliers") ?? [];
  const inputs = [a.name];
  if (second !== undefined) inputs.push(view(call, arranged(call, networkInput(call, 1, "b"), a.order).name, own));
  const secondMultipliers = second === undefined ? null : new Float64Array(own.at(-1) ?? 1).fill(second);
  return [{ ...a, name: addNamed(call, { op: "requantize", inputs, requantization, secondMultipliers }) }];
};

/** x · factor, exactly: a product with a constant whose own register holds it. */
function scaled(call: RuleCall, x: NetworkValue, factor: number): NetworkValue {
  const own = call.builder.shapeOf(x.name);
  const channels = own.at(-1) ?? 1;
  const image = own.length === 3 ? own : [1, elementCount(own) / channels, channels];
  const data = new Float32Array(channels).fill(factor);
  const name = addHelper(call, "scaled", {
    op: "conv2d",
    inputs: [view(call, x.name, image)],
    kernel: { shape: [1, 1, 1, channels], data },
    bias: null,
    ...POINTWISE,
    groups: channels,
    activation: "none",
    requantization: null,
    registers: { weight: register(exactFormat(data, `scale ${factor}`)) },
  });
  return { ...x, name: view(call, name, own) };
}

const dequantizeRule: LegalisationRule = (call) => [
  scaled(call, networkInput(call, 0, "x"), floatAttribute(call.node, "scale", 1)),
];

/** x / scale as the product with the float32 next to 1 / scale, rounded once. */
const quantizeRule: LegalisationRule = (call) => {
  const { node } = call;
  const [lowest, highest] = [floatAttribute(node, "lowest", 0), floatAttribute(node, "highest", 0)];
  const rounding = choiceAttribute(node, "rounding", ROUNDINGS, "nearest-even");
  const x = networkInput(call, 0, "x");
  const product = scaled(call, x, Math.fround(1 / floatAttribute(node, "scale", 1)));
  const word = wordFormat(lowest, highest);
  if (word !== undefined) {
    const spec = register(word.format, rounding, word.overflow);
    return [{ ...x, name: addNamed(call, { op: "quantize", inputs: [product.name], register: spec, isLayer: false }) }];
  }
  const wide = register(fixedPoint(32, 0), rounding);
  const whole = addHelper(call, "whole", { op: "quantize", inputs: [product.name], register: wide, isLayer: false });
  const channels = call.builder.shapeOf(whole).at(-1) ?? 1;
  const requantization: IntegerRequantization = {
    multipliers: new Float64Array(channels).fill(1),
    offsets: null,
    divisor: 1,
    shift: 0,
    rounding: "nearest-even",
    minimum: lowest,
    maximum: highest,
  };
  const name = addNamed(call, { op: "requantize", inputs: [whole], requantization, secondMultipliers: null });
  return [{ ...x, name }];
};

/** The mean over all positions of every channel, under the shape of the output. */
const meanRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "X");
  const rank = x.shape.length;
  const value = arranged(call, x, channelsLast(rank));
  const requantization = requantizationOf(call, x.shape[1] ?? 1);
  const mean = withShape(
    pooledAxes(call, "average", value, rowMajor(rank).slice(2), requantization),
    outputShape(call),
  );
  if (mean === undefined) throw legalisationError("output", "axes would have to move in memory", "keep the axes");
  return [mean];
};

/** The words are what the host makes of the network's input. */
const inputRule: LegalisationRule = (call) => {
  const { words: _words, ...value } = networkInput(call, 0, "x");
  if (value.name === "") throw legalisationError("input x", "found none", "export the model again");
  return [value];
};

/** Rules by operator of `WORDS_DOMAIN`. */
export const WORDS_RULES: Readonly<Record<string, LegalisationRule>> = {
  Input: inputRule,
  Quantize: quantizeRule,
  Dequantize: dequantizeRule,
  Requantize: requantizeRule,
  Conv: (call) => addConvolution(call, perFilter(call)),
  Gemm: (call) => addGemm(call, perFilter(call)),
  MatMul: (call) => addMatrixProduct(call, perFilter(call)),
  AveragePool: (call) => addPool(call, "average", requantizationOf(call, networkInput(call, 0, "X").shape[1] ?? 1)),
  GlobalAveragePool: meanRule,
  ReduceMean: meanRule,
};
