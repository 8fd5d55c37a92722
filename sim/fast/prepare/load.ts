import type { Load } from "../../../isa/instructions/load.ts";
import { type FixedPointFormat, formatsEqual } from "../../../isa/numerics/format.ts";
import type { ConfiguredLoad } from "../../configuration.ts";
import { ExactRegister } from "../arithmetic/exact-register.ts";
import { NumberQuantizer, quantizesInNumbers } from "../arithmetic/number-quantizer.ts";
import { formatMagnitude } from "../arithmetic/ranges.ts";
import { type BlockRuns, blockRuns, forEachRun } from "../memory/block-runs.ts";
import type { DramPlace } from "../memory/dram.ts";
import type { Region } from "../memory/on-chip.ts";
import { fillZero, isNumberWords, reinterpret, setWord, wordAt, wordCopier } from "../memory/words.ts";
import { type InstructionPlace, quantizingStep, type Step } from "../step.ts";
import { laneGenerators, mirrored, type Plan, type PrepareContext } from "./plan.ts";
import type { WeightRun } from "./resident-weights.ts";

/** Where a load's words are, and how they go. */
interface LoadPath {
  readonly place: DramPlace;
  readonly runs: BlockRuns;
  /** The block with its padding, in the scratchpad. */
  readonly region: Region;
  /** Index of the block's first word in the region, behind the padding. */
  readonly skipped: number;
}

/** Constants in more runs are not followed through the weight scratchpad: looking them up would cost more than loading them. */
const MAX_FOLLOWED_RUNS = 64;

export function planLoad(configured: ConfiguredLoad, place: InstructionPlace, prepareContext: PrepareContext): Plan {
  const { instruction: load, source, input } = configured;
  const copies = formatsEqual(source.format, input.format);
  const rowLength = paddedRowLength(load);
  const length = rowLength * (load.padTop + load.rows + load.padBottom);
  const dramPitches = { rowPitch: load.rowStride, columnPitch: load.columnStride };
  const path: LoadPath = {
    place: prepareContext.dram.place({ ...load, address: load.dramAddress, wordLength: source.format.wordLength }),
    runs: blockRuns(load, dramPitches, { rowPitch: rowLength, columnPitch: load.channels }),
    region: prepareContext.memories.region(load.target, input.format, load.address, length),
    skipped: load.padTop * rowLength + load.padLeft * load.channels,
  };
  const padded = length > load.rows * load.columns * load.channels;
  const constant = copies && !padded && isPlainConstant(path.place.tensor.symbol, source.format);
  if (load.target === "weightScratchpad") {
    noteWeights(load, place, input.format, length, constant ? path : null, prepareContext);
  }

  const extent = { rows: 1, pitch: length, length };
  return {
    registers: copies ? {} : { input },
    bind: () => {
      if (constant && load.target === "weightScratchpad" && !prepareContext.weights.isNeeded(place.instruction))
        return null;
      const { region } = path;
      const move = copies ? copyStep(path, source.format) : quantizeStep(configured, place, path, prepareContext);
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

function isPlainConstant(
  symbol: { readonly role: string; readonly format: FixedPointFormat },
  read: FixedPointFormat,
): boolean {
  return symbol.role === "constant" && symbol.format.signed === read.signed;
}

/** `path`: of a plain copy of constants, else null. */
function noteWeights(
  { address }: Load,
  { instruction }: InstructionPlace,
  format: FixedPointFormat,
  length: number,
  path: LoadPath | null,
  { weights }: PrepareContext,
): void {
  const covered = { first: address, end: address + length * format.wordLength };
  const found: WeightRun[] = [];
  if (path !== null && path.runs.rows * path.runs.columns <= MAX_FOLLOWED_RUNS) {
    const { tensor, offset } = path.place;
    forEachRun(path.runs, (from, to, words) => {
      found.push({ address: address + to * format.wordLength, words, source: { tensor, offset: offset + from } });
    });
  } else {
    found.push({ address, words: length, source: null });
  }
  weights.loaded(instruction, format, covered, found);
}

function copyStep({ place: { tensor, offset }, runs, region, skipped }: LoadPath, source: FixedPointFormat): Step {
  const from = { words: tensor.words, signed: tensor.symbol.format.signed };
  const copy = wordCopier(from, region, source.wordLength);
  const first = region.start + skipped;
  const move = (word: number, target: number, length: number): void => copy(offset + word, first + target, length);
  return () => forEachRun(runs, move);
}

/** Where a load overflows, but for the word. */
const LAST_CYCLE = { laneStep: 0, extraCycles: 0, row: 0, column: 0, channel: 0, step: -1 } as const;

/** Every word goes from the source into the input format, in block order; one generator serves them all. */
function quantizeStep(
  { source, input }: ConfiguredLoad,
  place: InstructionPlace,
  path: LoadPath,
  prepareContext: PrepareContext,
): Step {
  const { wordLength, fractionLength, signed } = source.format;
  const { region, runs, skipped } = path;
  const { tensor, offset } = path.place;
  const sameSign = tensor.symbol.format.signed === signed;
  return quantizingStep({
    // Everything a load quantizes counts as quantized in its last cycle.
    place: { ...place, start: place.end - 1, stretch: 1 },
    registers: { input },
    fast: numberPath({ source, input }, path),
    observed: () => {
      const register = new ExactRegister(input, () => laneGenerators(prepareContext, place, "input", 1));
      return (image, tallies) => {
        register.restart(image, tallies.input ?? null);
        let pixel = 0;
        forEachRun(runs, (from, to, length) => {
          for (let index = 0; index < length; index++, pixel++) {
            const word = wordAt(tensor.words, offset + from + index);
            const raw = register.write(sameSign ? word : reinterpret(word, wordLength, signed), fractionLength, 0, 0);
            if (register.overflowed) register.locate({ ...LAST_CYCLE, pixel });
            setWord(region.words, region.start + skipped + to + index, raw);
          }
        });
      };
    },
  });
}

function numberPath(
  { source, input }: Pick<ConfiguredLoad, "source" | "input">,
  { place: { tensor, offset }, runs, region, skipped }: LoadPath,
): Parameters<typeof quantizingStep>[0]["fast"] {
  const { fractionLength, signed } = source.format;
  const droppedBits = fractionLength - input.format.fractionLength;
  const { words } = tensor;
  const target = region.words;
  if (!isNumberWords(words) || !isNumberWords(target) || tensor.symbol.format.signed !== signed) return null;
  if (!quantizesInNumbers(formatMagnitude(source.format), droppedBits)) return null;
  const quantizer = new NumberQuantizer(fractionLength, input);
  if (quantizer.draws) return null;
  const first = region.start + skipped;
  const quantizeRun = (from: number, to: number, length: number): void => {
    for (let index = 0; index < length; index++) {
      target[first + to + index] = quantizer.apply(words[offset + from + index] as number);
    }
  };
  return {
    counters: [["input", quantizer]],
    run: () => {
      quantizer.overflows = 0;
      forEachRun(runs, quantizeRun);
    },
  };
}
