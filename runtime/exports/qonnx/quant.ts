/** A register as a Quant node of QONNX. */
import { type Diagnostic, DiagnosticError } from "../../../isa/diagnostic.ts";
import { formatText } from "../../../isa/numerics/format.ts";
import { ROUNDING_MODES } from "../../../isa/numerics/rounding.ts";
import { lacking } from "../library-modes.ts";
import type { ExportedLayer, ExportedRegister } from "../subject.ts";
import { type ModelWriter, QUANT_DOMAIN } from "./model-writer.ts";

/** Fraction lengths whose step 2^−F is a float32. */
const FRACTION = { min: -127, max: 149 } as const;

/** Registers that a Quant node can stand for. */
export const QONNX_REGISTERS = ["input", "weight", "bias", "output"] as const;
export type QonnxRegister = (typeof QONNX_REGISTERS)[number];

/** Scales that differ along an axis of the value. */
export interface FilterScales {
  readonly shape: readonly number[];
  readonly fractionLengths: readonly number[];
}

/** Adds the node behind `value` and returns the name of its value. The register must have passed `requireQuant`. */
export function addQuant(
  writer: ModelWriter,
  value: string,
  wanted: string,
  { spec }: ExportedRegister,
  filters: FilterScales | null = null,
): string {
  const { wordLength, fractionLength, signed } = spec.format;
  const name = writer.fresh(wanted);
  const number = (role: string, numeral: number): string =>
    writer.floats(`${name}/${role}`, [], Float32Array.of(numeral));
  const scale =
    filters === null
      ? number("scale", 2 ** -fractionLength)
      : writer.floats(
          `${name}/scale`,
          filters.shape,
          Float32Array.from(filters.fractionLengths, (f) => 2 ** -f),
        );
  return writer.add(name, {
    operator: "Quant",
    domain: QUANT_DOMAIN,
    inputs: [value, scale, number("zeropt", 0), number("bitwidth", wordLength)],
    attributes: {
      signed: { integer: signed ? 1 : 0 },
      narrow: { integer: signed && spec.overflow === "saturate-symmetric" ? 1 : 0 },
      rounding_mode: { text: ROUNDING_MODES[spec.rounding].names.qonnx?.[0] ?? "" },
    },
  });
}

/** Throws `DiagnosticError` EXPORT_MODE with every register that no Quant node can stand for. */
export function requireQuant(layers: readonly (ExportedLayer & { readonly groups: number })[]): void {
  const found: Diagnostic[] = [];
  for (const layer of layers) {
    const { weightFractionLengths: lengths } = layer.options;
    const weight = layer.registers.find(({ register }) => register === "weight");
    if (lengths !== undefined && weight !== undefined) {
      const tiny = lengths.some((length) => length > FRACTION.max);
      if (tiny) found.push(lacking(layer, weight, "the step of a filter's weights is no float32"));
      // A kernel of groups has no axis of its own for the filters of all groups.
      if (layer.kind === "convTranspose2d" && layer.groups > 1) {
        found.push(lacking(layer, weight, "no scale of a transposed convolution in groups can differ between filters"));
      }
    }
    for (const register of layer.registers) {
      const isQuantized = (QONNX_REGISTERS as readonly string[]).includes(register.register);
      const lacks = isQuantized ? whatLacks(register) : undefined;
      if (lacks !== undefined) found.push(lacking(layer, register, lacks));
    }
  }
  if (found.length > 0) throw new DiagnosticError(found);
}

function whatLacks({ spec }: ExportedRegister): string | undefined {
  const { format, rounding, overflow } = spec;
  if (ROUNDING_MODES[rounding].names.qonnx === undefined) return `QONNX has no rounding ${rounding}`;
  if (overflow !== "saturate" && overflow !== "saturate-symmetric") return `QONNX has no overflow ${overflow}`;
  if (format.signed && format.wordLength === 1) return "one signed bit means −1 and 1 in QONNX";
  if (format.fractionLength >= FRACTION.min && format.fractionLength <= FRACTION.max) return undefined;
  return `the step of ${formatText(format)} is no float32`;
}
