import type { Pool } from "../../isa/instructions/pool.ts";
import { secondOperandAddress } from "../../isa/instructions/requantize.ts";
import type { Store } from "../../isa/instructions/store.ts";
import type { OnChipMemoryName } from "../../isa/machine.ts";
import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type {
  ConfiguredInstruction,
  ConfiguredLoad,
  ConfiguredMatrix,
  ConfiguredPool,
  ConfiguredPreload,
  ConfiguredRequantize,
  ConfiguredVector,
} from "../configuration.ts";
import {
  type Counters,
  endOf,
  firstWords,
  greatestOffset,
  shifted,
  spread,
  spreadCounters,
  union,
  type WordRuns,
} from "./word-runs.ts";

/** Words of one memory that an instruction reads or writes; each word once, however often the array takes it. */
export interface Access {
  readonly memory: OnChipMemoryName | "dram";
  readonly write: boolean;
  /** Bit address of word 0 of `words`. */
  readonly address: number;
  readonly wordLength: number;
  /** Greatest word touched, known before `words` is listed. */
  readonly lastWord: number;
  readonly words: () => WordRuns;
}

/** What an instruction touches, reads before writes. Words it both writes and reads back itself count as written. */
export function accessesOf(configured: ConfiguredInstruction): readonly Access[] {
  switch (configured.opcode) {
    case "load":
      return loadAccesses(configured);
    case "store":
      return storeAccesses(configured.instruction);
    case "matrix":
      return matrixAccesses(configured);
    case "preload":
      return preloadAccesses(configured);
    case "requantize":
      return requantizeAccesses(configured);
    case "pool":
      return poolAccesses(configured);
    case "vector":
      return vectorAccesses(configured);
    default:
      return [];
  }
}

type Place = Pick<Access, "memory" | "write" | "address" | "wordLength">;

function dense(place: Place, count: number): Access {
  return { ...place, lastWord: count - 1, words: () => firstWords(count) };
}

/** `rows` rows of `columns` words, `pitch` words apart. */
function pitched(place: Place, rows: number, columns: number, pitch: number): Access {
  return {
    ...place,
    lastWord: (rows - 1) * pitch + columns - 1,
    words: () => spread(firstWords(columns), pitch, rows),
  };
}

/** rows × columns positions of `channels` consecutive words. */
function strided(
  place: Place,
  block: Pick<Store, "rows" | "columns" | "channels" | "rowStride" | "columnStride">,
): Access {
  const { rows, columns, channels, rowStride, columnStride } = block;
  return {
    ...place,
    lastWord: (rows - 1) * rowStride + (columns - 1) * columnStride + channels - 1,
    words: () => spread(spread(firstWords(channels), columnStride, columns), rowStride, rows),
  };
}

function loadAccesses({ instruction, source, input }: ConfiguredLoad): readonly Access[] {
  const { target, dramAddress, address, rows, columns, channels } = instruction;
  const paddedRows = instruction.padTop + rows + instruction.padBottom;
  const paddedColumns = instruction.padLeft + columns + instruction.padRight;
  return [
    strided({ memory: "dram", write: false, address: dramAddress, wordLength: source.format.wordLength }, instruction),
    dense(
      { memory: target, write: true, address, wordLength: input.format.wordLength },
      paddedRows * paddedColumns * channels,
    ),
  ];
}

function storeAccesses(instruction: Store): readonly Access[] {
  const { address, dramAddress, wordLength, rows, columns, channels } = instruction;
  return [
    dense({ memory: "outputBuffer", write: false, address, wordLength }, rows * columns * channels),
    strided({ memory: "dram", write: true, address: dramAddress, wordLength }, instruction),
  ];
}

/** Counters of the pixels of a matrix instruction. */
export function pixelCounters({ pixels }: Pick<ConfiguredMatrix, "pixels">): Counters {
  return { counts: [pixels.rowCount, pixels.columnCount], strides: [pixels.rowStride, pixels.columnStride] };
}

/** Counters of the reduction steps of a matrix instruction. */
export function reductionCounters({ reduction }: Pick<ConfiguredMatrix, "reduction">): Counters {
  return {
    counts: [reduction.outerCount, reduction.middleCount, reduction.innerCount],
    strides: [reduction.outerStride, reduction.middleStride, reduction.innerStride],
  };
}

/** The distinct input words that pixels [pixelFrom, pixelTo) need in steps [stepFrom, stepTo) of the whole sum. */
export function inputWords(
  configured: Pick<ConfiguredMatrix, "pixels" | "reduction">,
  pixelFrom: number,
  pixelTo: number,
  stepFrom: number,
  stepTo: number,
): WordRuns {
  const ofOnePixel = spreadCounters(firstWords(1), reductionCounters(configured), stepFrom, stepTo);
  return spreadCounters(ofOnePixel, pixelCounters(configured), pixelFrom, pixelTo);
}

function matrixAccesses(configured: ConfiguredMatrix): readonly Access[] {
  const { instruction, operandA, weight, accumulator } = configured;
  const { reductionStart, reductionLength, columns, weightPitch, accumulatorPitch, accumulate } = instruction;
  const pixels = configured.pixels.rowCount * configured.pixels.columnCount;
  const stepEnd = reductionStart + reductionLength;
  const input: Access = {
    memory: "inputScratchpad",
    write: false,
    address: instruction.inputAddress,
    wordLength: operandA.format.wordLength,
    lastWord:
      greatestOffset(pixelCounters(configured), 0, pixels) +
      greatestOffset(reductionCounters(configured), reductionStart, stepEnd),
    words: () => inputWords(configured, 0, pixels, reductionStart, stepEnd),
  };
  const weights: Place = {
    memory: "weightScratchpad",
    write: false,
    address: instruction.weightAddress,
    wordLength: weight.format.wordLength,
  };
  const sums = (write: boolean): Access =>
    pitched(
      {
        memory: "accumulatorBank",
        write,
        address: instruction.accumulatorAddress,
        wordLength: accumulator.format.wordLength,
      },
      pixels,
      columns,
      accumulatorPitch,
    );
  return [
    input,
    pitched(weights, reductionLength, columns, weightPitch),
    ...(accumulate ? [sums(false)] : []),
    sums(true),
  ];
}

function preloadAccesses({ instruction, bias, accumulator }: ConfiguredPreload): readonly Access[] {
  const { biasAddress, accumulatorAddress, pixels, columns, accumulatorPitch } = instruction;
  const [biasBits, accumulatorBits] = [bias.format.wordLength, accumulator.format.wordLength];
  return [
    dense({ memory: "weightScratchpad", write: false, address: biasAddress, wordLength: biasBits }, columns),
    pitched(
      { memory: "accumulatorBank", write: true, address: accumulatorAddress, wordLength: accumulatorBits },
      pixels,
      columns,
      accumulatorPitch,
    ),
  ];
}

function requantizeAccesses({
  instruction,
  accumulator,
  operandA,
  operandB,
  scale,
  bias,
  output,
}: ConfiguredRequantize): readonly Access[] {
  const { pixels, columns, accumulatorAddress, accumulatorPitch, outputPitch } = instruction;
  const operand = (address: number, { format: { wordLength } }: RegisterSpec): Place => {
    return { memory: operandA === null ? "accumulatorBank" : "inputScratchpad", write: false, address, wordLength };
  };
  const first = operandA ?? accumulator;
  const sources = [
    operand(accumulatorAddress, first),
    ...(operandB === null ? [] : [operand(secondOperandAddress(instruction, first.format), operandB)]),
  ];
  const outputs: Place = {
    memory: "outputBuffer",
    write: true,
    address: instruction.outputAddress,
    wordLength: output.format.wordLength,
  };
  const perFilter = (address: number, { format: { wordLength } }: RegisterSpec, words = columns): Access =>
    dense({ memory: "weightScratchpad", write: false, address, wordLength }, words);
  return [
    ...sources.map((source) => pitched(source, pixels, columns, accumulatorPitch)),
    ...(scale === null ? [] : [perFilter(instruction.scaleAddress, scale, columns * sources.length)]),
    ...(bias === null ? [] : [perFilter(instruction.biasAddress, bias)]),
    pitched(outputs, pixels, columns, outputPitch),
  ];
}

function poolAccesses({ instruction, operandA, average, sum }: ConfiguredPool): readonly Access[] {
  const { outputRows, outputColumns, channels } = instruction;
  const words = poolWords(instruction);
  return [
    {
      memory: "inputScratchpad",
      write: false,
      address: instruction.inputAddress,
      wordLength: operandA.format.wordLength,
      lastWord: endOf(words) - 1,
      words: () => words,
    },
    dense(
      {
        memory: sum === null ? "outputBuffer" : "accumulatorBank",
        write: true,
        address: instruction.outputAddress,
        wordLength: (sum ?? average?.output ?? operandA).format.wordLength,
      },
      outputRows * outputColumns * channels,
    ),
  ];
}

/** Words under at least one window: each row that windows touch holds the columns that windows touch. */
function poolWords(pool: Pool): WordRuns {
  const rows = windowed(pool.inputRows, pool.outputRows, pool.kernelRows, pool.strideRows, pool.padTop);
  const columns = windowed(pool.inputColumns, pool.outputColumns, pool.kernelColumns, pool.strideColumns, pool.padLeft);
  const rowWords = pool.inputColumns * pool.channels;
  const ofRow = columns.map((column) => column * pool.channels);
  let words: WordRuns = [];
  for (let index = 0; index < rows.length; index += 2) {
    const [start, end] = [rows[index] as number, rows[index + 1] as number];
    words = union(words, shifted(spread(ofRow, rowWords, end - start), start * rowWords));
  }
  return words;
}

/** Positions along one side of the block that lie under a window. */
function windowed(inputs: number, outputs: number, kernel: number, stride: number, padding: number): WordRuns {
  const windows = spread(firstWords(kernel), stride, outputs);
  const inside: number[] = [];
  for (let index = 0; index < windows.length; index += 2) {
    const start = Math.max(0, (windows[index] as number) - padding);
    const end = Math.min(inputs, (windows[index + 1] as number) - padding);
    if (start < end) inside.push(start, end);
  }
  return inside;
}

/** A table is read whole: which of its words an instruction takes depends on data. */
function vectorAccesses(configured: ConfiguredVector): readonly Access[] {
  const { instruction, operandA, operandB, output, scale, table } = configured;
  const { operation, addressA, addressB, outputAddress, elements, tableAddress, period } = instruction;
  const { wordLength } = output.format;
  const constants = (format: FixedPointFormat, count: number): Access =>
    dense({ memory: "weightScratchpad", write: false, address: tableAddress, wordLength: format.wordLength }, count);
  const operand = (address: number, wordLength: number): Access =>
    dense({ memory: "inputScratchpad", write: false, address, wordLength }, elements);
  return [
    operand(addressA, operandA.format.wordLength),
    ...(operandB === null ? [] : [operand(addressB, operandB.format.wordLength)]),
    ...(table === null ? [] : [constants((scale ?? output).format, table.entries)]),
    ...(operation === "slopes" && scale !== null ? [constants(scale.format, Math.min(period, elements))] : []),
    dense({ memory: "outputBuffer", write: true, address: outputAddress, wordLength }, elements),
  ];
}
