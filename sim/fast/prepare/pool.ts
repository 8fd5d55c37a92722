import { type Pool, poolReciprocal, RECIPROCAL_FRACTION } from "../../../isa/instructions/pool.ts";
import { type FixedPointFormat, rawRange } from "../../../isa/numerics/format.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import type { ConfiguredPool } from "../../configuration.ts";
import { ExactRegister } from "../arithmetic/exact-register.ts";
import { NumberChain } from "../arithmetic/number-chain.ts";
import type { OverflowPlace } from "../arithmetic/observer.ts";
import { hull } from "../arithmetic/ranges.ts";
import type { MaximumTask } from "../kernels/contract.ts";
import type { Region } from "../memory/on-chip.ts";
import { isNumberWords, setWord, type Words, wordAt } from "../memory/words.ts";
import { type InstructionPlace, type ObservedPath, type QuantizingParts, quantizingStep, type Step } from "../step.ts";
import { laneGenerators, mirrored, type Plan, type PrepareContext } from "./plan.ts";
import { newWindow, poolWindow, windowWord } from "./pool-windows.ts";

/** Registers and format of an average, or of a sum, which has no output register. */
interface Summation {
  readonly operand: FixedPointFormat;
  readonly accumulator: RegisterSpec;
  readonly output: RegisterSpec | null;
}

export function planPool(configured: ConfiguredPool, place: InstructionPlace, prepareContext: PrepareContext): Plan {
  const { instruction: pool, operandA, average, sum } = configured;
  const inputWords = pool.inputRows * pool.inputColumns * pool.channels;
  const outputWords = pool.outputRows * pool.outputColumns * pool.channels;
  const input = prepareContext.memories.region("inputScratchpad", operandA.format, pool.inputAddress, inputWords);
  const { format } = sum ?? average?.output ?? operandA;
  const memory = sum === null ? "outputBuffer" : "accumulatorBank";
  const output = prepareContext.memories.region(memory, format, pool.outputAddress, outputWords);
  if (sum !== null) noteSums(pool, operandA.format, sum, prepareContext);
  const registers = sum === null ? (average ?? {}) : { accumulator: sum };
  const extent = { rows: 1, pitch: outputWords, length: outputWords };
  return {
    registers,
    bind: () => {
      const accumulator = sum ?? average?.accumulator;
      if (accumulator === undefined) {
        const maximum = prepareContext.library.maximum?.(maximumTask(pool, input, output));
        return mirrored(maximum ?? maximumStep(pool, input, output), output, extent);
      }
      const formats = { operand: operandA.format, accumulator, output: average?.output ?? null };
      const step = quantizingStep({
        place,
        registers,
        fast: numberPath(pool, formats, input, output),
        observed: () => exactPath(pool, formats, input, output, place, prepareContext),
      });
      return mirrored(step, output, extent);
    },
  };
}

/** Tells the bank which sums can occur: whole windows of the operand's words, where none overflows. */
function noteSums(pool: Pool, operand: FixedPointFormat, { format }: RegisterSpec, { bank }: PrepareContext): void {
  const { outputAddress: address, outputRows, outputColumns, channels: filters, kernelRows, kernelColumns } = pool;
  const { wordLength, signed, fractionLength } = format;
  const tile = { address, wordLength, signed, pixels: outputRows * outputColumns, filters, pitch: filters };
  const positions = BigInt(kernelRows * kernelColumns);
  const word = rawRange(operand);
  const sums = hull([0n, positions * word.min, positions * word.max]);
  const kept = rawRange(format);
  const fits = fractionLength === operand.fractionLength && sums.min >= kept.min && sums.max <= kept.max;
  bank.wrote(tile, fits ? sums : null);
}

function maximumTask(pool: Pool, input: Region, output: Region): MaximumTask {
  const offsets: number[] = [];
  const ends: number[] = [];
  const window = newWindow();
  for (let row = 0; row < pool.outputRows; row++) {
    for (let column = 0; column < pool.outputColumns; column++) {
      poolWindow(pool, row, column, window);
      for (let kernelRow = window.firstRow; kernelRow < window.endRow; kernelRow++) {
        for (let kernelColumn = window.firstColumn; kernelColumn < window.endColumn; kernelColumn++) {
          offsets.push(windowWord(pool, row, column, kernelRow, kernelColumn));
        }
      }
      ends.push(offsets.length);
    }
  }
  return {
    channels: pool.channels,
    input: input.words,
    inputBase: input.start,
    output: output.words,
    outputBase: output.start,
    offsets: Int32Array.from(offsets),
    ends: Int32Array.from(ends),
  };
}

/** The largest raw of each window; nothing is quantized. */
function maximumStep(pool: Pool, input: Region, output: Region): Step {
  const { outputRows, outputColumns, channels } = pool;
  const [inputs, outputs] = [input.words, output.words];
  const window = newWindow();
  return () => {
    let place = output.start;
    for (let row = 0; row < outputRows; row++) {
      for (let column = 0; column < outputColumns; column++, place += channels) {
        poolWindow(pool, row, column, window);
        let first = true;
        for (let kernelRow = window.firstRow; kernelRow < window.endRow; kernelRow++) {
          for (let kernelColumn = window.firstColumn; kernelColumn < window.endColumn; kernelColumn++) {
            const word = input.start + windowWord(pool, row, column, kernelRow, kernelColumn);
            keepLarger(inputs, word, outputs, place, channels, first);
            first = false;
          }
        }
      }
    }
  };
}

function keepLarger(from: Words, word: number, to: Words, place: number, count: number, first: boolean): void {
  for (let channel = 0; channel < count; channel++) {
    const value = from[word + channel] ?? 0;
    if (first || value > (to[place + channel] ?? 0)) to[place + channel] = value as never;
  }
}

/** The definition, in big integers: output after output, channels in groups of C, the whole window for each. */
function exactPath(
  pool: Pool,
  { operand, accumulator, output }: Summation,
  input: Region,
  target: Region,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): ObservedPath {
  const lanes = prepareContext.program.machine.columns;
  const { channels, kernelRows, kernelColumns, outputColumns } = pool;
  const positions = kernelRows * kernelColumns;
  const groups = Math.ceil(channels / lanes);
  const sumFraction = accumulator.format.fractionLength;
  const exactFraction = Math.max(operand.fractionLength, sumFraction);
  const sumShift = BigInt(exactFraction - sumFraction);
  const operandShift = BigInt(exactFraction - operand.fractionLength);
  const adding = new ExactRegister(accumulator, () => laneGenerators(prepareContext, place, "accumulator", channels));
  const written = output && new ExactRegister(output, () => laneGenerators(prepareContext, place, "output", channels));
  const window = newWindow();

  const result = (row: number, column: number, channel: number): bigint => {
    const pixel = row * outputColumns + column;
    const firstStep = (pixel * groups + Math.floor(channel / lanes)) * positions;
    const lane = channel % lanes;
    const at = (position: number, step: number): OverflowPlace => ({
      laneStep: firstStep + position,
      extraCycles: 0,
      row: 0,
      column: lane,
      pixel,
      channel,
      step,
    });
    poolWindow(pool, row, column, window);
    let sum = 0n;
    for (let kernelRow = window.firstRow; kernelRow < window.endRow; kernelRow++) {
      for (let kernelColumn = window.firstColumn; kernelColumn < window.endColumn; kernelColumn++) {
        const position = kernelRow * kernelColumns + kernelColumn;
        const word = wordAt(
          input.words,
          input.start + windowWord(pool, row, column, kernelRow, kernelColumn) + channel,
        );
        sum = adding.write((sum << sumShift) + (word << operandShift), exactFraction, 0, lane);
        if (adding.overflowed) adding.locate(at(position, position));
      }
    }
    if (written === null) return sum;
    const mean =
      pool.kind === "averageDivider"
        ? written.writeQuotient(sum, BigInt(window.count), sumFraction, 0, lane)
        : written.write(sum * BigInt(poolReciprocal(window.count)), sumFraction + RECIPROCAL_FRACTION, 0, lane);
    if (written.overflowed) written.locate(at(positions - 1, -1));
    return mean;
  };

  return (image, tallies) => {
    adding.restart(image, tallies.accumulator ?? null);
    written?.restart(image, tallies.output ?? null);
    let index = target.start;
    for (let row = 0; row < pool.outputRows; row++) {
      for (let column = 0; column < outputColumns; column++) {
        for (let channel = 0; channel < channels; channel++, index++) {
          setWord(target.words, index, result(row, column, channel));
        }
      }
    }
  };
}

/** The same in doubles, where every exact value fits and nothing is random; quotients are left to big integers. */
function numberPath(
  pool: Pool,
  { operand, accumulator, output }: Summation,
  input: Region,
  target: Region,
): QuantizingParts["fast"] {
  if (pool.kind === "averageDivider") return null;
  const [inputs, outputs] = [input.words, target.words];
  const sumFraction = accumulator.format.fractionLength;
  const exactFraction = Math.max(operand.fractionLength, sumFraction);
  const sumShift = exactFraction - sumFraction;
  const operandShift = exactFraction - operand.fractionLength;
  const chain = new NumberChain(rawRange(accumulator.format));
  chain.add(sumShift, operand, operandShift);
  const adding = chain.quantizer(exactFraction, accumulator);
  if (output !== null) chain.multiply({ min: 0n, max: 2n ** 16n });
  const written = output && chain.quantizer(sumFraction + RECIPROCAL_FRACTION, output);
  if (!chain.exact || !isNumberWords(inputs) || !isNumberWords(outputs)) return null;

  const { channels, outputRows, outputColumns } = pool;
  const sumScale = 2 ** sumShift;
  const operandScale = 2 ** operandShift;
  const window = newWindow();
  const result = (row: number, column: number, channel: number): number => {
    let sum = 0;
    for (let kernelRow = window.firstRow; kernelRow < window.endRow; kernelRow++) {
      for (let kernelColumn = window.firstColumn; kernelColumn < window.endColumn; kernelColumn++) {
        const word = input.start + windowWord(pool, row, column, kernelRow, kernelColumn) + channel;
        sum = adding.apply(sum * sumScale + (inputs[word] as number) * operandScale);
      }
    }
    return written === null ? sum : written.apply(sum * poolReciprocal(window.count));
  };
  return {
    counters: written
      ? [
          ["accumulator", adding],
          ["output", written],
        ]
      : [["accumulator", adding]],
    run: () => {
      adding.overflows = 0;
      if (written) written.overflows = 0;
      let index = target.start;
      for (let row = 0; row < outputRows; row++) {
        for (let column = 0; column < outputColumns; column++) {
          poolWindow(pool, row, column, window);
          for (let channel = 0; channel < channels; channel++, index++) outputs[index] = result(row, column, channel);
        }
      }
    },
  };
}
