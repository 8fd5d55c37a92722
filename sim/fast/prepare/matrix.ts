import { formatText, type RawRange, rawRange } from "../../../isa/numerics/format.ts";
import type { ConfiguredMatrix } from "../../configuration.ts";
import { hull } from "../arithmetic/ranges.ts";
import type { BoundKernel, MatrixOperands, MatrixProblem, WeightTile } from "../kernels/contract.ts";
import { stepwiseBigint } from "../kernels/stepwise-bigint.ts";
import { stepwiseFloat64 } from "../kernels/stepwise-float64.ts";
import { chooseLane, stepwiseLane } from "../lanes.ts";
import { type InstructionPlace, quantizingStep, type Step } from "../step.ts";
import { mirrored, type Plan, type PrepareContext } from "./plan.ts";
import { SumsSnapshot } from "./sums-snapshot.ts";

export function planMatrix(
  configured: ConfiguredMatrix,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): Plan {
  const { instruction, operandA, weight, product, accumulator } = configured;
  const { program, memories, tables, bank } = prepareContext;
  const { columns: filters, reductionStart, reductionLength: steps, accumulate } = instruction;
  const pixelOffsets = tables.pixels(configured.pixels);
  const stepOffsets = tables.steps(configured.reduction, reductionStart, steps);
  const pixels = pixelOffsets.length;
  const inputWords = largest(pixelOffsets) + largest(stepOffsets) + 1;
  const input = memories.region("inputScratchpad", operandA.format, instruction.inputAddress, inputWords);
  const extent = { rows: pixels, pitch: instruction.accumulatorPitch, length: filters };
  const sums = memories.extentRegion("accumulatorBank", accumulator.format, instruction.accumulatorAddress, extent);

  const weights = weightTile(configured, prepareContext);
  const tile = {
    address: instruction.accumulatorAddress,
    wordLength: accumulator.format.wordLength,
    signed: accumulator.format.signed,
    pixels,
    filters,
    pitch: instruction.accumulatorPitch,
  };
  const initial = accumulate ? (bank.boundOf(tile) ?? rawRange(accumulator.format)) : null;
  const freeSums = prepareContext.proofs.freeSums({
    steps,
    filters,
    operand: operandA.format,
    weight: weight.format,
    product,
    accumulator,
    weightRange: weights.range,
    constant: weights.tile,
    initial,
  });
  bank.wrote(tile, freeSums);
  const problem: MatrixProblem = {
    pixels,
    filters,
    steps,
    array: program.machine,
    accumulate,
    operand: operandA.format,
    weight: weight.format,
    product,
    accumulator,
    operandRange: rawRange(operandA.format),
    weightRange: weights.range,
    freeSums,
  };

  return {
    registers: { product, accumulator },
    bind: () => {
      const operands: MatrixOperands = {
        input: input.words,
        inputBase: input.start,
        pixelOffsets,
        stepOffsets,
        weights: weights.bind(),
        sums: sums.words,
        sumBase: sums.start,
        sumPitch: instruction.accumulatorPitch,
        seed: program.seed,
        instruction: place.instruction,
      };
      const chosen = prepareContext.library.matrix(problem, chooseLane(problem));
      prepareContext.kernelNames.add(chosen.name);
      const kernel = chosen.bind(problem, operands);
      return mirrored(matrixStep(problem, operands, kernel, configured, place, prepareContext), sums, extent);
    },
  };
}

/** The kernel, and the stepwise definition as the pass that counts and locates overflows, set up when first needed. */
function matrixStep(
  problem: MatrixProblem,
  operands: MatrixOperands,
  kernel: BoundKernel,
  { instruction, product, accumulator }: ConfiguredMatrix,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): Step {
  const snapshot = problem.accumulate ? new SumsSnapshot(prepareContext.scratch, problem, operands) : null;
  return quantizingStep({
    place,
    registers: { product, accumulator },
    firstStep: instruction.reductionStart,
    fast: {
      run: (image) => {
        snapshot?.take();
        kernel.run(image);
      },
      counters: [
        ["product", kernel.product],
        ["accumulator", kernel.accumulator],
      ],
    },
    observed: () => {
      const stepwise = (stepwiseLane(problem) === "float64" ? stepwiseFloat64 : stepwiseBigint)(problem, operands);
      return (image, tallies, again) => {
        if (again) snapshot?.restore();
        if (tallies.product === undefined || tallies.accumulator === undefined) return;
        stepwise.observer(image, { product: tallies.product, accumulator: tallies.accumulator });
      };
    },
  });
}

interface PlannedWeights {
  readonly range: RawRange;
  /** The tile where it lies in a constant. */
  readonly tile: WeightTile | null;
  readonly bind: () => WeightTile;
}

/** Constant tiles by tensor and place: instructions that read the same words share one object, and what is known of it. */
const constantTiles = new WeakMap<
  PrepareContext,
  Map<string, { readonly tile: WeightTile; readonly range: RawRange }>
>();

function weightTile({ instruction, weight }: ConfiguredMatrix, prepareContext: PrepareContext): PlannedWeights {
  const { columns: filters, reductionLength: steps, weightPitch, weightAddress } = instruction;
  const source = prepareContext.weights.find(weightAddress, weight.format, steps, weightPitch, filters);
  if (source === null) {
    const words = (steps - 1) * weightPitch + filters;
    const region = prepareContext.memories.region("weightScratchpad", weight.format, weightAddress, words);
    return {
      range: rawRange(weight.format),
      tile: null,
      bind: () => ({ words: region.words, base: region.start, pitch: weightPitch, constant: false }),
    };
  }
  const known = constantTiles.get(prepareContext) ?? new Map<string, { tile: WeightTile; range: RawRange }>();
  constantTiles.set(prepareContext, known);
  const { tensor, base, pitch } = source;
  const key = `${tensor.symbol.name} ${base} ${pitch} ${steps} ${filters} ${formatText(weight.format)}`;
  let entry = known.get(key);
  if (entry === undefined) {
    const tile: WeightTile = { words: tensor.words, base, pitch, constant: true };
    entry = { tile, range: tileRange(tile, steps, filters) };
    known.set(key, entry);
  }
  const { tile, range } = entry;
  return { range, tile, bind: () => tile };
}

function tileRange({ words, base, pitch }: WeightTile, steps: number, filters: number): RawRange {
  let min = words[base] ?? 0;
  let max = min;
  for (let step = 0; step < steps; step++) {
    for (let filter = 0; filter < filters; filter++) {
      const word = words[base + step * pitch + filter] ?? 0;
      if (word < min) min = word;
      if (word > max) max = word;
    }
  }
  return hull([BigInt(min), BigInt(max)]);
}

function largest(offsets: Int32Array): number {
  return offsets.reduce((max, offset) => Math.max(max, offset), 0);
}
