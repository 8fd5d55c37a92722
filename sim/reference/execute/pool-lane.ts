import { type PoolKind, poolReciprocal, RECIPROCAL_FRACTION } from "../../../isa/instructions/pool.ts";
import { larger } from "../../../isa/numerics/exact.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import type { MachineState } from "../machine-state.ts";
import { type Place, QuantizingRegister } from "../quantizing-register.ts";

/** One pooling lane. It takes the words of a window one by one. */
export interface PoolLane {
  /** Forgets the window before. */
  begin(): void;
  take(raw: bigint, place: Place): void;
  /** The result of the window; `count` is the n of an average. */
  finish(count: number, place: Place): bigint;
}

/** Keeps the largest raw; no register quantizes. */
class MaximumLane implements PoolLane {
  #maximum: bigint | null = null;

  begin(): void {
    this.#maximum = null;
  }

  take(raw: bigint): void {
    this.#maximum = this.#maximum === null ? raw : larger(this.#maximum, raw);
  }

  finish(): bigint {
    return this.#maximum as bigint;
  }
}

/** Sums in the accumulator. */
class SumLane implements PoolLane {
  protected readonly accumulatorSpec: RegisterSpec;
  protected sum = 0n;
  readonly #operand: RegisterSpec;
  readonly #accumulator: QuantizingRegister;

  constructor(state: MachineState, instruction: number, lane: number) {
    const { computeRegisters: registers } = state;
    this.#operand = registers.get("operandA");
    this.accumulatorSpec = registers.get("accumulator");
    this.#accumulator = new QuantizingRegister(state, instruction, "accumulator", this.accumulatorSpec, 0, lane);
  }

  begin(): void {
    this.sum = 0n;
  }

  take(raw: bigint, place: Place): void {
    const operandFraction = this.#operand.format.fractionLength;
    const sumFraction = this.accumulatorSpec.format.fractionLength;
    const fraction = Math.max(operandFraction, sumFraction);
    const exact = (this.sum << BigInt(fraction - sumFraction)) + (raw << BigInt(fraction - operandFraction));
    this.sum = this.#accumulator.write(exact, fraction, place);
  }

  finish(_count: number, _place: Place): bigint {
    return this.sum;
  }
}

/** Forms the quotient of the sum and writes it into the output register. */
class AverageLane extends SumLane {
  readonly #output: QuantizingRegister;
  readonly #divides: boolean;

  constructor(state: MachineState, instruction: number, lane: number, divides: boolean) {
    super(state, instruction, lane);
    this.#output = new QuantizingRegister(state, instruction, "output", state.computeRegisters.get("output"), 0, lane);
    this.#divides = divides;
  }

  override finish(count: number, place: Place): bigint {
    const { fractionLength } = this.accumulatorSpec.format;
    const n = BigInt(count);
    if (this.#divides) return this.#output.writeQuotient(this.sum, n, fractionLength, place);
    return this.#output.write(this.sum * BigInt(poolReciprocal(count)), fractionLength + RECIPROCAL_FRACTION, place);
  }
}

export const POOL_LANES: Readonly<
  Record<PoolKind, (state: MachineState, instruction: number, lane: number) => PoolLane>
> = {
  maximum: () => new MaximumLane(),
  average: (state, instruction, lane) => new AverageLane(state, instruction, lane, false),
  averageDivider: (state, instruction, lane) => new AverageLane(state, instruction, lane, true),
  sum: (state, instruction, lane) => new SumLane(state, instruction, lane),
};
