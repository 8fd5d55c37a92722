import { type FixedPointFormat, formatsEqual } from "../../../isa/format.ts";
import type { Load } from "../../../isa/instructions/load.ts";
import type { ConfiguredLoad } from "../../configuration.ts";
import { ExactRegister } from "../arithmetic/exact-register.ts";
import { NumberQuantizer, quantizesInNumbers } from "../arithmetic/number-quantizer.ts";
import { formatMagnitude } from "../arithmetic/ranges.ts";
import type { DramRun } from "../memory/dram.ts";
import type { Region } from "../memory/on-chip.ts";
import { blockCopy, fillZero, isNumberWords, reinterpret, setWord, wordAt } from "../memory/words.ts";
import { type InstructionPlace, quantizingStep, type Step } from "../step.ts";
import { laneGenerators, mirrored, type Plan, type Workshop } from "./plan.ts";

/** A run of source words and the place of its first word in the padded block. */
interface LoadRun extends DramRun {
  readonly target: number;
}

export function planLoad(configured: ConfiguredLoad, place: InstructionPlace, workshop: Workshop): Plan {
  const { instruction: load, source, input } = configured;
  const copies = formatsEqual(source.format, input.format);
  const runs = loadRuns(load, source.format.wordLength, workshop);
  const length = paddedRowLength(load) * (load.padTop + load.rows + load.padBottom);
  const region = workshop.memories.region(load.target, input.format, load.address, length);
  const padded = length > load.rows * load.columns * load.channels;
  const constant = copies && !padded && runs.every(({ tensor }) => isPlainConstant(tensor.symbol, source.format));
  if (load.target === "weightScratchpad")
    noteWeights(load, place, input.format, length, constant ? runs : null, workshop);

  const extent = { rows: 1, pitch: length, length };
  return {
    registers: copies ? {} : { input },
    bind: () => {
      if (constant && load.target === "weightScratchpad" && !workshop.weights.isNeeded(place.instruction)) return null;
      const move = copies
        ? copyStep(runs, region, source.format)
        : quantizeStep(configured, place, runs, region, workshop);
      const step: Step = (context) => {
        if (padded) fillZero(region.words, region.start, region.start + length);
        move(context);
      };
      return mirrored(padded ? step : move, region, extent);
    },
  };
}

function paddedRowLength({ padLeft, columns, padRight, channels }: Load): number {
  return (padLeft + columns + padRight) * channels;
}

function loadRuns(load: Load, wordLength: number, { dram }: Workshop): LoadRun[] {
  const rowWords = load.columns * load.channels;
  const runs: LoadRun[] = [];
  for (const run of dram.runs({ ...load, address: load.dramAddress, wordLength })) {
    const row = Math.floor(run.position / rowWords);
    const target =
      (load.padTop + row) * paddedRowLength(load) + load.padLeft * load.channels + (run.position % rowWords);
    const last = runs.at(-1);
    if (
      last?.tensor === run.tensor &&
      last.offset + last.length === run.offset &&
      last.target + last.length === target
    ) {
      runs[runs.length - 1] = { ...last, length: last.length + run.length };
    } else {
      runs.push({ ...run, target });
    }
  }
  return runs;
}

function isPlainConstant(
  symbol: { readonly role: string; readonly format: FixedPointFormat },
  read: FixedPointFormat,
): boolean {
  return symbol.role === "constant" && symbol.format.signed === read.signed;
}

function noteWeights(
  { address }: Load,
  { instruction }: InstructionPlace,
  format: FixedPointFormat,
  length: number,
  constantRuns: readonly LoadRun[] | null,
  { weights }: Workshop,
): void {
  const covered = { first: address, end: address + length * format.wordLength };
  const runs = constantRuns?.map((run) => ({
    address: address + run.target * format.wordLength,
    words: run.length,
    source: { tensor: run.tensor, offset: run.offset },
  }));
  weights.loaded(instruction, format, covered, runs ?? [{ address, words: length, source: null }]);
}

function copyStep(runs: readonly LoadRun[], region: Region, source: FixedPointFormat): Step {
  const copies = runs.map(({ tensor, offset, length, target }) =>
    blockCopy(
      { words: tensor.words, start: offset, signed: tensor.symbol.format.signed },
      { words: region.words, start: region.start + target, signed: region.signed },
      length,
      source.wordLength,
    ),
  );
  return () => {
    for (const copy of copies) copy();
  };
}

/** Where a load overflows, but for the word. */
const LAST_CYCLE = { laneStep: 0, extraCycles: 0, row: 0, column: 0, channel: 0, step: -1 } as const;

/** Every word goes from the source into the input format, in block order; one generator serves them all. */
function quantizeStep(
  { source, input }: ConfiguredLoad,
  place: InstructionPlace,
  runs: readonly LoadRun[],
  region: Region,
  workshop: Workshop,
): Step {
  const register = new ExactRegister(input, () => laneGenerators(workshop, place, "input", 1));
  const { wordLength, fractionLength, signed } = source.format;
  return quantizingStep({
    // Everything a load quantizes counts as quantized in its last cycle.
    place: { ...place, start: place.end - 1, stretch: 1 },
    registers: { input },
    fast: numberPath({ source, input }, runs, region),
    observed: (image, tallies) => {
      register.restart(image, tallies.input ?? null);
      for (const { tensor, offset, length, position, target } of runs) {
        const sameSign = tensor.symbol.format.signed === signed;
        for (let index = 0; index < length; index++) {
          const word = wordAt(tensor.words, offset + index);
          const raw = register.write(sameSign ? word : reinterpret(word, wordLength, signed), fractionLength, 0, 0);
          if (register.overflowed) register.locate({ ...LAST_CYCLE, pixel: position + index });
          setWord(region.words, region.start + target + index, raw);
        }
      }
    },
  });
}

function numberPath(
  { source, input }: Pick<ConfiguredLoad, "source" | "input">,
  runs: readonly LoadRun[],
  region: Region,
): Parameters<typeof quantizingStep>[0]["fast"] {
  const { fractionLength, signed } = source.format;
  const droppedBits = fractionLength - input.format.fractionLength;
  const target = region.words;
  if (!isNumberWords(target) || !quantizesInNumbers(formatMagnitude(source.format), droppedBits)) return null;
  if (!runs.every(({ tensor }) => isNumberWords(tensor.words) && tensor.symbol.format.signed === signed)) return null;
  const quantizer = new NumberQuantizer(fractionLength, input);
  if (quantizer.draws) return null;
  return {
    counters: [["input", quantizer]],
    run: () => {
      quantizer.overflows = 0;
      for (const run of runs) {
        const words = run.tensor.words;
        const first = region.start + run.target;
        for (let index = 0; index < run.length; index++) {
          target[first + index] = quantizer.apply(Number(words[run.offset + index]));
        }
      }
    },
  };
}
