import { bitsNeeded, type FixedPointFormat, rawToFloat64 } from "../../../isa/numerics/format.ts";
import type { Raws } from "../../../isa/numerics/raws.ts";
import { type RegisterSpec, registerText } from "../../../isa/numerics/register.ts";
import type { OverflowSite, RegisterEvidence } from "../../../sim/evidence.ts";
import type { RegisterEntry } from "../../results/run-report.ts";
import { ConstantTally, histogramEntry } from "./register-histogram.ts";
import { expectedRoundingError } from "./rounding-expectation.ts";

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
    unusedLowBits: statistics && (statistics.trailingZeros ?? format.wordLength),
    flushedToZero: statistics?.flushedToZero ?? null,
    meanRoundingError:
      statistics &&
      rawToFloat64(statistics.errorSum, statistics.errorFraction - format.fractionLength) / statistics.count,
    expectedRoundingError: statistics && expectedRoundingError(spec, statistics),
    histogram: statistics && histogramEntry(statistics.histogram, format.fractionLength),
  };
}

/** Entry of words that were quantized at compile time: their stored range, and how many were clipped. */
export function constantEntry(
  spec: RegisterSpec,
  constants: readonly { readonly raws: Raws; readonly format: FixedPointFormat }[],
  clipped: number,
): RegisterEntry {
  const tally = new ConstantTally();
  for (const { raws, format } of constants) tally.add(raws, format);
  const { format } = spec;
  const { min, max } = tally;
  return {
    format: registerText(spec),
    overflow: clipped,
    first: null,
    min: min === null ? null : rawToFloat64(min, format.fractionLength),
    max: max === null ? null : rawToFloat64(max, format.fractionLength),
    unusedHighBits: min === null || max === null ? null : unusedHighBits(min, max, format),
    unusedLowBits: min === null ? null : (tally.trailingZeros ?? format.wordLength),
    flushedToZero: null,
    meanRoundingError: null,
    expectedRoundingError: null,
    histogram: min === null ? null : histogramEntry(tally.histogram(), format.fractionLength),
  };
}
