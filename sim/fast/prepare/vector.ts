import type { ConfigureActivation } from "../../../isa/instructions/configure-activation.ts";
import { type ArithmeticVectorOperation, isFunctionOperation } from "../../../isa/instructions/vector.ts";
import type { RawRange } from "../../../isa/numerics/format.ts";
import { type FixedPointFormat, rawRange } from "../../../isa/numerics/format.ts";
import type { ConfiguredVector } from "../../configuration.ts";
import { ExactRegister } from "../arithmetic/exact-register.ts";
import { NumberChain } from "../arithmetic/number-chain.ts";
import { productRange, shiftLeft, union } from "../arithmetic/ranges.ts";
import type { ElementWiseOperation, KernelLibrary } from "../kernels/contract.ts";
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
import { planFunction } from "./vector-function.ts";

/** An operation on raws a and b, exact; both are aligned before, but for `multiply`. */
interface OperationRule {
  readonly exact: (a: bigint, b: bigint) => bigint;
  readonly number: (a: number, b: number) => number;
  /** Range of the results, and of everything on the way to them. */
  readonly range: (a: RawRange, b: RawRange) => RawRange;
  readonly aligns: boolean;
  /** Reads operand B. */
  readonly binary: boolean;
}

const extremes = { range: union, aligns: true, binary: true };
const unary = {
  exact: (a: bigint): bigint => a,
  number: (a: number): number => a,
  range: (a: RawRange): RawRange => a,
};

/** A vector instruction that calculates, activates and quantizes. */
type Calculation = ConfiguredVector & {
  readonly instruction: { readonly operation: ArithmeticVectorOperation };
  readonly activation: ConfigureActivation;
};

const OPERATIONS: Readonly<Record<ArithmeticVectorOperation, OperationRule>> = {
  copy: { ...unary, aligns: false, binary: false },
  // The exponent moves the binary point; the raw stays.
  shift: { ...unary, aligns: false, binary: false },
  add: {
    exact: (a, b) => a + b,
    number: (a, b) => a + b,
    range: (a, b) => ({ min: a.min + b.min, max: a.max + b.max }),
    aligns: true,
    binary: true,
  },
  subtract: {
    exact: (a, b) => a - b,
    number: (a, b) => a - b,
    range: (a, b) => ({ min: a.min - b.max, max: a.max - b.min }),
    aligns: true,
    binary: true,
  },
  multiply: { exact: (a, b) => a * b, number: (a, b) => a * b, range: productRange, aligns: false, binary: true },
  maximum: { exact: (a, b) => (a > b ? a : b), number: (a, b) => (a > b ? a : b), ...extremes },
  minimum: { exact: (a, b) => (a < b ? a : b), number: (a, b) => (a < b ? a : b), ...extremes },
};

/** What a kernel computes; alignment and exponents are in its scales. */
const KERNEL_OPERATIONS: Readonly<Record<ArithmeticVectorOperation, ElementWiseOperation>> = {
  copy: "copy",
  shift: "copy",
  add: "add",
  subtract: "subtract",
  multiply: "multiply",
  maximum: "maximum",
  minimum: "minimum",
};

/** Where binary points lie: zeros appended to both operands, and F of the result. */
interface Alignment {
  readonly shiftA: number;
  readonly shiftB: number;
  readonly fractionLength: number;
}

interface Operands {
  readonly a: Words;
  readonly baseA: number;
  /** Operand A again where there is no B. */
  readonly b: Words;
  readonly baseB: number;
  readonly outputs: Words;
  readonly outputBase: number;
}

export function planVector(
  configured: ConfiguredVector,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): Plan {
  if (!calculates(configured)) return planFunction(configured, place, prepareContext);
  const { instruction, operandA, operandB, output } = configured;
  const { elements } = instruction;
  const { memories } = prepareContext;
  const a = memories.region("inputScratchpad", operandA.format, instruction.addressA, elements);
  const b = operandB ? memories.region("inputScratchpad", operandB.format, instruction.addressB, elements) : a;
  const outputs = memories.region("outputBuffer", output.format, instruction.outputAddress, elements);
  const extent = { rows: 1, pitch: elements, length: elements };
  return {
    registers: { output },
    bind: () => {
      const operands: Operands = {
        a: a.words,
        baseA: a.start,
        b: b.words,
        baseB: b.start,
        outputs: outputs.words,
        outputBase: outputs.start,
      };
      const step = quantizingStep({
        place,
        registers: { output },
        fast: numberPath(configured, operands, prepareContext.library),
        observed: () => exactPath(configured, operands, place, prepareContext),
      });
      return mirrored(step, outputs, extent);
    },
  };
}

function calculates(configured: ConfiguredVector): configured is Calculation {
  return !isFunctionOperation(configured.instruction.operation) && configured.activation !== null;
}

function alignmentOf({ instruction, operandA, operandB }: Calculation): Alignment {
  const fractionA = operandA.format.fractionLength;
  const fractionB = operandB?.format.fractionLength ?? fractionA;
  if (instruction.operation === "multiply") return { shiftA: 0, shiftB: 0, fractionLength: fractionA + fractionB };
  if (!OPERATIONS[instruction.operation].aligns) {
    const exponent = instruction.operation === "shift" ? Number(instruction.shift) : 0;
    return { shiftA: 0, shiftB: 0, fractionLength: fractionA - exponent };
  }
  const fractionLength = Math.max(fractionA, fractionB);
  return { shiftA: fractionLength - fractionA, shiftB: fractionLength - fractionB, fractionLength };
}

function ruleOf({ activation }: Calculation, { fractionLength }: Alignment): ActivationRule {
  return activationRule(activation, fractionLength);
}

/** The definition, in big integers: element after element. */
function exactPath(
  configured: Calculation,
  operands: Operands,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): ObservedPath {
  const { instruction, output } = configured;
  const { a, baseA, b, baseB, outputs, outputBase } = operands;
  const lanes = prepareContext.program.machine.columns;
  const operation = OPERATIONS[instruction.operation];
  const alignment = alignmentOf(configured);
  const rule = ruleOf(configured, alignment);
  const [shiftA, shiftB] = [BigInt(alignment.shiftA), BigInt(alignment.shiftB)];
  const written = new ExactRegister(output, () =>
    laneGenerators(prepareContext, place, "output", instruction.elements),
  );
  return (image, tallies) => {
    written.restart(image, tallies.output ?? null);
    for (let element = 0; element < instruction.elements; element++) {
      const left = wordAt(a, baseA + element) << shiftA;
      const right = wordAt(b, baseB + element) << shiftB;
      const exact = activateExact(rule, operation.exact(left, right));
      const lane = element % lanes;
      const word = written.write(exact, rule.fractionLength, 0, lane);
      if (written.overflowed) {
        const laneStep = Math.floor(element / lanes);
        written.locate({ laneStep, extraCycles: 0, row: 0, column: lane, pixel: element, channel: 0, step: -1 });
      }
      setWord(outputs, outputBase + element, word);
    }
  };
}

/** The same in doubles, where every exact value fits and nothing is random. */
function numberPath(configured: Calculation, operands: Operands, library: KernelLibrary): QuantizingParts["fast"] {
  const { instruction, operandA, operandB, output } = configured;
  const { a, baseA, b, baseB, outputs, outputBase } = operands;
  const operation = OPERATIONS[instruction.operation];
  const alignment = alignmentOf(configured);
  const rule = ruleOf(configured, alignment);
  const aligned = (format: FixedPointFormat, shift: number): RawRange => shiftLeft(rawRange(format), shift);
  const left = aligned(operandA.format, alignment.shiftA);
  const right = aligned((operandB ?? operandA).format, alignment.shiftB);
  const chain = new NumberChain(left).become(right).become(operation.range(left, right));
  activateRange(rule, chain);
  const written = chain.quantizer(rule.fractionLength, output);
  if (!chain.exact || !isNumberWords(a) || !isNumberWords(b) || !isNumberWords(outputs)) return null;

  const { elements } = instruction;
  const compute = operation.number;
  const [scaleA, scaleB] = [2 ** alignment.shiftA, 2 ** alignment.shiftB];
  const bound = library.elementWise?.({
    operation: KERNEL_OPERATIONS[instruction.operation],
    elements,
    a,
    baseA,
    scaleA,
    b,
    baseB,
    scaleB,
    outputs,
    outputBase,
    activation: kernelActivation(rule),
    written: { droppedBits: written.droppedBits, register: output },
    magnitude: chain.largest,
  });
  if (bound) return { counters: [["output", bound.written]], run: bound.run };
  const activate = numberActivation(rule);
  return {
    counters: [["output", written]],
    run: () => {
      written.overflows = 0;
      for (let element = 0; element < elements; element++) {
        const exact = compute((a[baseA + element] as number) * scaleA, (b[baseB + element] as number) * scaleB);
        outputs[outputBase + element] = written.apply(activate(exact));
      }
    },
  };
}
