import { type FixedPointFormat, type RawRange, rawRange } from "../../../isa/numerics/format.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { NUMBER_LIMIT, NumberQuantizer, quantizesInNumbers } from "./number-quantizer.ts";
import { magnitude, productRange, quantizedRange, shiftLeft } from "./ranges.ts";

/**
 * Follows the range of a value through a chain of exact operations and registers, and says whether doubles hold all
 * of it: `exact` stays true as long as every value is at most 2^52 and every quantization satisfies `quantizesInNumbers`
 * and draws no random word.
 */
export class NumberChain {
  range: RawRange;
  exact = true;
  /** The largest magnitude so far, with what rounding added to it. */
  largest = 0n;

  constructor(range: RawRange) {
    this.range = range;
    this.check();
  }

  /** Any exact operation, by the range of its results. */
  become(range: RawRange): this {
    this.range = range;
    this.check();
    return this;
  }

  /** value · 2^shift + addend · 2^addendShift, both shifts ≥ 0. */
  add(shift: number, addend: FixedPointFormat, addendShift: number): this {
    const value = shiftLeft(this.range, shift);
    const other = shiftLeft(rawRange(addend), addendShift);
    return this.become({ min: value.min + other.min, max: value.max + other.max });
  }

  multiply(factor: RawRange): this {
    return this.become(productRange(this.range, factor));
  }

  /** Writes the value, at `fractionLength`, to a register. */
  quantizer(fractionLength: number, register: RegisterSpec): NumberQuantizer {
    const quantizer = new NumberQuantizer(fractionLength, register);
    if (quantizer.droppedBits > 0) this.reach(magnitude(this.range) + (1n << BigInt(quantizer.droppedBits)));
    else this.reach(magnitude(this.range) << BigInt(-quantizer.droppedBits));
    this.exact &&= !quantizer.draws && quantizesInNumbers(magnitude(this.range), quantizer.droppedBits);
    this.range = quantizedRange(this.range, fractionLength, register);
    this.check();
    return quantizer;
  }

  private reach(value: bigint): void {
    if (value > this.largest) this.largest = value;
  }

  private check(): void {
    this.reach(magnitude(this.range));
    this.exact &&= magnitude(this.range) <= NUMBER_LIMIT;
  }
}
