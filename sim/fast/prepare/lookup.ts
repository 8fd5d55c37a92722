import type { ConfigureTable } from "../../../isa/instructions/configure-table.ts";
import { type FixedPointFormat, rawRange } from "../../../isa/numerics/format.ts";
import type { ConfiguredVector } from "../../configuration.ts";
import { NUMBER_LIMIT } from "../arithmetic/number-quantizer.ts";
import { isNumberWords, setWord, type Words, wordAt } from "../memory/words.ts";
import type { Step } from "../step.ts";
import { scratchpadWords } from "./constant-words.ts";
import { mirrored, type Plan, type PrepareContext } from "./plan.ts";

interface Operands {
  readonly elements: number;
  readonly operand: FixedPointFormat;
  readonly inputs: Words;
  readonly inputBase: number;
  readonly table: Words;
  readonly outputs: Words;
  readonly outputBase: number;
  /** Index of entry 0 in `table`. */
  readonly tableBase: number;
  readonly setting: ConfigureTable;
}

/** Vector operation `lookup`: words are moved, nothing is quantized. */
export function planLookup(
  { instruction, operandA, output }: ConfiguredVector,
  setting: ConfigureTable,
  prepareContext: PrepareContext,
): Plan {
  const { elements, addressA, outputAddress, tableAddress } = instruction;
  const { memories } = prepareContext;
  const inputs = memories.region("inputScratchpad", operandA.format, addressA, elements);
  const table = scratchpadWords(prepareContext, tableAddress, output.format, setting.entries);
  const outputs = memories.region("outputBuffer", output.format, outputAddress, elements);
  return {
    registers: {},
    bind: () => {
      const { words, base } = table.bind();
      const step = lookupStep({
        elements,
        operand: operandA.format,
        inputs: inputs.words,
        inputBase: inputs.start,
        table: words,
        outputs: outputs.words,
        outputBase: outputs.start,
        tableBase: base,
        setting,
      });
      return mirrored(step, outputs, { rows: 1, pitch: elements, length: elements });
    },
  };
}

function lookupStep(operands: Operands): Step {
  const { elements, operand, inputs, inputBase, table, tableBase, outputs, outputBase } = operands;
  const { base, shift, entries } = operands.setting;
  const last = entries - 1;
  const numbers = isNumberWords(inputs) && isNumberWords(table) && isNumberWords(outputs);
  if (!numbers || !holdsDistances(operand, base)) {
    const bits = BigInt(shift);
    return () => {
      for (let element = 0; element < elements; element++) {
        const entry = (wordAt(inputs, inputBase + element) - base) >> bits;
        const within = entry < 0n ? 0 : entry > last ? last : Number(entry);
        setWord(outputs, outputBase + element, wordAt(table, tableBase + within));
      }
    };
  }
  const first = Number(base);
  const scale = 2 ** -shift;
  return () => {
    for (let element = 0; element < elements; element++) {
      const entry = Math.floor(((inputs[inputBase + element] as number) - first) * scale);
      outputs[outputBase + element] = table[tableBase + (entry < 0 ? 0 : entry > last ? last : entry)] as number;
    }
  };
}

/** Whether doubles hold the base, every raw of the format and their distance. */
export function holdsDistances(format: FixedPointFormat, base: bigint): boolean {
  const { min, max } = rawRange(format);
  return [base, min, max, min - base, max - base].every((raw) => raw >= -NUMBER_LIMIT && raw <= NUMBER_LIMIT);
}
