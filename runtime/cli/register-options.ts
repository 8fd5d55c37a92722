import { DiagnosticError, diagnosticError, nearestName } from "../../isa/diagnostic.ts";
import { parseFormat } from "../../isa/format.ts";
import { DIALECTS, type Dialect, parseOverflow } from "../../isa/overflow.ts";
import { type RegisterSpec, register, validateRegister } from "../../isa/register.ts";
import { parseRoundingMode } from "../../isa/rounding.ts";

export function parseDialect(text: string, where = "--dialect"): Dialect {
  if (Object.hasOwn(DIALECTS, text)) return text as Dialect;
  const names = Object.keys(DIALECTS);
  throw diagnosticError(
    "DIALECT",
    where,
    `unknown dialect "${text}"`,
    `use ${nearestName(text, names) ?? names.join(", ")}`,
  );
}

/** A register from the texts of its options; throws diagnostics that name them. */
export function registerFromOptions(options: {
  format: string;
  rounding: string;
  overflow: string;
  dialect: string;
}): RegisterSpec {
  const { mode, saturatedBits } = parseOverflow(options.overflow, "--overflow");
  const spec = register(
    parseFormat(options.format, "--to"),
    parseRoundingMode(options.rounding, "--rounding"),
    mode,
    saturatedBits,
    parseDialect(options.dialect),
  );
  const found = validateRegister(spec, "--to");
  if (found.length > 0) throw new DiagnosticError(found);
  return spec;
}
