import { withOwnFormat } from "../../compiler/quantization/format-notations.ts";
import { DiagnosticError, diagnosticError, nearestName } from "../../isa/diagnostic.ts";
import { parseFormat } from "../../isa/numerics/format.ts";
import { DIALECTS, type Dialect, parseOverflow } from "../../isa/numerics/overflow.ts";
import { type RegisterSpec, register, validateRegister } from "../../isa/numerics/register.ts";
import { parseRoundingMode } from "../../isa/numerics/rounding.ts";

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

/** A register from the texts of its options: to nearest, saturating, with SystemC's corners unless they say otherwise; throws diagnostics that name them. */
export function registerFromOptions(options: {
  readonly format: string;
  readonly rounding?: string | undefined;
  readonly overflow?: string | undefined;
  readonly dialect?: string | undefined;
}): RegisterSpec {
  const own = withOwnFormat(options, "--to");
  const { mode, saturatedBits } = parseOverflow(own.overflow ?? "saturate", "--overflow");
  const spec = register(
    parseFormat(own.format, "--to"),
    parseRoundingMode(own.rounding ?? "nearest", "--rounding"),
    mode,
    saturatedBits,
    parseDialect(own.dialect ?? "sc"),
  );
  const found = validateRegister(spec, "--to");
  if (found.length > 0) throw new DiagnosticError(found);
  return spec;
}
