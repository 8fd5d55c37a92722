import { type RawRange, rawRange } from "../../../isa/numerics/format.ts";
import type { ConfiguredRequantize } from "../../configuration.ts";
import { ExactRegister } from "../arithmetic/exact-register.ts";
import { NumberChain } from "../arithmetic/number-chain.ts";
import type { OverflowPlace } from "../arithmetic/observer.ts";
import type { KernelLibrary } from "../kernels/contract.ts";
import { isNumberWords, setWord, type Words, wordAt } from "../memory/words.ts";
import { type InstructionPlace, type ObservedPath, type QuantizingParts, quantizingStep } from "../step.ts";
import {
  type ActivationRule,
  activateExact,
  activateRange,
  activationRule,
  kernelActivation,
  numberActivation,
} from "./activation.ts";
import { laneGenerators, mirrored, type Plan, type PrepareContext } from "./plan.ts";
import { planScaledRequantize } from "./scaled-requantize.ts";

/** Where the words of a requantize instruction are. */
interface Operands {
  readonly sums: Words;
  readonly sumBase: number;
  /** Bias words; empty where there is none. */
  readonly biases: Words;
  readonly biasBase: number;
  readonly outputs: Words;
  readonly outputBase: number;
}

export function planRequantize(
  configured: ConfiguredRequantize,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): Plan {
  if (configured.scale !== null) return planScaledRequantize(configured, configured.scale, place, prepareContext);
  const { instruction, accumulator, sum, bias, output } = configured;
  const { memories, program, weights, bank } = prepareContext;
  const { pixels, columns: filters, accumulatorPitch, outputPitch } = instruction;
  const sumExtent = { rows: pixels, pitch: accumulatorPitch, length: filters };
  const sums = memories.extentRegion("accumulatorBank", accumulator.format, instruction.accumulatorAddress, sumExtent);
  const extent = { rows: pixels, pitch: outputPitch, length: filters };
  const outputs = memories.extentRegion("outputBuffer", output.format, instruction.outputAddress, extent);
  const constant = bias && weights.find(instruction.biasAddress, bias.format, 1, filters, filters);
  const scratchpad =
    bias === null || constant
      ? null
      : memories.region("weightScratchpad", bias.format, instruction.biasAddress, filters);
  const range =
    bank.boundOf({
      address: instruction.accumulatorAddress,
      wordLength: accumulator.format.wordLength,
      signed: accumulator.format.signed,
      pixels,
      filters,
      pitch: accumulatorPitch,
    }) ?? rawRange(accumulator.format);

  const registers: QuantizingParts["registers"] = sum
    ? { sum, output }
    : bias === null
      ? { output }
      : { accumulator, output };
  return {
    registers,
    bind: () => {
      const operands: Operands = {
        sums: sums.words,
        sumBase: sums.start,
        biases: constant ? constant.tensor.words : (scratchpad?.words ?? []),
        biasBase: constant ? constant.base : (scratchpad?.start ?? 0),
        outputs: outputs.words,
        outputBase: outputs.start,
      };
      const step = quantizingStep({
        place,
        registers,
        fast: numberPath(configured, operands, range, prepareContext.library),
        observed: () => exactPath(configured, operands, program.machine.columns, place, prepareContext),
      });
      return mirrored(step, outputs, extent);
    },
  };
}

/** F of the value before and after the bias, and of its exact sum with the bias. */
function fractions({ accumulator, sum, bias }: ConfiguredRequantize): {
  readonly value: number;
  readonly added: number;
} {
  const value = (sum ?? accumulator).format.fractionLength;
  return { value, added: Math.max(value, bias?.format.fractionLength ?? value) };
}

function ruleOf(configured: ConfiguredRequantize): ActivationRule {
  return activationRule(configured.activation, fractions(configured).value);
}

/** The definition, in big integers: pixel after pixel, filters in groups of C. */
function exactPath(
  configured: ConfiguredRequantize,
  operands: Operands,
  lanes: number,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): ObservedPath {
  const { instruction, accumulator, sum, bias, output } = configured;
  const { sums, sumBase, biases, biasBase, outputs, outputBase } = operands;
  const { pixels, columns: filters, accumulatorPitch, outputPitch } = instruction;
  const fraction = fractions(configured);
  const valueShift = BigInt(fraction.added - fraction.value);
  const biasShift = BigInt(fraction.added - (bias?.format.fractionLength ?? fraction.added));
  const rule = ruleOf(configured);
  const groups = Math.ceil(filters / lanes);
  const addingName = sum ? "sum" : "accumulator";
  const adding = new ExactRegister(sum ?? accumulator, () =>
    laneGenerators(prepareContext, place, addingName, filters),
  );
  const written = new ExactRegister(output, () => laneGenerators(prepareContext, place, "output", filters));
  return (image, tallies) => {
    adding.restart(image, tallies[addingName] ?? null);
    written.restart(image, tallies.output ?? null);
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let filter = 0; filter < filters; filter++) {
        const lane = filter % lanes;
        const at = (): OverflowPlace => ({
          laneStep: pixel * groups + Math.floor(filter / lanes),
          extraCycles: 0,
          row: 0,
          column: lane,
          pixel,
          channel: filter,
          step: -1,
        });
        let value = wordAt(sums, sumBase + pixel * accumulatorPitch + filter);
        if (sum) {
          value = adding.write(value, accumulator.format.fractionLength, 0, lane);
          if (adding.overflowed) adding.locate(at());
        }
        if (bias) {
          const exact = (value << valueShift) + (wordAt(biases, biasBase + filter) << biasShift);
          value = adding.write(exact, fraction.added, 0, lane);
          if (adding.overflowed) adding.locate(at());
        }
        const word = written.write(activateExact(rule, value), rule.fractionLength, 0, lane);
        if (written.overflowed) written.locate(at());
        setWord(outputs, outputBase + pixel * outputPitch + filter, word);
      }
    }
  };
}

/** The same in doubles, where every word is kept as a number, nothing is random and every exact value fits. */
function numberPath(
  configured: ConfiguredRequantize,
  operands: Operands,
  range: RawRange,
  library: KernelLibrary,
): QuantizingParts["fast"] {
  const { instruction, accumulator, sum, bias, output } = configured;
  const { sums, biases, outputs } = operands;
  const chain = new NumberChain(range);
  const before = sum ? chain.quantizer(accumulator.format.fractionLength, sum) : null;
  const fraction = fractions(configured);
  const valueShift = fraction.added - fraction.value;
  const biasShift = fraction.added - (bias?.format.fractionLength ?? fraction.added);
  if (bias) chain.add(valueShift, bias.format, biasShift);
  const added = bias ? chain.quantizer(fraction.added, sum ?? accumulator) : null;
  const rule = ruleOf(configured);
  activateRange(rule, chain);
  const written = chain.quantizer(rule.fractionLength, output);
  if (!chain.exact || !isNumberWords(sums) || !isNumberWords(outputs)) return null;
  if (bias !== null && !isNumberWords(biases)) return null;

  const { pixels, columns: filters, accumulatorPitch, outputPitch } = instruction;
  const { sumBase, biasBase, outputBase } = operands;
  const valueScale = 2 ** valueShift;
  const biasScale = 2 ** biasShift;
  const addingName = sum ? "sum" : "accumulator";
  const bound = library.requantize?.({
    pixels,
    filters,
    sums,
    sumBase,
    sumPitch: accumulatorPitch,
    outputs,
    outputBase,
    outputPitch,
    biases: bias === null ? null : { words: biases, base: biasBase, scale: biasScale },
    before: before && { droppedBits: before.droppedBits, register: sum ?? accumulator },
    valueScale,
    added: added && { droppedBits: added.droppedBits, register: sum ?? accumulator },
    activation: kernelActivation(rule),
    written: { droppedBits: written.droppedBits, register: output },
    magnitude: chain.largest,
  });
  if (bound) {
    return {
      counters: [
        ...(before ? [[addingName, bound.before] as const] : []),
        ...(added ? [[addingName, bound.added] as const] : []),
        ["output", bound.written],
      ],
      run: bound.run,
    };
  }
  const activate = numberActivation(rule);
  const quantizers = [before, added, written].filter((quantizer) => quantizer !== null);
  return {
    counters: [
      ...[before, added].flatMap((quantizer) => (quantizer ? [[addingName, quantizer] as const] : [])),
      ["output", written],
    ],
    run: () => {
      for (const quantizer of quantizers) quantizer.overflows = 0;
      for (let pixel = 0; pixel < pixels; pixel++) {
        const sumRow = sumBase + pixel * accumulatorPitch;
        const outputRow = outputBase + pixel * outputPitch;
        for (let filter = 0; filter < filters; filter++) {
          let value = sums[sumRow + filter] as number;
          if (before !== null) value = before.apply(value);
          if (added !== null)
            value = added.apply(value * valueScale + (biases[biasBase + filter] as number) * biasScale);
          outputs[outputRow + filter] = written.apply(activate(value));
        }
      }
    },
  };
}
