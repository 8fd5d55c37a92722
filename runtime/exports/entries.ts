/** Registers as entries of a specification: the way back from a rendered assignment to what `--assign` takes. */
import type { AssignmentSpecification, LayerEntry, RegisterFields } from "../../compiler/quantization/specification.ts";
import { nameRecord } from "../../isa/name-record.ts";
import { FORMAT_LIMITS, formatText } from "../../isa/numerics/format.ts";
import { overflowText } from "../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { DatapathRegister } from "../../isa/program/datapath.ts";
import type { LayerKind } from "../../isa/program/program.ts";
import type { ExportedOptions } from "./subject.ts";

/** What an entry is made from: all of an `ExportedLayer` that a reader finds again. */
export interface ReadLayer {
  readonly name: string;
  readonly kind: LayerKind;
  readonly registers: Readonly<Partial<Record<DatapathRegister, RegisterSpec>>>;
  readonly options: ExportedOptions;
}

/** Every field of a register. A format beyond what a user may name is the exact one. */
export function registerFields(spec: RegisterSpec): Required<RegisterFields> {
  const { format, rounding, overflow: mode, saturatedBits, dialect } = spec;
  const { wordLength, fractionLength } = format;
  const { minFractionLength, maxFractionLength } = FORMAT_LIMITS;
  const named =
    wordLength <= FORMAT_LIMITS.wordLength &&
    fractionLength >= minFractionLength &&
    fractionLength <= maxFractionLength;
  const overflow = overflowText({ mode, saturatedBits });
  return { format: named ? formatText(format) : "exact", rounding, overflow, dialect };
}

/**
 * The entry that resolves to the layer's registers again. A layer whose input was not asked for takes the words as they come, so
 * the input's register stands there as the layer's own word, which no other register uses: all others are named.
 */
export function layerEntry(layer: ReadLayer): LayerEntry {
  const { registers, options } = layer;
  const { input, output } = registers;
  const own = input ?? output;
  const named = Object.entries(registers).filter(([register]) =>
    register === "input" ? options.explicitInput : isNamed(layer, register as DatapathRegister),
  );
  return {
    datapath: "intrinsic",
    ...(own === undefined ? {} : registerFields(own)),
    ...Object.fromEntries(
      named.map(([register, spec]) => {
        const quantizer = register === "weight" ? options.weightQuantizer : undefined;
        const perFilter = register === "weight" ? options.weightFractionLengths : undefined;
        return [
          register,
          {
            ...registerFields(spec),
            ...(quantizer === undefined ? {} : { quantizer }),
            ...(perFilter === undefined ? {} : { perFilter }),
          },
        ];
      }),
    ),
    ...(options.biasOrder === "first" ? { biasOrder: "first" as const } : {}),
    ...(options.averageDivider ? { averageDivider: true } : {}),
    ...(options.countPadding === undefined ? {} : { avgPoolCountPadding: options.countPadding }),
    lookupBits: options.lookupBits,
    ...(options.interpolate ? {} : { interpolate: false }),
    ...(options.tableRange === null ? {} : { tableRange: [options.tableRange.min, options.tableRange.max] as const }),
  };
}

/** Registers that an entry can name in the layer; the others follow from those. */
function isNamed(
  { kind, registers, options }: Pick<ReadLayer, "kind" | "registers" | "options">,
  register: DatapathRegister,
): boolean {
  if (register === "scale") return false;
  // The bias of an integer layer; that of a layer whose multipliers only align filters is the user's.
  if (register === "bias" && registers.scale !== undefined && options.weightFractionLengths === undefined) return false;
  // A maximum pool keeps its input's register, and an element-wise sum or product is exact.
  if (kind === "pool" && registers.accumulator === undefined) return register === "input";
  return register !== "accumulator" || kind === "pool" || registers.weight !== undefined;
}

export function specificationOf(layers: readonly ReadLayer[]): AssignmentSpecification {
  const equalize = layers.flatMap(({ name, options: { channelExponents } }): [string, readonly number[]][] =>
    channelExponents === undefined ? [] : [[name, channelExponents]],
  );
  return {
    ...(equalize.length === 0 ? {} : { equalize: nameRecord(equalize) }),
    layers: Object.fromEntries(layers.map((layer) => [layer.name, layerEntry(layer)])),
  };
}
