import { type RawRange, rawRange } from "../../../isa/numerics/format.ts";
import { quantize } from "../../../isa/numerics/quantize.ts";
import type { ConfiguredPreload } from "../../configuration.ts";
import { BEFORE_SUM } from "../../evidence.ts";
import { ExactRegister } from "../arithmetic/exact-register.ts";
import { hull, quantizedRange } from "../arithmetic/ranges.ts";
import { isNumberWords, setWord, type Words, wordAt } from "../memory/words.ts";
import { type InstructionPlace, type ObservedPath, type QuantizingParts, quantizingStep } from "../step.ts";
import { laneGenerators, mirrored, type Plan, type PrepareContext } from "./plan.ts";

/** Where the words of a preload instruction are. */
interface Operands {
  readonly biases: Words;
  readonly biasBase: number;
  /** The bias words never change. */
  readonly constant: boolean;
  readonly sums: Words;
  readonly sumBase: number;
}

export function planPreload(
  configured: ConfiguredPreload,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): Plan {
  const { instruction, bias, accumulator } = configured;
  const { memories, weights, bank, program } = prepareContext;
  const { biasAddress, accumulatorAddress, pixels, columns: filters, accumulatorPitch } = instruction;
  const extent = { rows: pixels, pitch: accumulatorPitch, length: filters };
  const sums = memories.extentRegion("accumulatorBank", accumulator.format, accumulatorAddress, extent);
  const constant = weights.find(biasAddress, bias.format, 1, filters, filters);
  const scratchpad = constant ? null : memories.region("weightScratchpad", bias.format, biasAddress, filters);
  const given = constant ? wordRange(constant.tensor.words, constant.base, filters) : rawRange(bias.format);
  bank.wrote(
    {
      address: accumulatorAddress,
      wordLength: accumulator.format.wordLength,
      signed: accumulator.format.signed,
      pixels,
      filters,
      pitch: accumulatorPitch,
    },
    quantizedRange(given, bias.format.fractionLength, accumulator),
  );
  const registers = { accumulator };
  return {
    registers,
    bind: () => {
      const operands: Operands = {
        biases: constant ? constant.tensor.words : (scratchpad?.words ?? []),
        biasBase: constant ? constant.base : (scratchpad?.start ?? 0),
        constant: constant !== null,
        sums: sums.words,
        sumBase: sums.start,
      };
      const step = quantizingStep({
        place,
        registers,
        fast: fillPath(configured, operands),
        observed: () => exactPath(configured, operands, program.machine.columns, place, prepareContext),
      });
      return mirrored(step, sums, extent);
    },
  };
}

function wordRange(words: Words, base: number, length: number): RawRange {
  return hull(Array.from({ length }, (_, index) => wordAt(words, base + index)));
}

/** The definition: pixel after pixel, filters in groups of C. */
function exactPath(
  { instruction, bias, accumulator }: ConfiguredPreload,
  { biases, biasBase, sums, sumBase }: Operands,
  lanes: number,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): ObservedPath {
  const { pixels, columns: filters, accumulatorPitch } = instruction;
  const groups = Math.ceil(filters / lanes);
  const register = new ExactRegister(accumulator, () => laneGenerators(prepareContext, place, "accumulator", filters));
  return (image, tallies) => {
    register.restart(image, tallies.accumulator ?? null);
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let filter = 0; filter < filters; filter++) {
        const lane = filter % lanes;
        const word = register.write(wordAt(biases, biasBase + filter), bias.format.fractionLength, 0, lane);
        if (register.overflowed) {
          const laneStep = pixel * groups + Math.floor(filter / lanes);
          register.locate({ laneStep, extraCycles: 0, row: 0, column: lane, pixel, channel: filter, step: BEFORE_SUM });
        }
        setWord(sums, sumBase + pixel * accumulatorPitch + filter, word);
      }
    }
  };
}

/** One quantization per filter, copied to all pixels; null where every pixel draws words of its own. */
function fillPath(
  { instruction, bias, accumulator }: ConfiguredPreload,
  { biases, biasBase, constant, sums, sumBase }: Operands,
): QuantizingParts["fast"] {
  const { fractionLength } = bias.format;
  if (accumulator.rounding === "stochastic" && fractionLength > accumulator.format.fractionLength) return null;
  const { pixels, columns: filters, accumulatorPitch } = instruction;
  const counter = { overflows: 0 };
  const words = new Array<bigint>(filters).fill(0n);
  const quantizeAll = (): void => {
    let overflowing = 0;
    for (let filter = 0; filter < filters; filter++) {
      const { raw, overflowed } = quantize(wordAt(biases, biasBase + filter), fractionLength, accumulator);
      words[filter] = raw;
      if (overflowed) overflowing++;
    }
    counter.overflows = overflowing * pixels;
  };
  if (constant) quantizeAll();
  return {
    counters: [["accumulator", counter]],
    run: () => {
      if (!constant) quantizeAll();
      for (let filter = 0; filter < filters; filter++) setWord(sums, sumBase + filter, words[filter] ?? 0n);
      for (let pixel = 1; pixel < pixels; pixel++) {
        const row = sumBase + pixel * accumulatorPitch;
        if (isNumberWords(sums)) sums.copyWithin(row, sumBase, sumBase + filters);
        else for (let filter = 0; filter < filters; filter++) sums[row + filter] = words[filter] ?? 0n;
      }
    },
  };
}
