/** Every quantizer by its name, those of users among them. */
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { hash, kmeans } from "./codebook.ts";
import { bfloat16, fp16, fp16Truncated, logarithmic, logarithmicFloor } from "./floats.ts";
import { binary, binaryScaled, dorefa, prune, ternary, ternaryScaled } from "./levels.ts";
import { parseQuantizer, type QuantizerContext, type QuantizerDefinition, type TensorQuantizer } from "./quantizer.ts";

export const QUANTIZERS: Readonly<Record<string, QuantizerDefinition>> = {
  binary,
  "binary-scaled": binaryScaled,
  ternary,
  "ternary-scaled": ternaryScaled,
  dorefa,
  logarithmic,
  "logarithmic-floor": logarithmicFloor,
  kmeans,
  hash,
  prune,
  fp16,
  "fp16-truncated": fp16Truncated,
  bfloat16,
};

const KNOWN: Map<string, QuantizerDefinition> = new Map(Object.entries(QUANTIZERS));

/**
 * Makes a quantizer known under its name, in this thread. A quantizer is code of the program that uses the library: no file can
 * name one that was not registered. Throws `DiagnosticError` QUANTIZER for a name that is taken or cannot be written.
 */
export function registerQuantizer(quantizer: TensorQuantizer): void {
  const { name } = quantizer;
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw diagnosticError("QUANTIZER", "registerQuantizer", `"${name}" is no name`, "use small letters, digits and -");
  }
  if (KNOWN.has(name)) {
    throw diagnosticError("QUANTIZER", "registerQuantizer", `"${name}" is there already`, "choose another name");
  }
  KNOWN.set(name, {
    description: "registered by the program",
    parameters: [],
    roles: ["weight", "output"],
    create: () => (values, context) => quantizer.quantize(values, context),
  });
}

/** The quantizer of a text in an assignment. Throws `DiagnosticError` QUANTIZER. */
export function quantizerOf(text: string, role: QuantizerContext["role"], where: string): TensorQuantizer {
  return parseQuantizer(text, KNOWN, role, where);
}
