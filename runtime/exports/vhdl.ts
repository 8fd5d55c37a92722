/** VHDL-2008 package: a subtype of sfixed or ufixed per register, indexed from the highest bit's weight down to the lowest's. */
import { OVERFLOW_MODES, type OverflowMode } from "../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../isa/numerics/rounding.ts";
import { assignmentComments, commentText, identifier, layerIdentifiers } from "./identifiers.ts";
import type { ExportSubject } from "./subject.ts";

const ROUND_STYLES: Readonly<Partial<Record<RoundingMode, string>>> = {
  down: "fixed_truncate",
  "nearest-even": "fixed_round",
};

const OVERFLOW_STYLES: Readonly<Partial<Record<OverflowMode, string>>> = {
  saturate: "fixed_saturate",
  wrap: "fixed_wrap",
};

/**
 * What resize of fixed_pkg takes for the same words, from a source of the same signedness. fixed_round of an sfixed whose highest
 * bit lies two or more below the last one kept gives −1 for negative values that round to 0: then the condition is said.
 */
function resizeText({ format, rounding, overflow, saturatedBits }: RegisterSpec): string {
  const lowest = -format.fractionLength;
  const style = ROUND_STYLES[rounding];
  const bounded = style === "fixed_round" && format.signed ? `${style} (source'high >= ${lowest - 1})` : style;
  const known = [bounded, saturatedBits === 0 ? OVERFLOW_STYLES[overflow] : undefined].filter(
    (text) => text !== undefined,
  );
  return known.length === 0 ? "" : `fixed_pkg resize: ${known.join(", ")}`;
}

const literal = (prefix: string, mode: string): string => `${prefix}_${mode.replaceAll("-", "_")}`;

/**
 * Per register the subtype `<layer>_<register>_t` (W − F − 1 downto −F) and the constants `_rounding`, `_overflow` and `_n`. The
 * package's own enumerations have every mode; a comment says what resize of fixed_pkg takes for the same.
 */
export function vhdlPackage({ model, verified, layers }: ExportSubject): string {
  const identifiers = layerIdentifiers(layers.map(({ name }) => name));
  const name = `${identifier(model)}_types`;
  const lines = [
    `-- Word lengths of ${commentText(model)}, written by macroscope. VHDL-2008.`,
    ...assignmentComments({ verified, layers }, "--"),
    "library ieee;",
    "use ieee.std_logic_1164.all;",
    "use ieee.fixed_pkg.all;",
    "",
    `package ${name} is`,
    "",
    `  type rounding_type is (${Object.keys(ROUNDING_MODES)
      .map((mode) => literal("round", mode))
      .join(", ")});`,
    `  type overflow_type is (${Object.keys(OVERFLOW_MODES)
      .map((mode) => literal("overflow", mode))
      .join(", ")});`,
  ];
  for (const layer of layers) {
    lines.push("", `  -- ${commentText(layer.name)} (${layer.kind})`);
    for (const { register, spec, exact } of layer.registers) {
      const base = `${identifiers.get(layer.name)}_${register}`;
      const { wordLength, fractionLength, signed } = spec.format;
      const vector = signed ? "sfixed" : "ufixed";
      const note = exact ? "exact: nothing is lost here" : resizeText(spec);
      lines.push(
        `  subtype ${base}_t is ${vector}(${wordLength - fractionLength - 1} downto ${-fractionLength + 0});${note && ` -- ${note}`}`,
        `  constant ${base}_rounding : rounding_type := ${literal("round", spec.rounding)};`,
        `  constant ${base}_overflow : overflow_type := ${literal("overflow", spec.overflow)};`,
        `  constant ${base}_n : natural := ${spec.saturatedBits};`,
      );
    }
  }
  lines.push("", `end package ${name};`);
  return `${lines.join("\n")}\n`;
}
