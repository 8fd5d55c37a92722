import { compareSites, type EvidenceRegister, type OverflowSite, type RegisterEvidence } from "../../evidence.ts";
import type { OverflowPlace, RegisterObserver } from "../arithmetic/observer.ts";
import { OctaveCounts } from "./octave-counts.ts";

/** The instruction whose quantizations are watched. */
export interface WatchedInstruction {
  readonly image: number;
  readonly instruction: number;
  /** Cycle in which the instruction starts, and m, the cycles of one of its steps. */
  readonly start: number;
  readonly stretch: number;
  /** Step k of the layer's sum at which the instruction begins. */
  readonly firstStep: number;
  readonly statistics: boolean;
}

/** An error sum this large goes over to big integers, before doubles lose bits of it. */
const ERROR_LIMIT = 2 ** 51;

/** Everything the quantizations of one register in one instruction of one image show. */
export class RegisterTally implements RegisterObserver {
  private readonly watched: WatchedInstruction;
  private readonly register: EvidenceRegister;
  private readonly fractionLength: number;
  private overflow = 0;
  private first: OverflowSite | null = null;
  /** The last overflow's rounded value and word. */
  private before = 0n;
  private after = 0n;
  private count = 0;
  private min: bigint | null = null;
  private max: bigint | null = null;
  private leastNumber = Number.POSITIVE_INFINITY;
  private largestNumber = Number.NEGATIVE_INFINITY;
  private flushedToZero = 0;
  private errorSum = 0n;
  private errorFraction: number | null = null;
  /** Errors not yet in `errorSum`, in units of 2^−(F + numberBits). */
  private numberError = 0;
  private numberBits = 0;
  /** Null without statistics. */
  private readonly octaves: OctaveCounts | null;

  /** `fractionLength`: F of the register. */
  constructor(watched: WatchedInstruction, register: EvidenceRegister, fractionLength: number) {
    this.watched = watched;
    this.register = register;
    this.fractionLength = fractionLength;
    this.octaves = watched.statistics ? new OctaveCounts() : null;
  }

  number(exact: number, rounded: number, word: number, droppedBits: number): void {
    if (word !== rounded) {
      this.overflow++;
      this.before = BigInt(rounded);
      this.after = BigInt(word);
    }
    if (this.octaves === null) return;
    this.octaves.number(exact, rounded, word, droppedBits);
    this.count++;
    if (rounded < this.leastNumber) this.leastNumber = rounded;
    if (rounded > this.largestNumber) this.largestNumber = rounded;
    if (rounded === 0 && exact !== 0) this.flushedToZero++;
    if (droppedBits !== this.numberBits) {
      this.settle();
      this.numberBits = droppedBits;
    }
    if (this.errorFraction === null || this.fractionLength + droppedBits > this.errorFraction) {
      this.addError(0n, this.fractionLength + droppedBits);
    }
    if (droppedBits <= 0) return;
    this.numberError += rounded * 2 ** droppedBits - exact;
    if (Math.abs(this.numberError) > ERROR_LIMIT) this.settle();
  }

  big(exact: bigint, rounded: bigint, word: bigint, droppedBits: number): void {
    const error = droppedBits > 0 ? (rounded << BigInt(droppedBits)) - exact : 0n;
    this.octaves?.big(exact, 1n, droppedBits, rounded, word);
    this.note(exact !== 0n, rounded, word, error, this.fractionLength + droppedBits);
  }

  /** A quotient: the error is the floor of the exact difference with 32 more bits than the register has. */
  quotient(numerator: bigint, denominator: bigint, exactFraction: number, rounded: bigint, word: bigint): void {
    const errorFraction = this.fractionLength + 32;
    this.octaves?.big(numerator, denominator, exactFraction - this.fractionLength, rounded, word);
    const shift = errorFraction - exactFraction;
    const scaledNumerator = shift > 0 ? numerator << BigInt(shift) : numerator;
    const scaledDenominator = shift < 0 ? denominator << BigInt(-shift) : denominator;
    const difference = (rounded << 32n) * scaledDenominator - scaledNumerator;
    const truncated = difference / scaledDenominator;
    const error = truncated * scaledDenominator > difference ? truncated - 1n : truncated;
    this.note(numerator !== 0n, rounded, word, error, errorFraction);
  }

  overflowed({ laneStep, extraCycles, row, column, pixel, channel, step }: OverflowPlace): void {
    const { image, instruction, start, stretch, firstStep } = this.watched;
    const cycle = start + (laneStep + 1) * stretch - 1 + extraCycles;
    const { register, before, after } = this;
    const site: OverflowSite = {
      image,
      instruction,
      cycle,
      row,
      column,
      register,
      pixel,
      channel,
      step: step < 0 ? step : firstStep + step,
      before,
      after,
    };
    if (this.first === null || compareSites(site, this.first) < 0) this.first = site;
  }

  evidence(): RegisterEvidence {
    this.settle();
    const { overflow, first, count, flushedToZero, errorSum, errorFraction } = this;
    if (count === 0 || this.octaves === null) return { overflow, first, statistics: null };
    let [min, max] = [this.min, this.max];
    if (this.leastNumber <= this.largestNumber) {
      const [least, largest] = [BigInt(this.leastNumber), BigInt(this.largestNumber)];
      min = min === null || least < min ? least : min;
      max = max === null || largest > max ? largest : max;
    }
    const statistics = {
      count,
      min: min ?? 0n,
      max: max ?? 0n,
      flushedToZero,
      errorSum,
      errorFraction: errorFraction ?? this.fractionLength,
      histogram: this.octaves.histogram(),
      trailingZeros: this.octaves.trailingZeros,
    };
    return { overflow, first, statistics };
  }

  private note(nonzero: boolean, rounded: bigint, word: bigint, error: bigint, errorFraction: number): void {
    if (word !== rounded) {
      this.overflow++;
      this.before = rounded;
      this.after = word;
    }
    if (!this.watched.statistics) return;
    this.count++;
    if (this.min === null || rounded < this.min) this.min = rounded;
    if (this.max === null || rounded > this.max) this.max = rounded;
    if (rounded === 0n && nonzero) this.flushedToZero++;
    this.addError(error, errorFraction);
  }

  private settle(): void {
    if (this.numberError === 0) return;
    this.addError(BigInt(this.numberError), this.fractionLength + this.numberBits);
    this.numberError = 0;
  }

  private addError(error: bigint, fraction: number): void {
    const common = this.errorFraction === null ? fraction : Math.max(fraction, this.errorFraction);
    this.errorSum =
      (this.errorSum << BigInt(common - (this.errorFraction ?? common))) + (error << BigInt(common - fraction));
    this.errorFraction = common;
  }
}
