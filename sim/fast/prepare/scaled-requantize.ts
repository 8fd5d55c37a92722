import { type RawRange, rawRange } from "../../../isa/format.ts";
import type { RegisterSpec } from "../../../isa/register.ts";
import type { ConfiguredRequantize } from "../../configuration.ts";
import { ExactRegister } from "../arithmetic/exact-register.ts";
import { NumberChain } from "../arithmetic/number-chain.ts";
import { shiftLeft } from "../arithmetic/ranges.ts";
import { isNumberWords, setWord, type Words, wordAt } from "../memory/words.ts";
import { type InstructionPlace, type ObservedPath, type QuantizingParts, quantizingStep } from "../step.ts";
import { type ActivationRule, activateExact, activateRange, activationRule, numberActivation } from "./activation.ts";
import { type ScratchpadWords, scratchpadWords } from "./constant-words.ts";
import { laneGenerators, mirrored, type Plan, type Workshop } from "./plan.ts";

/** A requantize instruction with `hasScale`, apart from its words. */
interface Problem {
  readonly configured: ConfiguredRequantize;
  /** Words that can occur. */
  readonly sumRange: RawRange;
  readonly scaleRange: RawRange;
  readonly biasRange: RawRange;
  /** Zeros appended to a · M and to the bias word before they are added. */
  readonly productShift: number;
  readonly biasShift: number;
  readonly rule: ActivationRule;
}

interface Operands {
  readonly sums: Words;
  readonly sumBase: number;
  readonly scales: Words;
  readonly scaleBase: number;
  /** Bias words; empty where there is none. */
  readonly biases: Words;
  readonly biasBase: number;
  readonly outputs: Words;
  readonly outputBase: number;
}

/** a · M + bias, activated, written once: only the output register quantizes. */
export function planScaledRequantize(
  configured: ConfiguredRequantize,
  scale: RegisterSpec,
  place: InstructionPlace,
  workshop: Workshop,
): Plan {
  const { instruction, accumulator, bias, output } = configured;
  const { memories } = workshop;
  const { pixels, columns: filters, accumulatorAddress, accumulatorPitch, outputPitch } = instruction;
  const sumExtent = { rows: pixels, pitch: accumulatorPitch, length: filters };
  const sums = memories.extentRegion("accumulatorBank", accumulator.format, accumulatorAddress, sumExtent);
  const extent = { rows: pixels, pitch: outputPitch, length: filters };
  const outputs = memories.extentRegion("outputBuffer", output.format, instruction.outputAddress, extent);
  const scales = scratchpadWords(workshop, instruction.scaleAddress, scale.format, filters);
  const biases: ScratchpadWords | null =
    bias && scratchpadWords(workshop, instruction.biasAddress, bias.format, filters);
  const { wordLength, signed } = accumulator.format;
  const tile = { address: accumulatorAddress, wordLength, signed, pixels, filters, pitch: accumulatorPitch };
  const problem = problemOf(configured, scale, {
    sumRange: workshop.bank.boundOf(tile) ?? rawRange(accumulator.format),
    scaleRange: scales.range,
    biasRange: biases?.range ?? { min: 0n, max: 0n },
  });
  return {
    registers: { output },
    bind: () => {
      const scaleWords = scales.bind();
      const biasWords = biases?.bind() ?? { words: [], base: 0 };
      const operands: Operands = {
        sums: sums.words,
        sumBase: sums.start,
        scales: scaleWords.words,
        scaleBase: scaleWords.base,
        biases: biasWords.words,
        biasBase: biasWords.base,
        outputs: outputs.words,
        outputBase: outputs.start,
      };
      const step = quantizingStep({
        place,
        registers: { output },
        fast: numberPath(problem, operands),
        observed: () => exactPath(problem, operands, place, workshop),
      });
      return mirrored(step, outputs, extent);
    },
  };
}

function problemOf(
  configured: ConfiguredRequantize,
  scale: RegisterSpec,
  ranges: Pick<Problem, "sumRange" | "scaleRange" | "biasRange">,
): Problem {
  const { accumulator, bias, activation } = configured;
  const product = accumulator.format.fractionLength + scale.format.fractionLength;
  const biasFraction = bias?.format.fractionLength ?? product;
  const added = Math.max(product, biasFraction);
  return {
    configured,
    ...ranges,
    productShift: added - product,
    biasShift: added - biasFraction,
    rule: activationRule(activation, added),
  };
}

/** The definition, in big integers: pixel after pixel, filters in groups of C. */
function exactPath(
  { configured, productShift, biasShift, rule }: Problem,
  { sums, sumBase, scales, scaleBase, biases, biasBase, outputs, outputBase }: Operands,
  place: InstructionPlace,
  workshop: Workshop,
): ObservedPath {
  const { instruction, bias, output } = configured;
  const { pixels, columns: filters, accumulatorPitch, outputPitch } = instruction;
  const lanes = workshop.program.machine.columns;
  const groups = Math.ceil(filters / lanes);
  const [productZeros, biasZeros] = [BigInt(productShift), BigInt(biasShift)];
  const written = new ExactRegister(output, () => laneGenerators(workshop, place, "output", filters));
  return (image, tallies) => {
    written.restart(image, tallies.output ?? null);
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let filter = 0; filter < filters; filter++) {
        const lane = filter % lanes;
        const product = wordAt(sums, sumBase + pixel * accumulatorPitch + filter) * wordAt(scales, scaleBase + filter);
        const addend = bias === null ? 0n : wordAt(biases, biasBase + filter) << biasZeros;
        const exact = (product << productZeros) + addend;
        const word = written.write(activateExact(rule, exact), rule.fractionLength, 0, lane);
        if (written.overflowed) {
          const laneStep = pixel * groups + Math.floor(filter / lanes);
          written.locate({ laneStep, extraCycles: 0, row: 0, column: lane, pixel, channel: filter, step: -1 });
        }
        setWord(outputs, outputBase + pixel * outputPitch + filter, word);
      }
    }
  };
}

/** The same in doubles, where every word is kept as a number, nothing is random and every exact value fits. */
function numberPath(problem: Problem, operands: Operands): QuantizingParts["fast"] {
  const { configured, sumRange, scaleRange, biasRange, productShift, biasShift, rule } = problem;
  const { sums, scales, biases, outputs } = operands;
  const { instruction, bias, output } = configured;
  const chain = new NumberChain(sumRange).multiply(scaleRange);
  const product = shiftLeft(chain.range, productShift);
  const addend = shiftLeft(biasRange, biasShift);
  chain
    .become(product)
    .become(addend)
    .become({ min: product.min + addend.min, max: product.max + addend.max });
  activateRange(rule, chain);
  const written = chain.quantizer(rule.fractionLength, output);
  if (!chain.exact || !isNumberWords(sums) || !isNumberWords(scales) || !isNumberWords(outputs)) return null;
  if (bias !== null && !isNumberWords(biases)) return null;

  const { pixels, columns: filters, accumulatorPitch, outputPitch } = instruction;
  const { sumBase, scaleBase, biasBase, outputBase } = operands;
  const factors = Float64Array.from({ length: filters }, () => 0);
  const addends = Float64Array.from({ length: filters }, () => 0);
  const activate = numberActivation(rule);
  return {
    counters: [["output", written]],
    run: () => {
      written.overflows = 0;
      for (let filter = 0; filter < filters; filter++) {
        factors[filter] = (scales[scaleBase + filter] as number) * 2 ** productShift;
        if (bias !== null) addends[filter] = (biases[biasBase + filter] as number) * 2 ** biasShift;
      }
      for (let pixel = 0; pixel < pixels; pixel++) {
        const sumRow = sumBase + pixel * accumulatorPitch;
        const outputRow = outputBase + pixel * outputPitch;
        for (let filter = 0; filter < filters; filter++) {
          const exact = (sums[sumRow + filter] as number) * (factors[filter] as number) + (addends[filter] as number);
          outputs[outputRow + filter] = written.apply(activate(exact));
        }
      }
    },
  };
}
