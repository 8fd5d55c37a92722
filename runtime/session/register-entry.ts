import { type FixedPointFormat, rawToFloat64 } from "../../isa/format.ts";
import { type Raws, rawAt } from "../../isa/raws.ts";
import { type RegisterSpec, registerText } from "../../isa/register.ts";
import type { OverflowSite, RegisterEvidence } from "../../sim/evidence.ts";
import type { RegisterEntry } from "../report/run-report.ts";

/** Bits a two's complement word, or an unsigned one (min ≥ 0), needs for every raw from `min` to `max`. */
export function bitsNeeded(min: bigint, max: bigint, signed: boolean): number {
  const length = (magnitude: bigint): number => (magnitude <= 0n ? 0 : magnitude.toString(2).length);
  if (!signed) return Math.max(1, length(max));
  return 1 + Math.max(length(max), min < 0n ? length(-min - 1n) : 0);
}

/** High bits of the word that no value from `min` to `max` needed; 0 where the range goes beyond the word. */
function unusedHighBits(min: bigint, max: bigint, { wordLength, signed }: FixedPointFormat): number {
  if (!signed && min < 0n) return 0;
  return Math.max(0, wordLength - bitsNeeded(min, max, signed));
}

/** Entry of a register that quantized while the machine (or the host) ran. */
export function evidenceEntry(
  spec: RegisterSpec,
  evidence: RegisterEvidence | undefined,
  describe: (site: OverflowSite) => Readonly<Record<string, unknown>>,
): RegisterEntry {
  const { format } = spec;
  const statistics = evidence?.statistics ?? null;
  const value = (raw: bigint): number => rawToFloat64(raw, format.fractionLength);
  return {
    format: registerText(spec),
    overflow: evidence?.overflow ?? 0,
    first: evidence?.first ? describe(evidence.first) : null,
    min: statistics && value(statistics.min),
    max: statistics && value(statistics.max),
    unusedHighBits: statistics && unusedHighBits(statistics.min, statistics.max, format),
    flushedToZero: statistics?.flushedToZero ?? null,
    meanRoundingError:
      statistics &&
      rawToFloat64(statistics.errorSum, statistics.errorFraction - format.fractionLength) / statistics.count,
  };
}

/** Entry of words that were quantized at compile time: their stored range, and how many were clipped. */
export function constantEntry(
  spec: RegisterSpec,
  constants: readonly { readonly raws: Raws; readonly format: FixedPointFormat }[],
  clipped: number,
): RegisterEntry {
  let min: bigint | null = null;
  let max: bigint | null = null;
  for (const { raws, format } of constants) {
    for (let index = 0; index < raws.length; index++) {
      const raw = rawAt(raws, index, format);
      if (min === null || raw < min) min = raw;
      if (max === null || raw > max) max = raw;
    }
  }
  const { format } = spec;
  return {
    format: registerText(spec),
    overflow: clipped,
    first: null,
    min: min === null ? null : rawToFloat64(min, format.fractionLength),
    max: max === null ? null : rawToFloat64(max, format.fractionLength),
    unusedHighBits: min === null || max === null ? null : unusedHighBits(min, max, format),
    flushedToZero: null,
    meanRoundingError: null,
  };
}
