/** Functions of the vector unit: one exact value for each element, written once into the output register. */
import { InvariantError } from "../../../isa/diagnostic.ts";
import type { ConfigureBounds } from "../../../isa/instructions/configure-bounds.ts";
import { type FixedPointFormat, type RawRange, rawRange } from "../../../isa/numerics/format.ts";
import type { ConfiguredVector } from "../../configuration.ts";
import { ExactRegister } from "../arithmetic/exact-register.ts";
import { NumberChain } from "../arithmetic/number-chain.ts";
import { hull, productRange, shiftLeft } from "../arithmetic/ranges.ts";
import { isNumberWords, setWord, type Words, wordAt } from "../memory/words.ts";
import { type InstructionPlace, type ObservedPath, type QuantizingParts, quantizingStep } from "../step.ts";
import { type ScratchpadWords, scratchpadWords } from "./constant-words.ts";
import { holdsDistances, planLookup } from "./lookup.ts";
import { laneGenerators, mirrored, type Plan, type PrepareContext } from "./plan.ts";

/** Words of the weight scratchpad that a function reads, and their range. */
interface Constants {
  readonly words: Words;
  readonly base: number;
}

/** How a function computes the exact value of an element, twice: in big integers and in doubles. */
interface FunctionRule {
  /** F of the exact value. */
  readonly fractionLength: number;
  /** What the exact value is divided by; 1 where nothing is. */
  readonly divisor: bigint;
  readonly constants: ScratchpadWords | null;
  readonly exact: (raw: bigint, element: number, constants: Constants) => bigint;
  /** Follows what `number` computes, all of it. */
  readonly follow: (chain: NumberChain) => void;
  /** Valid where doubles hold all that `follow` passes; null where they never do. */
  readonly number: ((raw: number, element: number, words: ArrayLike<number>, base: number) => number) | null;
}

const NO_CONSTANTS: Constants = { words: new Int32Array(0), base: 0 };

/** A vector instruction whose operation is a function. */
export function planFunction(
  configured: ConfiguredVector,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): Plan {
  const { instruction, operandA, output, table } = configured;
  if (instruction.operation === "lookup" && table !== null) return planLookup(configured, table, prepareContext);
  const { elements, addressA, outputAddress } = instruction;
  const inputs = prepareContext.memories.region("inputScratchpad", operandA.format, addressA, elements);
  const rule = ruleOf(configured, prepareContext);
  const outputs = prepareContext.memories.region("outputBuffer", output.format, outputAddress, elements);
  return {
    registers: { output },
    bind: () => {
      const operands: Operands = {
        inputs: inputs.words,
        inputBase: inputs.start,
        constants: rule.constants?.bind() ?? NO_CONSTANTS,
        outputs: outputs.words,
        outputBase: outputs.start,
      };
      const step = quantizingStep({
        place,
        registers: { output },
        fast: numberPath(configured, rule, operands),
        observed: () => exactPath(configured, rule, operands, place, prepareContext),
      });
      return mirrored(step, outputs, { rows: 1, pitch: elements, length: elements });
    },
  };
}

interface Operands {
  readonly inputs: Words;
  readonly inputBase: number;
  readonly constants: Constants;
  readonly outputs: Words;
  readonly outputBase: number;
}

/** The definition, in big integers: element after element. */
function exactPath(
  { instruction: { elements }, output }: ConfiguredVector,
  { fractionLength, divisor, exact }: FunctionRule,
  { inputs, inputBase, constants, outputs, outputBase }: Operands,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): ObservedPath {
  const lanes = prepareContext.program.machine.columns;
  const written = new ExactRegister(output, () => laneGenerators(prepareContext, place, "output", elements));
  return (image, tallies) => {
    written.restart(image, tallies.output ?? null);
    for (let element = 0; element < elements; element++) {
      const lane = element % lanes;
      const value = exact(wordAt(inputs, inputBase + element), element, constants);
      const word =
        divisor === 1n
          ? written.write(value, fractionLength, 0, lane)
          : written.writeQuotient(value, divisor, fractionLength, 0, lane);
      if (written.overflowed) {
        const laneStep = Math.floor(element / lanes);
        written.locate({ laneStep, extraCycles: 0, row: 0, column: lane, pixel: element, channel: 0, step: -1 });
      }
      setWord(outputs, outputBase + element, word);
    }
  };
}

/** The same in doubles, where every exact value fits, nothing is divided and nothing is random. */
function numberPath(
  { instruction: { elements }, operandA, output }: ConfiguredVector,
  { fractionLength, divisor, follow, number }: FunctionRule,
  { inputs, inputBase, constants, outputs, outputBase }: Operands,
): QuantizingParts["fast"] {
  const { words, base } = constants;
  if (number === null || divisor !== 1n) return null;
  if (!isNumberWords(inputs) || !isNumberWords(words) || !isNumberWords(outputs)) return null;
  const chain = new NumberChain(rawRange(operandA.format));
  follow(chain);
  const written = chain.quantizer(fractionLength, output);
  if (!chain.exact) return null;
  return {
    counters: [["output", written]],
    run: () => {
      written.overflows = 0;
      for (let element = 0; element < elements; element++) {
        const value = number(inputs[inputBase + element] as number, element, words, base);
        outputs[outputBase + element] = written.apply(value);
      }
    },
  };
}

function ruleOf(configured: ConfiguredVector, prepareContext: PrepareContext): FunctionRule {
  const { operation } = configured.instruction;
  if (operation === "interpolate") return interpolateRule(configured, prepareContext);
  if (operation === "slopes") return slopesRule(configured, prepareContext);
  if (operation === "pieces") return piecesRule(configured);
  if (operation === "hardSwish") return hardSwishRule(configured.operandA.format);
  throw new InvariantError(`${operation} is no function that quantizes`);
}

function interpolateRule(
  { instruction, operandA, scale, table }: ConfiguredVector,
  prepareContext: PrepareContext,
): FunctionRule {
  if (scale === null || table === null) throw new InvariantError("interpolate passed the check without its table");
  const { base: first, shift, entries } = table;
  const constants = scratchpadWords(prepareContext, instruction.tableAddress, scale.format, entries);
  const bits = BigInt(shift);
  const end = BigInt(entries - 1) << bits;
  const lastEntry = entries - 2;
  const [firstNumber, width, endNumber] = [Number(first), 2 ** shift, Number(end)];
  const inverse = 1 / width;
  return {
    fractionLength: scale.format.fractionLength + shift,
    divisor: 1n,
    constants,
    exact: (raw, _element, { words, base }) => {
      const distance = raw - first;
      const position = distance < 0n ? 0n : distance > end ? end : distance;
      const entry = Math.min(Number(position >> bits), lastEntry);
      const before = wordAt(words, base + entry);
      const behind = wordAt(words, base + entry + 1);
      return (before << bits) + (behind - before) * (position - (BigInt(entry) << bits));
    },
    follow: (chain) => {
      const { range } = constants;
      const steps = { min: range.min - range.max, max: range.max - range.min };
      chain
        .become({ min: chain.range.min - first, max: chain.range.max - first })
        .become({ min: 0n, max: end })
        .become(productRange(steps, { min: 0n, max: 1n << bits }))
        .become(shiftLeft(range, shift));
    },
    number: holdsDistances(operandA.format, first)
      ? (raw, _element, words, base) => {
          const distance = raw - firstNumber;
          const position = distance < 0 ? 0 : distance > endNumber ? endNumber : distance;
          const above = Math.floor(position * inverse);
          const entry = above > lastEntry ? lastEntry : above;
          const before = words[base + entry] as number;
          return before * width + ((words[base + entry + 1] as number) - before) * (position - entry * width);
        }
      : null,
  };
}

function slopesRule({ instruction, operandA, scale }: ConfiguredVector, prepareContext: PrepareContext): FunctionRule {
  if (scale === null) throw new InvariantError("slopes passed the check without a scale register");
  const { tableAddress, period, elements } = instruction;
  const slopeFraction = scale.format.fractionLength;
  const constants = scratchpadWords(prepareContext, tableAddress, scale.format, Math.min(period, elements));
  // Zeros appended to a itself, and to the product.
  const [own, product] = [Math.max(slopeFraction, 0), Math.max(-slopeFraction, 0)];
  const [ownBits, productBits] = [BigInt(own), BigInt(product)];
  const [ownScale, productScale] = [2 ** own, 2 ** product];
  return {
    fractionLength: operandA.format.fractionLength + own,
    divisor: 1n,
    constants,
    exact: (raw, element, { words, base }) =>
      raw < 0n ? (raw * wordAt(words, base + (element % period))) << productBits : raw << ownBits,
    follow: (chain) => {
      const { min, max } = chain.range;
      const below = productRange({ min, max: 0n }, constants.range);
      chain.become(below).become(shiftLeft(below, product));
      const scaled = chain.range;
      chain.become(shiftLeft({ min: 0n, max }, own));
      chain.become(hull([scaled.min, scaled.max, chain.range.max]));
    },
    number: (raw, element, words, base) =>
      // 0 and not −0, where the slope is 0.
      raw < 0 ? raw * (words[base + (element % period)] as number) * productScale + 0 : raw * ownScale,
  };
}

function piecesRule({ operandA, output, pieces, bounds }: ConfiguredVector): FunctionRule {
  if (pieces === null || bounds === null) throw new InvariantError("pieces passed the check without its lines");
  const { threshold, below, above } = pieces;
  const { offset } = bounds;
  const lineFraction = operandA.format.fractionLength + Number(pieces.slopeFraction);
  const bounded = bounds.hasLower || bounds.hasUpper;
  const fractionLength = bounded ? Math.max(lineFraction, output.format.fractionLength) : lineFraction;
  const zeros = fractionLength - lineFraction;
  const ends = boundsAt(bounds, fractionLength - output.format.fractionLength);
  const bits = BigInt(zeros);
  const [thresholdNumber, belowNumber, aboveNumber] = [Number(threshold), Number(below), Number(above)];
  const [offsetNumber, scale] = [Number(offset), 2 ** zeros];
  const [lowest, highest] = [
    ends.lower === null ? Number.NEGATIVE_INFINITY : Number(ends.lower),
    ends.upper === null ? Number.POSITIVE_INFINITY : Number(ends.upper),
  ];
  return {
    fractionLength,
    divisor: 1n,
    constants: null,
    exact: (raw) => {
      const value = (raw * (raw < threshold ? below : above) + offset) << bits;
      if (ends.lower !== null && value < ends.lower) return cut(ends.lower, ends.upper);
      return cut(value, ends.upper);
    },
    follow: (chain) => {
      const { range } = chain;
      chain.become({ min: threshold, max: threshold }).become({ min: offset, max: offset });
      const product = hull([below, above].flatMap((slope) => [range.min * slope, range.max * slope]));
      const sum = { min: product.min + offset, max: product.max + offset };
      chain.become(product).become(sum).become(shiftLeft(sum, zeros));
      chain.become(cutRange(chain.range, ends));
    },
    number: (raw) => {
      const value = (raw * (raw < thresholdNumber ? belowNumber : aboveNumber) + offsetNumber) * scale;
      const raised = value < lowest ? lowest : value;
      return raised > highest ? highest : raised;
    },
  };
}

interface Ends {
  readonly lower: bigint | null;
  readonly upper: bigint | null;
}

/** Bounds with `zeros` appended; null where there is none. */
function boundsAt({ hasLower, lower, hasUpper, upper }: ConfigureBounds, zeros: number): Ends {
  return { lower: hasLower ? lower << BigInt(zeros) : null, upper: hasUpper ? upper << BigInt(zeros) : null };
}

function cut(value: bigint, upper: bigint | null): bigint {
  return upper !== null && value > upper ? upper : value;
}

/** Whatever of a range the bounds leave, and the bounds themselves: doubles compare with them. */
function cutRange({ min, max }: RawRange, { lower, upper }: Ends): RawRange {
  const raised = (value: bigint): bigint => cut(lower !== null && value < lower ? lower : value, upper);
  return hull([raised(min), raised(max)]);
}

/** a · min(max(a + 3, 0), 6) over 6; a quotient is left to big integers. */
function hardSwishRule({ fractionLength }: FixedPointFormat): FunctionRule {
  const gateFraction = Math.max(fractionLength, 0);
  const zeros = BigInt(gateFraction - fractionLength);
  const [three, six] = [3n << BigInt(gateFraction), 6n << BigInt(gateFraction)];
  return {
    fractionLength: fractionLength + gateFraction,
    divisor: 6n,
    constants: null,
    exact: (raw) => {
      const sum = (raw << zeros) + three;
      return raw * (sum < 0n ? 0n : sum > six ? six : sum);
    },
    follow: () => {},
    number: null,
  };
}
