/** Reads the entry of one register over what it defaults to. */
import { diagnosticError } from "../../isa/diagnostic.ts";
import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import { type OverflowSpec, parseOverflow } from "../../isa/numerics/overflow.ts";
import { type RegisterSpec, register } from "../../isa/numerics/register.ts";
import { type AutomaticFormat, isAutomatic, parseWrittenFormat } from "./automatic-format.ts";
import type { LayerEntry, RegisterEntry } from "./specification.ts";

/** How formats that are not numbers become some. */
export interface FormatRules {
  /** For `W,auto`; absent where a register cannot have one. */
  readonly automatic?: (written: AutomaticFormat) => FixedPointFormat;
  /** For `exact`; absent where a register cannot have it. */
  readonly exact?: () => FixedPointFormat;
}

/** Rounding, overflow and dialect of a register. */
export type RegisterStyle = Omit<RegisterSpec, "format">;

/** The usual choices: to nearest, saturating, SystemC's corners. */
export const USUAL_STYLE: RegisterStyle = styleOf(register({ wordLength: 1, fractionLength: 0, signed: true }));

/** The register that `entry` describes; what it leaves out comes from `style` and `format`. Throws `DiagnosticError`. */
export function readRegister(
  entry: RegisterEntry | undefined,
  style: RegisterStyle,
  format: () => FixedPointFormat,
  rules: FormatRules,
  where: string,
): RegisterSpec {
  const fields = typeof entry === "string" ? { format: entry } : (entry ?? {});
  const chosen = fields.format === undefined ? format() : readFormat(fields.format, rules, where);
  const exact = fields.format?.trim() === "exact";
  return { format: chosen, ...readStyle(fields, exact ? USUAL_STYLE : style, where) };
}

/** The format of a text: `W,F`, `uW,F`, and `W,auto` or `exact` where the rules admit them. */
export function readFormat(text: string, rules: FormatRules, where: string): FixedPointFormat {
  if (text.trim() === "exact") {
    if (rules.exact) return rules.exact();
    const hint = "only product and accumulator can be exact: write W,F";
    throw diagnosticError("FORMAT", where, '"exact" is no format of this register', hint);
  }
  const written = parseWrittenFormat(text, where);
  if (!isAutomatic(written)) return written;
  if (rules.automatic) return rules.automatic(written);
  throw diagnosticError(
    "FORMAT",
    where,
    `"${text}" is no format of this register: nothing measures its range`,
    "write a number for F",
  );
}

/** `base` with the rounding, overflow and dialect that `fields` gives. */
export function readStyle(
  fields: Pick<LayerEntry, "rounding" | "overflow" | "dialect">,
  base: RegisterStyle,
  where: string,
): RegisterStyle {
  const overflow: OverflowSpec =
    fields.overflow === undefined
      ? { mode: base.overflow, saturatedBits: base.saturatedBits }
      : parseOverflow(fields.overflow, `${where}: overflow`);
  return {
    rounding: fields.rounding ?? base.rounding,
    overflow: overflow.mode,
    saturatedBits: overflow.saturatedBits,
    dialect: fields.dialect ?? base.dialect,
  };
}

function styleOf({ rounding, overflow, saturatedBits, dialect }: RegisterSpec): RegisterStyle {
  return { rounding, overflow, saturatedBits, dialect };
}
