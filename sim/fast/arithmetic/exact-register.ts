import { quantize, quantizeQuotient } from "../../../isa/numerics/quantize.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import type { GeneratorBank } from "./generator-bank.ts";
import type { OverflowPlace, RegisterObserver } from "./observer.ts";

/** One register of all elements or lanes in big integers: quantizes by definition, counts, and shows what it did. */
export class ExactRegister {
  /** Overflows since the last `restart`. */
  overflows = 0;
  /** Whether the last write overflowed. */
  overflowed = false;
  private readonly spec: RegisterSpec;
  private readonly generators: GeneratorBank | null;
  private observer: RegisterObserver | null = null;

  /** `generators` is asked for where the register rounds stochastically. */
  constructor(spec: RegisterSpec, generators: () => GeneratorBank) {
    this.spec = spec;
    this.generators = spec.rounding === "stochastic" ? generators() : null;
  }

  /** To be called before an instruction computes. */
  restart(image: number, observer: RegisterObserver | null): void {
    this.overflows = 0;
    this.observer = observer;
    this.generators?.restart(image);
  }

  /** Writes exact · 2^−fractionLength in element or lane (row, column); returns the word. After an overflow call `locate`. */
  write(exact: bigint, fractionLength: number, row: number, column: number): bigint {
    const { raw, rounded, overflowed } = quantize(
      exact,
      fractionLength,
      this.spec,
      this.generators?.select(row, column),
    );
    this.observer?.big(exact, rounded, raw, fractionLength - this.spec.format.fractionLength);
    this.note(overflowed);
    return raw;
  }

  /** Writes numerator · 2^−fractionLength / denominator likewise. */
  writeQuotient(numerator: bigint, denominator: bigint, fractionLength: number, row: number, column: number): bigint {
    const random = this.generators?.select(row, column);
    const { raw, rounded, overflowed } = quantizeQuotient(numerator, denominator, fractionLength, this.spec, random);
    this.observer?.quotient(numerator, denominator, fractionLength, rounded, raw);
    this.note(overflowed);
    return raw;
  }

  /** Says where the last write overflowed. */
  locate(place: OverflowPlace): void {
    this.observer?.overflowed(place);
  }

  private note(overflowed: boolean): void {
    this.overflowed = overflowed;
    if (overflowed) this.overflows++;
  }
}
