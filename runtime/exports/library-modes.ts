/** Rounding and overflow modes by the names of other tools, and where a tool has no equal. */
import type { Diagnostic } from "../../isa/diagnostic.ts";
import { DIALECTS, type Dialect, OVERFLOW_MODES, overflowText } from "../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import { ROUNDING_MODES } from "../../isa/numerics/rounding.ts";
import type { ExportedLayer, ExportedRegister } from "./subject.ts";

export interface LibraryModes {
  /** Without the library's prefix. */
  readonly rounding: string;
  readonly overflow: string;
  /** N of wrapping modes. */
  readonly saturatedBits: number;
}

/** The library's names, or what it lacks. */
export function libraryModes(spec: RegisterSpec, library: Dialect): LibraryModes | { readonly lacks: string } {
  const rounding = ROUNDING_MODES[spec.rounding].names[library];
  const overflow = OVERFLOW_MODES[spec.overflow].names[library];
  const name = DIALECTS[library].library;
  if (rounding === undefined) return { lacks: `${name} has no rounding ${spec.rounding}` };
  if (overflow === undefined) return { lacks: `${name} has no overflow ${spec.overflow}` };
  if (library === "ac" && spec.saturatedBits > 0) {
    return {
      lacks: `${name} has no overflow ${overflowText({ mode: spec.overflow, saturatedBits: spec.saturatedBits })}`,
    };
  }
  if (cornersDiffer(spec, library)) {
    return {
      lacks: `${name} and ${DIALECTS[spec.dialect].library} differ in ${spec.overflow} of this register`,
    };
  }
  return { rounding, overflow, saturatedBits: spec.saturatedBits };
}

/** Whether the register meets one of the three corners in which its dialect and the library give different words. */
function cornersDiffer({ format, overflow, saturatedBits, dialect }: RegisterSpec, library: Dialect): boolean {
  const [own, other] = [DIALECTS[dialect], DIALECTS[library]];
  if (overflow === "saturate-symmetric" && format.signed && format.wordLength === 1) {
    return own.oneBitSymmetricKeepsMinusOne !== other.oneBitSymmetricKeepsMinusOne;
  }
  if (overflow === "wrap" && !format.signed && saturatedBits > 0) {
    return own.unsignedWrapOfNegativeSetsOnes !== other.unsignedWrapOfNegativeSetsOnes;
  }
  if (overflow === "wrap-sign-magnitude" && saturatedBits === 0) {
    return own.deletedBitBeforeRounding !== other.deletedBitBeforeRounding;
  }
  return false;
}

/** The diagnostic of a register whose modes act and that the tool cannot say. */
export function lacking(layer: ExportedLayer, { register }: ExportedRegister, what: string): Diagnostic {
  return {
    code: "EXPORT_MODE",
    where: `layer "${layer.name}": ${register}`,
    what,
    hint: "choose a mode that both have, or export to json, csv, systemverilog or vhdl, which hold every mode",
  };
}
