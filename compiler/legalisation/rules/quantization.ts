/** Operators that quantize values of the network, which become registers, and conversions of element types. */
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { register } from "../../../isa/numerics/register.ts";
import { flagAttribute } from "../../tensor-graph/node-access.ts";
import { kept } from "../integer-words.ts";
import { linearWords, quantRegister, truncRegister, truncToScaleRegister } from "../quantizers.ts";
import { single } from "../recognise/quantized-grid.ts";
import {
  addHelper,
  addNamed,
  constantInput,
  type LegalisationRule,
  legalisationError,
  networkInput,
  optionalConstant,
  type RuleCall,
  scalarOf,
} from "../rule.ts";
import { scaleAndShift } from "../scale.ts";
import type { NetworkValue } from "../value.ts";

export const quantizeRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "x");
  const [type = "uint8"] = call.types;
  const words = linearWords(type, constantInput(call, 1, "y_scale"), optionalConstant(call, 2, "y_zero_point"));
  return [kept(call, x, words)];
};

/** (q − zero point) · scale, of words that count (q − their own zero point) · unit. */
export const dequantizeRule: LegalisationRule = (call) => {
  const { words, ...value } = networkInput(call, 0, "x");
  const scale = scalarOf(constantInput(call, 1, "x_scale"), "x_scale");
  const given = optionalConstant(call, 2, "x_zero_point");
  const zeroPoint = given === undefined ? 0 : scalarOf(given, "x_zero_point");
  if (words === undefined) {
    throw legalisationError(
      "input x",
      "found integers that the network computes, expected quantized ones",
      "put QuantizeLinear before it",
    );
  }
  if (scale === words.unit && zeroPoint === words.zeroPoint) return [value];
  const shift = (words.zeroPoint - zeroPoint) * scale;
  return [scaleAndShift(call, value, { scale: scale / words.unit, shift })];
};

/** scale from 0 up, −scale below: a function, whose two words a register of two bits holds where the scale is a power of two. */
function sign(call: RuleCall, x: NetworkValue, scale: number): NetworkValue {
  const node = { op: "function", inputs: [x.name], function: { kind: "sign", scale } } as const;
  const exponent = Math.log2(Math.abs(scale));
  const { words: _words, ...value } = x;
  if (!Number.isInteger(exponent)) return { ...value, name: addNamed(call, node) };
  const name = addHelper(call, "sign", node);
  const two = register(fixedPoint(2, -exponent + 0), "nearest-even");
  return { ...value, name: addNamed(call, { op: "quantize", inputs: [name], register: two, isLayer: false }) };
}

export const bipolarRule: LegalisationRule = (call) => [
  sign(call, networkInput(call, 0, "X"), scalarOf(constantInput(call, 1, "scale"), "scale")),
];

export const quantRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "X");
  if (flagAttribute(call.node, "signed", true) && single(constantInput(call, 3, "bitwidth")) === 1) {
    return [sign(call, x, scalarOf(constantInput(call, 1, "scale"), "scale"))];
  }
  const register = quantRegister(
    call.node,
    constantInput(call, 1, "scale"),
    constantInput(call, 2, "zeropt"),
    constantInput(call, 3, "bitwidth"),
  );
  const { words: _words, ...value } = kept(call, x, { unit: 1, zeroPoint: 0, register });
  return [value];
};

/** Version 2 has an input more, the scale of the result. */
export const truncRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "X");
  const second = call.node.inputs.length > 5;
  const names = second ? TRUNC_INPUTS : TRUNC_INPUTS.filter((name) => name !== "out_scale");
  const inputs = names.map((name, position) => constantInput(call, position + 1, name));
  const { register, dropped } = (second ? truncToScaleRegister : truncRegister)(call.node, inputs);
  const shifted = dropped === 0 ? x : scaleAndShift(call, x, { scale: 2 ** -dropped }, "shifted");
  const { words: _words, ...value } = kept(call, shifted, { unit: 1, zeroPoint: 0, register });
  return [value];
};

const TRUNC_INPUTS = ["scale", "zeropt", "in_bitwidth", "out_scale", "out_bitwidth"] as const;

/** Between floats, and from an integer input of the network to floats. */
export const castRule: LegalisationRule = (call) => {
  const { words, ...value } = networkInput(call, 0, "input");
  const [type = "float32"] = call.types;
  const toFloat = type === "float32" || type === "float64";
  const isWhole = words !== undefined && words.register === null;
  if (toFloat && (words === undefined || isWhole)) return [value];
  if (isWhole && !toFloat) return [{ ...value, words }];
  throw legalisationError(
    "output",
    `converts a value that the network computes to ${type}`,
    "the network computes with floats: an integer network has whole weights and inputs, and factors, offsets, divisions and clips by constants alone before it",
  );
};
