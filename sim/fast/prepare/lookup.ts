import { rawRange } from "../../../isa/format.ts";
import { tableEntries } from "../../../isa/instructions/vector.ts";
import type { ConfiguredVector } from "../../configuration.ts";
import { isNumberWords, setWord, type Words, wordAt } from "../memory/words.ts";
import type { Step } from "../step.ts";
import { scratchpadWords } from "./constant-words.ts";
import { mirrored, type Plan, type Workshop } from "./plan.ts";

interface Operands {
  readonly elements: number;
  readonly inputs: Words;
  readonly inputBase: number;
  readonly table: Words;
  readonly outputs: Words;
  readonly outputBase: number;
  readonly shift: number;
  /** Index of entry 0 in `table`, less the smallest shifted raw: the entry of raw r is at firstEntry + (r >> shift). */
  readonly firstEntry: number;
}

/** Vector operation `lookup`: words are moved, nothing is quantized. */
export function planLookup({ instruction, operandA, output }: ConfiguredVector, workshop: Workshop): Plan {
  const { elements, addressA, outputAddress, tableAddress, tableShift: shift } = instruction;
  const { memories } = workshop;
  const inputs = memories.region("inputScratchpad", operandA.format, addressA, elements);
  const table = scratchpadWords(workshop, tableAddress, output.format, tableEntries(operandA.format, shift));
  const outputs = memories.region("outputBuffer", output.format, outputAddress, elements);
  const lowest = rawRange(operandA.format).min >> BigInt(shift);
  return {
    registers: {},
    bind: () => {
      const { words, base } = table.bind();
      const step = lookupStep({
        elements,
        inputs: inputs.words,
        inputBase: inputs.start,
        table: words,
        outputs: outputs.words,
        outputBase: outputs.start,
        shift,
        firstEntry: base - Number(lowest),
      });
      return mirrored(step, outputs, { rows: 1, pitch: elements, length: elements });
    },
  };
}

/** Largest shift count of a 32-bit integer; a larger one leaves the sign alone, as 31 does. */
const LAST_BIT = 31;

function lookupStep({ elements, inputs, inputBase, table, outputs, outputBase, shift, firstEntry }: Operands): Step {
  if (!isNumberWords(inputs) || !isNumberWords(table) || !isNumberWords(outputs)) {
    return () => {
      for (let element = 0; element < elements; element++) {
        const entry = firstEntry + Number(wordAt(inputs, inputBase + element) >> BigInt(shift));
        setWord(outputs, outputBase + element, wordAt(table, entry));
      }
    };
  }
  if (inputs instanceof Float64Array) {
    const scale = 2 ** -shift;
    return () => {
      for (let element = 0; element < elements; element++) {
        const entry = firstEntry + Math.floor((inputs[inputBase + element] as number) * scale);
        outputs[outputBase + element] = table[entry] as number;
      }
    };
  }
  const bits = Math.min(shift, LAST_BIT);
  return () => {
    for (let element = 0; element < elements; element++) {
      const entry = firstEntry + ((inputs[inputBase + element] as number) >> bits);
      outputs[outputBase + element] = table[entry] as number;
    }
  };
}
