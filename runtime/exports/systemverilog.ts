/** SystemVerilog package: lengths, types and modes of every register. */
import { OVERFLOW_MODES, overflowText } from "../../isa/numerics/overflow.ts";
import { ROUNDING_MODES } from "../../isa/numerics/rounding.ts";
import { assignmentComments, commentText, identifier, layerIdentifiers } from "./identifiers.ts";
import type { ExportSubject } from "./subject.ts";

const literal = (mode: string): string => mode.toUpperCase().replaceAll("-", "_");

/**
 * Per register `<layer>_<register>_W`, `_F`, `_SIGNED`, `_ROUNDING`, `_OVERFLOW`, `_N` and the type `<layer>_<register>_t`. The
 * modes are literals of `rounding_e` and `overflow_e`, kept as numbers, since Icarus Verilog has no parameters of enumerations; their values
 * are those of the machine's encodings.
 */
export function systemverilogPackage({ model, verified, layers }: ExportSubject): string {
  const identifiers = layerIdentifiers(layers.map(({ name }) => name));
  const name = `${identifier(model)}_types`;
  const lines = [
    `// Word lengths of ${commentText(model)}, written by macroscope. value = word * 2^-F.`,
    ...assignmentComments({ verified, layers }, "//"),
    `package ${name};`,
    "",
    ...enumeration("rounding_e", "ROUND", ROUNDING_MODES),
    "",
    ...enumeration("overflow_e", "OVERFLOW", OVERFLOW_MODES),
  ];
  for (const layer of layers) {
    lines.push("", `  // ${commentText(layer.name)} (${layer.kind})`);
    for (const { register, spec, exact } of layer.registers) {
      const base = `${identifiers.get(layer.name)}_${register}`;
      const { wordLength, fractionLength, signed } = spec.format;
      const { overflow: mode, saturatedBits } = spec;
      const note = exact ? "exact: nothing is lost here" : overflowText({ mode, saturatedBits });
      lines.push(
        `  localparam int ${base}_W = ${wordLength};`,
        `  localparam int ${base}_F = ${fractionLength};`,
        `  localparam bit ${base}_SIGNED = 1'b${signed ? 1 : 0};`,
        `  localparam logic [3:0] ${base}_ROUNDING = ROUND_${literal(spec.rounding)};`,
        `  localparam logic [3:0] ${base}_OVERFLOW = OVERFLOW_${literal(mode)};`,
        `  localparam int ${base}_N = ${saturatedBits};`,
        `  typedef logic ${signed ? "signed " : ""}[${wordLength - 1}:0] ${base}_t; // ${note}`,
      );
    }
  }
  lines.push("", `endpackage : ${name}`);
  return `${lines.join("\n")}\n`;
}

function enumeration(
  type: string,
  prefix: string,
  table: Readonly<Record<string, { readonly code: number; readonly description: string }>>,
): string[] {
  const entries = Object.entries(table);
  return [
    "  typedef enum logic [3:0] {",
    ...entries.map(([mode, { code, description }], index) => {
      const comma = index < entries.length - 1 ? "," : "";
      return `    ${prefix}_${literal(mode)} = 4'd${code}${comma} // ${ascii(description)}`;
    }),
    `  } ${type};`,
  ];
}

/** Descriptions have −, ∞ and ±, and packages only the letters that every tool reads. */
function ascii(text: string): string {
  return text
    .replaceAll("−", "-")
    .replaceAll("∞", "infinity")
    .replaceAll("±", "+-")
    .replace(/[^\x20-\x7e]/g, "?");
}
