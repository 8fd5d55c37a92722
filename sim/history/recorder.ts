import type { Exact } from "../../isa/numerics/exact.ts";
import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import { quantize, quantizeQuotient } from "../../isa/numerics/quantize.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { HistoryEntry, HistoryRegister, RoundingChange } from "./history.ts";
import type { RandomWords, RegisterPlace } from "./random-words.ts";

/** One quantization: into which register, at which step, and as which draw of its generator. */
export interface Writing extends RegisterPlace {
  readonly spec: RegisterSpec;
  readonly step: number;
  /** Number of the word that a stochastic register draws for it. */
  readonly draw: number;
}

/** Quantizes and writes down. */
export class Recorder {
  readonly entries: HistoryEntry[] = [];
  readonly #random: RandomWords;
  readonly #change: RoundingChange | null;

  constructor(random: RandomWords, change: RoundingChange | null = null) {
    this.#random = random;
    this.#change = change;
  }

  /** A word that is read as it is. */
  read(register: HistoryRegister, step: number, raw: bigint, format: FixedPointFormat): Exact {
    this.entries.push({ register, step, raw, format, write: null });
    return { raw, fractionLength: format.fractionLength };
  }

  write({ raw: numerator, fractionLength }: Exact, asked: Writing): Exact {
    const writing = this.#changed(asked);
    const random = this.#random.source(writing.spec, writing, writing.draw);
    const { raw, rounded } = quantize(numerator, fractionLength, writing.spec, random);
    return this.#written(raw, { numerator, denominator: 1n, fractionLength, rounded }, writing);
  }

  /** The quotient of an exact value and an integer above 0. */
  writeQuotient({ raw: numerator, fractionLength }: Exact, denominator: bigint, asked: Writing): Exact {
    const writing = this.#changed(asked);
    const random = this.#random.source(writing.spec, writing, writing.draw);
    const { raw, rounded } = quantizeQuotient(numerator, denominator, fractionLength, writing.spec, random);
    return this.#written(raw, { numerator, denominator, fractionLength, rounded }, writing);
  }

  #changed(writing: Writing): Writing {
    if (this.#change?.register !== writing.register) return writing;
    return { ...writing, spec: { ...writing.spec, rounding: this.#change.rounding } };
  }

  #written(
    raw: bigint,
    value: { numerator: bigint; denominator: bigint; fractionLength: number; rounded: bigint },
    { register, step, spec, instruction, row, column }: Writing,
  ): Exact {
    this.entries.push({
      register,
      step,
      raw,
      format: spec.format,
      write: { ...value, spec, instruction, row, column },
    });
    return { raw, fractionLength: spec.format.fractionLength };
  }
}
