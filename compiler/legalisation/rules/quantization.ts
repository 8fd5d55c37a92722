/** Operators that quantize values of the network, which become registers, and conversions of element types. */
import { linearRegister, quantRegister, truncRegister, truncToScaleRegister } from "../quantizers.ts";
import {
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
import type { NetworkValue, PrescribedRegister } from "../value.ts";

/** From here on the value is in the register: a name of its own for the same words. */
function kept(call: RuleCall, value: NetworkValue, register: PrescribedRegister): NetworkValue {
  const shape = call.builder.shapeOf(value.name);
  const name = addNamed(call, { op: "reshape", inputs: [value.name], shape });
  call.prescriptions.value(name, register);
  return { ...value, name, words: register };
}

export const quantizeRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "x");
  const [type = "uint8"] = call.types;
  const register = linearRegister(type, constantInput(call, 1, "y_scale"), optionalConstant(call, 2, "y_zero_point"));
  return [kept(call, x, register)];
};

/** The words count their scale already, unless they are an integer input of the network. */
export const dequantizeRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "x");
  const scale = constantInput(call, 1, "x_scale");
  const zeroPoint = optionalConstant(call, 2, "x_zero_point");
  const { words, ...value } = x;
  if (words === "integers") {
    const factor = scalarOf(scale, "x_scale");
    const zero = zeroPoint === undefined ? 0 : scalarOf(zeroPoint, "x_zero_point");
    return [scaleAndShift(call, value, { scale: factor, shift: -zero * factor })];
  }
  if (words === undefined) {
    throw legalisationError(
      "input x",
      "found integers that the network computes, expected quantized ones",
      "put QuantizeLinear before it",
    );
  }
  const type = zeroPoint?.type ?? (words.format.startsWith("u") ? "uint8" : "int8");
  const own = linearRegister(sameWidth(type, words), scale, zeroPoint);
  if (own.format !== words.format) {
    throw legalisationError(
      "input x_scale",
      `found the format ${own.format} of words that were quantized to ${words.format}`,
      "use one scale and zero point for both",
    );
  }
  return [value];
};

/** Without a zero point only the words' own format tells how many bits they have. */
function sameWidth(
  type: "uint8" | "int8" | NonNullable<RuleCall["types"][number]>,
  words: PrescribedRegister,
): NonNullable<RuleCall["types"][number]> {
  const bits = Number.parseInt(words.format.replace(/^u/, ""), 10);
  if (type !== "uint8" && type !== "int8") return type;
  const unsigned = type === "uint8";
  return bits === 16 ? (unsigned ? "uint16" : "int16") : bits === 32 ? (unsigned ? "uint32" : "int32") : type;
}

export const quantRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "X");
  const register = quantRegister(
    call.node,
    constantInput(call, 1, "scale"),
    constantInput(call, 2, "zeropt"),
    constantInput(call, 3, "bitwidth"),
  );
  const { words: _words, ...value } = kept(call, x, register);
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
  const { words: _words, ...value } = kept(call, shifted, register);
  return [value];
};

const TRUNC_INPUTS = ["scale", "zeropt", "in_bitwidth", "out_scale", "out_bitwidth"] as const;

/** Between floats, and from an integer input of the network to floats. */
export const castRule: LegalisationRule = (call) => {
  const { words, ...value } = networkInput(call, 0, "input");
  const [type = "float32"] = call.types;
  const toFloat = type === "float32" || type === "float64";
  if (toFloat && (words === undefined || words === "integers")) return [value];
  if (words === "integers" && !toFloat) return [{ ...value, words }];
  throw legalisationError(
    "output",
    `converts a value that the network computes to ${type}`,
    "the network computes with floats: an integer network needs Conv, Mul, Add, Div or Floor and Clip in a row",
  );
};
