import { type Quantized, quantize, quantizeQuotient } from "../../isa/numerics/quantize.ts";
import { type RandomWordSource, registerGenerator } from "../../isa/numerics/random.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import { EVIDENCE_REGISTERS, type EvidenceRegister } from "../evidence.ts";
import type { MachineState } from "./machine-state.ts";

/** Which value of the instruction's tile a register holds; see `OverflowSite`. */
export interface Place {
  readonly pixel: number;
  readonly channel: number;
  readonly step: number;
}

/**
 * One quantizing register of one element or lane while one instruction runs: format, rounding, overflow and, where it
 * rounds stochastically, its own generator of random words. Every write is shown to the observers.
 */
export class QuantizingRegister {
  readonly #state: MachineState;
  readonly #instruction: number;
  readonly #register: EvidenceRegister;
  readonly #spec: RegisterSpec;
  readonly #row: number;
  readonly #column: number;
  readonly #random: RandomWordSource | undefined;

  constructor(
    state: MachineState,
    instruction: number,
    register: EvidenceRegister,
    spec: RegisterSpec,
    row: number,
    column: number,
  ) {
    this.#state = state;
    this.#instruction = instruction;
    this.#register = register;
    this.#spec = spec;
    this.#row = row;
    this.#column = column;
    const code = EVIDENCE_REGISTERS.indexOf(register);
    this.#random =
      spec.rounding === "stochastic"
        ? registerGenerator(state.seed, instruction, state.image, code, row, column)
        : undefined;
  }

  /** Writes the exact value raw · 2^−fractionLength; returns the raw that the register then holds. */
  write(raw: bigint, fractionLength: number, place: Place): bigint {
    const quantized = quantize(raw, fractionLength, this.#spec, this.#random);
    return this.#written(quantized, raw, null, fractionLength, place);
  }

  /** Writes the exact quotient numerator · 2^−fractionLength / denominator. */
  writeQuotient(numerator: bigint, denominator: bigint, fractionLength: number, place: Place): bigint {
    const quantized = quantizeQuotient(numerator, denominator, fractionLength, this.#spec, this.#random);
    return this.#written(quantized, numerator, denominator, fractionLength, place);
  }

  #written(quantized: Quantized, exact: bigint, divisor: bigint | null, exactFraction: number, place: Place): bigint {
    const { rounded, raw, overflowed } = quantized;
    const site = {
      image: this.#state.image,
      instruction: this.#instruction,
      cycle: this.#state.cycle,
      row: this.#row,
      column: this.#column,
      register: this.#register,
      pixel: place.pixel,
      channel: place.channel,
      step: place.step,
      before: rounded,
      after: raw,
    };
    if (overflowed && this.#spec.overflow === "trap") this.#state.trapped.push(site);
    const { fractionLength } = this.#spec.format;
    this.#state.observer.quantized({
      site,
      overflowed,
      isQuotient: divisor !== null,
      exact,
      denominator: divisor ?? 1n,
      exactFraction,
      fractionLength,
    });
    return raw;
  }
}
