/** MATLAB Fixed-Point Designer: a function that returns a numerictype and a fimath per register. */
import { type Diagnostic, DiagnosticError } from "../../isa/diagnostic.ts";
import { OVERFLOW_MODES, overflowText } from "../../isa/numerics/overflow.ts";
import { type RegisterSpec, registerText } from "../../isa/numerics/register.ts";
import { ROUNDING_MODES } from "../../isa/numerics/rounding.ts";
import { assignmentComments, commentText, identifier, layerIdentifiers } from "./identifiers.ts";
import { lacking } from "./library-modes.ts";
import type { ExportSubject } from "./subject.ts";

/** `numerictype(1, W, F)`, or 0 for an unsigned one. */
export function numericTypeText({ format }: RegisterSpec): string {
  return `numerictype(${format.signed ? 1 : 0}, ${format.wordLength}, ${format.fractionLength})`;
}

/** Its arguments; what MATLAB lacks. */
function fimathText(spec: RegisterSpec): string | { readonly lacks: string } {
  const rounding = ROUNDING_MODES[spec.rounding].names.matlab;
  const overflow = OVERFLOW_MODES[spec.overflow].names.matlab;
  if (rounding === undefined) return { lacks: `fimath has no rounding ${spec.rounding}` };
  if (overflow === undefined || spec.saturatedBits > 0) {
    const text = overflowText({ mode: spec.overflow, saturatedBits: spec.saturatedBits });
    return { lacks: `fimath has no overflow ${text}` };
  }
  return `fimath('RoundingMethod', '${rounding}', 'OverflowAction', '${overflow}')`;
}

/** A register at which nothing is lost has a numerictype alone; the rest as for the C++ headers. */
export function matlabFunction({ model, verified, layers }: ExportSubject): string {
  const found: Diagnostic[] = [];
  const identifiers = layerIdentifiers(layers.map(({ name }) => name));
  const name = `${identifier(model)}_types`;
  const lines = [
    `function types = ${name}()`,
    `% Word lengths of ${commentText(model)}, written by macroscope.`,
    ...assignmentComments({ verified, layers }, "%"),
    "% types.<layer>.<register>.type is its numerictype, .math its fimath.",
  ];
  for (const layer of layers) {
    lines.push("", `% ${commentText(layer.name)} (${layer.kind})`);
    for (const register of layer.registers) {
      const math = fimathText(register.spec);
      const place = `types.${identifiers.get(layer.name)}.${register.register}`;
      const type = `${place}.type = ${numericTypeText(register.spec)};`;
      if (register.exact) {
        lines.push(`${type} % exact: nothing is lost here`);
      } else if (typeof math === "string") {
        lines.push(type, `${place}.math = ${math};`);
      } else if (register.constant) {
        lines.push(
          `${type} % ${registerText(register.spec)}: ${math.lacks}; these words are made before they are stored`,
        );
      } else {
        found.push(lacking(layer, register, math.lacks));
      }
    }
  }
  if (found.length > 0) throw new DiagnosticError(found);
  lines.push("", "end");
  return `${lines.join("\n")}\n`;
}
