import { cutMultiple } from "../../../isa/dataflow/table.ts";
import type { ConfigurePixels } from "../../../isa/instructions/configure-pixels.ts";
import type { ConfigureReduction } from "../../../isa/instructions/configure-reduction.ts";
import type { Matrix } from "../../../isa/instructions/matrix.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { MachineFault } from "../machine-fault.ts";
import type { MachineState } from "../machine-state.ts";

/**
 * What one matrix instruction works on: its extents, its registers and the address generators that turn pixel e, filter
 * n and step k (each from 0 inside the instruction) into words of the memories.
 */
export class Tile {
  readonly state: MachineState;
  /** Index of the instruction. */
  readonly instruction: number;
  /** E. */
  readonly pixels: number;
  /** N. */
  readonly filters: number;
  /** K. */
  readonly steps: number;
  /** Number of step 0 in the whole sum. */
  readonly firstStep: number;
  /** Go on from the sums in the bank. */
  readonly accumulate: boolean;
  readonly operandA: RegisterSpec;
  readonly weight: RegisterSpec;
  readonly product: RegisterSpec;
  readonly accumulator: RegisterSpec;
  readonly #matrix: Matrix;
  readonly #pixelCounters: ConfigurePixels;
  readonly #reduction: ConfigureReduction;

  constructor(state: MachineState, instruction: number, matrix: Matrix) {
    this.state = state;
    this.instruction = instruction;
    this.#matrix = matrix;
    this.#pixelCounters = state.setting("pixels");
    this.#reduction = state.setting("reduction");
    this.pixels = this.#pixelCounters.rowCount * this.#pixelCounters.columnCount;
    this.filters = matrix.columns;
    this.steps = matrix.reductionLength;
    this.firstStep = matrix.reductionStart;
    this.accumulate = matrix.accumulate;
    this.operandA = state.computeRegisters.get("operandA");
    this.weight = state.computeRegisters.get("weight");
    this.product = state.computeRegisters.get("product");
    this.accumulator = state.computeRegisters.get("accumulator");
    this.#checkReduction();
    if (this.pixels > 1 && matrix.accumulatorPitch < matrix.columns) {
      throw new MachineFault(
        "configuration",
        `accumulators of neighbouring pixels overlap: pitch ${matrix.accumulatorPitch} for ${matrix.columns} filters`,
      );
    }
  }

  readInput(pixel: number, step: number): bigint {
    const { columnCount, rowStride, columnStride } = this.#pixelCounters;
    const pixelOffset = Math.floor(pixel / columnCount) * rowStride + (pixel % columnCount) * columnStride;
    const offset = pixelOffset + this.#reductionOffset(this.firstStep + step);
    const { format } = this.operandA;
    return this.state.memories.inputScratchpad.read(this.#matrix.inputAddress + offset * format.wordLength, format);
  }

  readWeight(step: number, filter: number): bigint {
    const { format } = this.weight;
    const offset = step * this.#matrix.weightPitch + filter;
    return this.state.memories.weightScratchpad.read(this.#matrix.weightAddress + offset * format.wordLength, format);
  }

  readBank(pixel: number, filter: number): bigint {
    return this.state.memories.accumulatorBank.read(this.#bankAddress(pixel, filter), this.accumulator.format);
  }

  writeBank(pixel: number, filter: number, sum: bigint): void {
    const { wordLength } = this.accumulator.format;
    this.state.memories.accumulatorBank.write(this.#bankAddress(pixel, filter), sum, wordLength);
  }

  #bankAddress(pixel: number, filter: number): number {
    const offset = pixel * this.#matrix.accumulatorPitch + filter;
    return this.#matrix.accumulatorAddress + offset * this.accumulator.format.wordLength;
  }

  /** Distance in words of step k of the whole sum from its pixel. */
  #reductionOffset(k: number): number {
    const { middleCount, innerCount, outerStride, middleStride, innerStride } = this.#reduction;
    const inner = k % innerCount;
    const middle = Math.floor(k / innerCount) % middleCount;
    const outer = Math.floor(k / (innerCount * middleCount));
    return outer * outerStride + middle * middleStride + inner * innerStride;
  }

  #checkReduction(): void {
    const { outerCount, middleCount, innerCount } = this.#reduction;
    const { rows, dataflow } = this.state.machine;
    const counted = outerCount * middleCount * innerCount;
    if (this.firstStep + this.steps > counted) {
      throw new MachineFault(
        "configuration",
        `steps ${this.firstStep} … ${this.firstStep + this.steps - 1}, but the counters give ${counted} steps`,
      );
    }
    if (this.firstStep % cutMultiple(this.state.machine) !== 0) {
      throw new MachineFault(
        "configuration",
        `reductionStart ${this.firstStep} splits a group: the ${dataflow} array has ${rows} rows`,
      );
    }
  }
}
