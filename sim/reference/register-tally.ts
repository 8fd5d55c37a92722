import { compareSites, type OverflowSite, type RegisterEvidence, type RegisterStatistics } from "../evidence.ts";
import { HistogramTally, trailingZeros } from "../value-histogram.ts";
import type { Quantization } from "./observer.ts";

/** A quotient's error is counted in units of 2^−(F + 32) of its register, rounded down. */
const QUOTIENT_ERROR_BITS = 32;

/** What one register of one layer did during one image. */
export class RegisterTally {
  readonly #statistics: StatisticsTally | null;
  #overflow = 0;
  #first: OverflowSite | null = null;

  constructor(withStatistics: boolean) {
    this.#statistics = withStatistics ? new StatisticsTally() : null;
  }

  add(quantization: Quantization): void {
    this.#statistics?.add(quantization);
    if (!quantization.overflowed) return;
    this.#overflow++;
    const { site } = quantization;
    if (this.#first === null || compareSites(site, this.#first) < 0) this.#first = site;
  }

  evidence(): RegisterEvidence {
    return { overflow: this.#overflow, first: this.#first, statistics: this.#statistics?.statistics() ?? null };
  }
}

class StatisticsTally {
  #count = 0;
  #min: bigint | null = null;
  #max: bigint | null = null;
  #flushedToZero = 0;
  #errorSum = 0n;
  #errorFraction: number | null = null;
  readonly #histogram: HistogramTally = new HistogramTally();
  /** OR of the magnitudes of all words. */
  #bits = 0n;

  add(quantization: Quantization): void {
    const rounded = quantization.site.before;
    const word = quantization.site.after;
    this.#bits |= word < 0n ? -word : word;
    this.#addToHistogram(quantization);
    this.#count++;
    if (this.#min === null || rounded < this.#min) this.#min = rounded;
    if (this.#max === null || rounded > this.#max) this.#max = rounded;
    if (rounded === 0n && quantization.exact !== 0n) this.#flushedToZero++;
    if (quantization.isQuotient)
      this.#addError(quotientError(quantization), quantization.fractionLength + QUOTIENT_ERROR_BITS);
    else this.#addError(roundingError(quantization), quantization.exactFraction);
  }

  statistics(): RegisterStatistics {
    return {
      count: this.#count,
      min: this.#min ?? 0n,
      max: this.#max ?? 0n,
      flushedToZero: this.#flushedToZero,
      errorSum: this.#errorSum,
      errorFraction: this.#errorFraction ?? 0,
      histogram: this.#histogram.histogram(),
      trailingZeros: trailingZeros(this.#bits),
    };
  }

  #addToHistogram({ site, exact, denominator, exactFraction, fractionLength }: Quantization): void {
    if (site.before !== 0n || exact === 0n) {
      this.#histogram.add(site.before);
      return;
    }
    const shift = BigInt(exactFraction - fractionLength);
    const magnitude = exact < 0n ? -exact : exact;
    if (shift >= 0n) this.#histogram.addUnderflow(magnitude, denominator << shift);
    else this.#histogram.addUnderflow(magnitude << -shift, denominator);
  }

  /** Adds an error in units of 2^−fraction; the sum is kept at the largest fraction length so far. */
  #addError(error: bigint, fraction: number): void {
    const common = this.#errorFraction === null ? fraction : Math.max(this.#errorFraction, fraction);
    this.#errorSum <<= BigInt(common - (this.#errorFraction ?? common));
    this.#errorSum += error << BigInt(common - fraction);
    this.#errorFraction = common;
  }
}

/** rounded − exact in units of the exact value's last bit; 0 where no bits were dropped. */
function roundingError({ site, exact, exactFraction, fractionLength }: Quantization): bigint {
  if (exactFraction <= fractionLength) return 0n;
  return (site.before << BigInt(exactFraction - fractionLength)) - exact;
}

/** ⌊(rounded − numerator / denominator) · 2^(F + 32)⌋, F that of the register. */
function quotientError({ site, exact, denominator, exactFraction, fractionLength }: Quantization): bigint {
  const shift = fractionLength + QUOTIENT_ERROR_BITS - exactFraction;
  const numerator = shift > 0 ? exact << BigInt(shift) : exact;
  const divisor = shift < 0 ? denominator << BigInt(-shift) : denominator;
  return floorDivide((site.before << BigInt(QUOTIENT_ERROR_BITS)) * divisor - numerator, divisor);
}

function floorDivide(numerator: bigint, divisor: bigint): bigint {
  const quotient = numerator / divisor;
  return quotient * divisor > numerator ? quotient - 1n : quotient;
}
