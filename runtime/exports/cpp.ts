/**
 * C++ headers: one type per register for ap_fixed (Vitis and other HLS), ac_fixed (Catapult) and sc_fixed (SystemC). All three
 * count integer bits: I = W − F, which may be negative or exceed W.
 */
import { type Diagnostic, DiagnosticError } from "../../isa/diagnostic.ts";
import type { Dialect } from "../../isa/numerics/overflow.ts";
import { registerText } from "../../isa/numerics/register.ts";
import { assignmentComments, commentText, identifier, layerIdentifiers } from "./identifiers.ts";
import { type LibraryModes, lacking, libraryModes } from "./library-modes.ts";
import type { ExportedRegister, ExportSubject } from "./subject.ts";

interface Library {
  readonly includes: readonly string[];
  /** Namespace of the type and of its modes. */
  readonly prefix: string;
  readonly modePrefix: string;
  type(wordLength: number, integerLength: number, signed: boolean, modes: readonly string[]): string;
}

const typeOf = (signed: string, unsigned: string): Library["type"] => {
  return (w, i, isSigned, modes) => `${isSigned ? signed : unsigned}<${[w, i, ...modes].join(", ")}>`;
};

const LIBRARIES: Readonly<Record<Dialect, Library>> = {
  ap: { includes: ["#include <ap_fixed.h>"], prefix: "", modePrefix: "AP_", type: typeOf("ap_fixed", "ap_ufixed") },
  sc: {
    includes: ["#ifndef SC_INCLUDE_FX", "#define SC_INCLUDE_FX", "#endif", "#include <systemc>"],
    prefix: "sc_dt::",
    modePrefix: "sc_dt::SC_",
    type: typeOf("sc_fixed", "sc_ufixed"),
  },
  ac: {
    includes: ["#include <ac_fixed.h>"],
    prefix: "",
    modePrefix: "AC_",
    type: (w, i, signed, modes) => `ac_fixed<${[w, i, signed, ...modes].join(", ")}>`,
  },
};

/**
 * `<layer>_<register>_t` in a namespace of the model's name. A register at which nothing is lost has the library's plain type. Throws
 * `DiagnosticError` EXPORT_MODE with every register whose modes the library lacks; for words made at compile time, which no
 * hardware rounds, a comment says so instead.
 */
export function cppHeader({ model, verified, layers }: ExportSubject, library: Dialect): string {
  const found: Diagnostic[] = [];
  const identifiers = layerIdentifiers(layers.map(({ name }) => name));
  const guard = `MACROSCOPE_${identifier(model).toUpperCase()}_${library.toUpperCase()}_FIXED_H`;
  const lines = [
    `// Fixed-point types of ${commentText(model)}, written by macroscope: one per register.`,
    ...assignmentComments({ verified, layers }, "//"),
    `#ifndef ${guard}`,
    `#define ${guard}`,
    "",
    ...LIBRARIES[library].includes,
    "",
    `namespace ${identifier(model)}_types {`,
  ];
  for (const layer of layers) {
    lines.push("", `// ${commentText(layer.name)} (${layer.kind})`);
    for (const register of layer.registers) {
      const modes = libraryModes(register.spec, library);
      const lacks = "lacks" in modes ? modes.lacks : undefined;
      if (lacks !== undefined && !register.exact && !register.constant) {
        found.push(lacking(layer, register, lacks));
        continue;
      }
      const name = `${identifiers.get(layer.name)}_${register.register}_t`;
      const note = register.exact
        ? "exact: nothing is lost here"
        : lacks === undefined
          ? registerText(register.spec)
          : `${registerText(register.spec)}: ${lacks}; these words are made before they are stored`;
      lines.push(`typedef ${cppType(register, library, "lacks" in modes ? null : modes)} ${name}; // ${note}`);
    }
  }
  if (found.length > 0) throw new DiagnosticError(found);
  lines.push("", `} // namespace ${identifier(model)}_types`, "", `#endif // ${guard}`);
  return `${lines.join("\n")}\n`;
}

function cppType({ spec, exact }: ExportedRegister, library: Dialect, modes: LibraryModes | null): string {
  const { prefix, modePrefix, type } = LIBRARIES[library];
  const { wordLength, fractionLength, signed } = spec.format;
  const written: string[] = [];
  if (modes !== null && !exact) {
    written.push(modePrefix + modes.rounding, modePrefix + modes.overflow);
    if (modes.saturatedBits > 0) written.push(String(modes.saturatedBits));
  }
  return prefix + type(wordLength, wordLength - fractionLength, signed, written);
}
