import { secondOperandAddress } from "../../../isa/instructions/requantize.ts";
import { type FixedPointFormat, type RawRange, rawRange } from "../../../isa/numerics/format.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import type { ConfiguredRequantize } from "../../configuration.ts";
import { ExactRegister } from "../arithmetic/exact-register.ts";
import { NumberChain } from "../arithmetic/number-chain.ts";
import { QuotientQuantizer } from "../arithmetic/quotient-quantizer.ts";
import { magnitude, shiftLeft } from "../arithmetic/ranges.ts";
import type { Region } from "../memory/on-chip.ts";
import { isNumberWords, setWord, type Words, wordAt } from "../memory/words.ts";
import { type InstructionPlace, type ObservedPath, type QuantizingParts, quantizingStep } from "../step.ts";
import { type ActivationRule, activateExact, activateRange, activationRule, numberActivation } from "./activation.ts";
import { type ScratchpadWords, scratchpadWords } from "./constant-words.ts";
import { laneGenerators, mirrored, type Plan, type PrepareContext } from "./plan.ts";

/** A requantize instruction with `hasScale`, apart from its words. */
interface Problem {
  readonly configured: ConfiguredRequantize;
  /** Words that can occur. */
  readonly sources: readonly SourceRange[];
  readonly scaleRange: RawRange;
  readonly biasRange: RawRange;
  readonly biasShift: number;
  readonly rule: ActivationRule;
}

/** Words that are scaled: sums of the bank, or operands. */
interface SourceRange {
  readonly range: RawRange;
  /** Zeros appended to a · M before it is added. */
  readonly shift: number;
}

interface Operands {
  /** One or two, each with the first of its words. */
  readonly sources: readonly { readonly words: Words; readonly base: number }[];
  /** Words of the first source, then those of the second. */
  readonly scales: Words;
  readonly scaleBase: number;
  /** Bias words; empty where there is none. */
  readonly biases: Words;
  readonly biasBase: number;
  readonly outputs: Words;
  readonly outputBase: number;
}

/** a · M (+ b · M′) + bias, divided, activated, written once: only the output register quantizes. */
export function planScaledRequantize(
  configured: ConfiguredRequantize,
  scale: RegisterSpec,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): Plan {
  const { instruction, bias, output } = configured;
  const { memories } = prepareContext;
  const { pixels, columns: filters, outputPitch } = instruction;
  const sources = sourcesOf(configured, prepareContext);
  const extent = { rows: pixels, pitch: outputPitch, length: filters };
  const outputs = memories.extentRegion("outputBuffer", output.format, instruction.outputAddress, extent);
  const scales = scratchpadWords(prepareContext, instruction.scaleAddress, scale.format, filters * sources.length);
  const biases: ScratchpadWords | null =
    bias && scratchpadWords(prepareContext, instruction.biasAddress, bias.format, filters);
  const problem = problemOf(configured, scale, sources, scales.range, biases?.range ?? { min: 0n, max: 0n });
  return {
    registers: { output },
    bind: () => {
      const scaleWords = scales.bind();
      const biasWords = biases?.bind() ?? { words: [], base: 0 };
      const operands: Operands = {
        sources: sources.map(({ region }) => ({ words: region.words, base: region.start })),
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
        observed: () => exactPath(problem, operands, place, prepareContext),
      });
      return mirrored(step, outputs, extent);
    },
  };
}

interface Source {
  readonly region: Region;
  readonly format: FixedPointFormat;
  readonly range: RawRange;
}

/** Sums of the bank, in what growth has proved of them, or the one or two operands. */
function sourcesOf(
  { instruction, accumulator, operandA, operandB }: ConfiguredRequantize,
  { memories, bank }: PrepareContext,
): readonly Source[] {
  const { pixels, columns: filters, accumulatorAddress: address, accumulatorPitch: pitch } = instruction;
  const extent = { rows: pixels, pitch, length: filters };
  if (operandA === null) {
    const { format } = accumulator;
    const region = memories.extentRegion("accumulatorBank", format, address, extent);
    const { wordLength, signed } = format;
    const range = bank.boundOf({ address, wordLength, signed, pixels, filters, pitch }) ?? rawRange(format);
    return [{ region, format, range }];
  }
  const operand = ({ format }: RegisterSpec, start: number): Source => {
    return { region: memories.extentRegion("inputScratchpad", format, start, extent), format, range: rawRange(format) };
  };
  const first = operand(operandA, address);
  if (operandB === null) return [first];
  return [first, operand(operandB, secondOperandAddress(instruction, operandA.format))];
}

function problemOf(
  configured: ConfiguredRequantize,
  scale: RegisterSpec,
  sources: readonly Source[],
  scaleRange: RawRange,
  biasRange: RawRange,
): Problem {
  const { bias, activation, divisor } = configured;
  const products = sources.map(({ format }) => format.fractionLength + scale.format.fractionLength);
  const biasFraction = bias?.format.fractionLength ?? Math.max(...products);
  const added = Math.max(...products, biasFraction);
  return {
    configured,
    sources: sources.map(({ range }, index) => ({ range, shift: added - (products[index] ?? added) })),
    scaleRange,
    biasRange,
    biasShift: added - biasFraction,
    rule: activationRule(activation, added, BigInt(divisor ?? 1)),
  };
}

/** The definition, in big integers: pixel after pixel, filters in groups of C. */
function exactPath(
  { configured, sources: ranges, biasShift, rule }: Problem,
  { sources, scales, scaleBase, biases, biasBase, outputs, outputBase }: Operands,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): ObservedPath {
  const { instruction, bias, output, divisor } = configured;
  const { pixels, columns: filters, accumulatorPitch, outputPitch } = instruction;
  const lanes = prepareContext.program.machine.columns;
  const groups = Math.ceil(filters / lanes);
  const productZeros = ranges.map(({ shift }) => BigInt(shift));
  const biasZeros = BigInt(biasShift);
  const written = new ExactRegister(output, () => laneGenerators(prepareContext, place, "output", filters));
  return (image, tallies) => {
    written.restart(image, tallies.output ?? null);
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let filter = 0; filter < filters; filter++) {
        const lane = filter % lanes;
        let exact = bias === null ? 0n : wordAt(biases, biasBase + filter) << biasZeros;
        for (const [index, { words, base }] of sources.entries()) {
          const factor = wordAt(scales, scaleBase + index * filters + filter);
          exact += (wordAt(words, base + pixel * accumulatorPitch + filter) * factor) << (productZeros[index] ?? 0n);
        }
        const activated = activateExact(rule, exact);
        const word =
          divisor === null
            ? written.write(activated, rule.fractionLength, 0, lane)
            : written.writeQuotient(activated, BigInt(divisor), rule.fractionLength, 0, lane);
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
  const { configured, sources: ranges, scaleRange, biasRange, biasShift, rule } = problem;
  const { sources, scales, biases, outputs } = operands;
  const { instruction, bias, output, divisor } = configured;
  const chain = new NumberChain(biasRange);
  let total = chain.become(shiftLeft(biasRange, biasShift)).range;
  for (const { range, shift } of ranges) {
    const product = shiftLeft(chain.become(range).multiply(scaleRange).range, shift);
    total = { min: total.min + product.min, max: total.max + product.max };
    chain.become(product).become(total);
  }
  activateRange(rule, chain);
  const written =
    divisor === null
      ? chain.quantizer(rule.fractionLength, output)
      : QuotientQuantizer.of(divisor, rule.fractionLength, magnitude(chain.range), output);
  if (written === null || !chain.exact || !isNumberWords(scales) || !isNumberWords(outputs)) return null;
  if (bias !== null && !isNumberWords(biases)) return null;
  const words = sources.map((source) => source.words);
  if (!words.every(isNumberWords)) return null;

  const { pixels, columns: filters, accumulatorPitch, outputPitch } = instruction;
  const { scaleBase, biasBase, outputBase } = operands;
  const [first, second] = words;
  const [firstBase = 0, secondBase = 0] = sources.map(({ base }) => base);
  const factors = ranges.map(() => new Float64Array(filters));
  const [firstFactors, secondFactors] = factors;
  const addends = new Float64Array(filters);
  const activate = numberActivation(rule);
  return {
    counters: [["output", written]],
    run: () => {
      written.overflows = 0;
      for (let filter = 0; filter < filters; filter++) {
        for (const [index, list] of factors.entries()) {
          list[filter] = (scales[scaleBase + index * filters + filter] as number) * 2 ** (ranges[index]?.shift ?? 0);
        }
        if (bias !== null) addends[filter] = (biases[biasBase + filter] as number) * 2 ** biasShift;
      }
      for (let pixel = 0; pixel < pixels; pixel++) {
        const row = pixel * accumulatorPitch;
        const outputRow = outputBase + pixel * outputPitch;
        for (let filter = 0; filter < filters; filter++) {
          const place = row + filter;
          let exact =
            (first?.[firstBase + place] as number) * (firstFactors?.[filter] as number) + (addends[filter] as number);
          if (second && secondFactors) {
            exact += (second[secondBase + place] as number) * (secondFactors[filter] as number);
          }
          outputs[outputRow + filter] = written.apply(activate(exact));
        }
      }
    },
  };
}
