import { InvariantError } from "../../isa/diagnostic.ts";
import { activated } from "../../isa/instructions/configure-activation.ts";
import { poolReciprocal, RECIPROCAL_FRACTION } from "../../isa/instructions/pool.ts";
import { secondOperandAddress } from "../../isa/instructions/requantize.ts";
import { isFunctionOperation } from "../../isa/instructions/vector.ts";
import { VECTOR_ARITHMETIC } from "../../isa/instructions/vector-arithmetic.ts";
import { add, type Exact, multiply } from "../../isa/numerics/exact.ts";
import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { Program, TensorSymbol } from "../../isa/program/program.ts";
import {
  type ConfiguredInstruction,
  type ConfiguredPool,
  type ConfiguredRequantize,
  type ConfiguredStore,
  type ConfiguredVector,
  walkConfiguration,
} from "../configuration.ts";
import { functionWord } from "./function-history.ts";
import type { ElementHistory, HistoryRegister, RoundingChange } from "./history.ts";
import { LoadedWords, type TensorWord } from "./loaded-words.ts";
import { bankWord, placeIn } from "./matrix-history.ts";
import { RandomWords } from "./random-words.ts";
import { Recorder } from "./recorder.ts";

/**
 * Says how single words came about, by following a program backwards from the word to what it was computed from, and doing only that
 * arithmetic, with the definitions of isa/. It knows neither engine; `word` gives the words of the tensors that layers read.
 */
export class ElementHistories {
  readonly #program: Program;
  readonly #configured: readonly ConfiguredInstruction[];

  /** The program must have been admitted (sim/check). */
  constructor(program: Program) {
    const walk = walkConfiguration(program);
    if ("fault" in walk) throw new InvariantError(`a history of a program that faults: ${walk.fault.message}`);
    this.#program = program;
    this.#configured = walk.configured;
  }

  /**
   * History of word `index` of a tensor that instructions write, in one image. `word`: of constants, input and other tensors.
   * With `change` the word and its history are what they would be if one register of the layer rounded in another way.
   */
  of(
    tensor: TensorSymbol,
    index: number,
    image: number,
    word: TensorWord,
    change: RoundingChange | null = null,
  ): ElementHistory {
    const recorder = new Recorder(new RandomWords(this.#program, image), change);
    const words = new LoadedWords(this.#program, this.#configured, word);
    const address = tensor.address + index * tensor.format.wordLength;
    const stored = this.#storedFrom(address);
    const { raw, format } = this.#outputBufferWord(stored, words, recorder);
    return { entries: recorder.entries, raw, format };
  }

  /** The last store that wrote a DRAM word, and the output buffer's address it took the word from. */
  #storedFrom(dramAddress: number): { readonly store: number; readonly address: number } {
    for (let store = this.#configured.length - 1; store >= 0; store--) {
      const configured = this.#configured[store];
      if (configured?.opcode !== "store") continue;
      const position = positionIn(configured, dramAddress);
      if (position === null) continue;
      const { address, wordLength } = configured.instruction;
      return { store, address: address + position * wordLength };
    }
    throw new InvariantError(`nothing stores to DRAM bit ${dramAddress}`);
  }

  #outputBufferWord(
    { store, address }: { readonly store: number; readonly address: number },
    words: LoadedWords,
    recorder: Recorder,
  ): { readonly raw: bigint; readonly format: FixedPointFormat } {
    for (let index = store - 1; index >= 0; index--) {
      const configured = this.#configured[index];
      if (configured?.opcode === "requantize") {
        const place = requantizePlace(configured, address);
        if (place !== null) return this.#requantized(configured, index, place.pixel, place.filter, words, recorder);
      } else if (configured?.opcode === "pool" && configured.sum === null) {
        const element = elementAt(configured.instruction.outputAddress, poolFormat(configured), address);
        const { outputRows, outputColumns, channels } = configured.instruction;
        if (element !== null && element < outputRows * outputColumns * channels) {
          return this.#pooled(configured, index, element, words, recorder);
        }
      } else if (configured?.opcode === "vector") {
        const element = elementAt(configured.instruction.outputAddress, configured.output.format, address);
        if (element !== null && element < configured.instruction.elements) {
          return this.#computed(configured, index, element, words, recorder);
        }
      }
    }
    throw new InvariantError(`no instruction before the store ${store} wrote output buffer bit ${address}`);
  }

  #requantized(
    configured: ConfiguredRequantize,
    index: number,
    pixel: number,
    filter: number,
    words: LoadedWords,
    recorder: Recorder,
  ): { raw: bigint; format: FixedPointFormat } {
    const { machine } = this.#program;
    const { instruction, accumulator, operandA, operandB, sum, scale, bias, divisor, output, activation } = configured;
    const lane = laneOf(filter, pixel, instruction.columns, machine.columns);
    const addressIn = (start: number, { wordLength }: FixedPointFormat): number =>
      start + (pixel * instruction.accumulatorPitch + filter) * wordLength;
    const operandWord = (register: "input" | "operandB", start: number, { format }: RegisterSpec): Exact =>
      words.read("inputScratchpad", addressIn(start, format), format, index, recorder, register, -1);
    let value =
      operandA === null
        ? this.#bankWord(index, addressIn(instruction.accumulatorAddress, accumulator.format), words, recorder)
        : operandWord("input", instruction.accumulatorAddress, operandA);
    const perFilter = (register: "bias" | "scale", spec: RegisterSpec, operand = 0): Exact => {
      const start = register === "bias" ? instruction.biasAddress : instruction.scaleAddress;
      const address = start + (operand * instruction.columns + filter) * spec.format.wordLength;
      return words.read("weightScratchpad", address, spec.format, index, recorder, register, -1);
    };
    const into = sum ?? accumulator;
    const place = { instruction: index, row: 0, column: lane.lane, step: -1 };
    // Draws of one element: one before the bias and one with it, as far as either drops bits.
    const drops = (fractionLength: number): number => (fractionLength > into.format.fractionLength ? 1 : 0);
    const before = sum === null ? 0 : drops(accumulator.format.fractionLength);
    const withBias = bias === null ? 0 : drops(Math.max(into.format.fractionLength, bias.format.fractionLength));
    const writeSum = (exact: Exact, draw: number): Exact =>
      recorder.write(exact, {
        spec: into,
        register: sum === null ? "accumulator" : "sum",
        draw: lane.number * (before + withBias) + draw,
        ...place,
      });
    if (scale !== null) {
      value = multiply(value, perFilter("scale", scale));
      if (operandA !== null && operandB !== null) {
        const b = operandWord("operandB", secondOperandAddress(instruction, operandA.format), operandB);
        value = add(value, multiply(b, perFilter("scale", scale, 1)));
      }
      if (bias !== null) value = add(value, perFilter("bias", bias));
    } else {
      if (sum !== null) value = writeSum(value, 0);
      if (bias !== null) value = writeSum(add(value, perFilter("bias", bias)), before);
    }
    const writing = { spec: output, register: "output", draw: lane.number, ...place } as const;
    const d = BigInt(divisor ?? 1);
    const finished = activated(activation, value, d);
    const { raw } = divisor === null ? recorder.write(finished, writing) : recorder.writeQuotient(finished, d, writing);
    return { raw, format: output.format };
  }

  /** The word at a bank address that instruction `reader` finds: of sums of products, or of a pool's. */
  #bankWord(reader: number, address: number, words: LoadedWords, recorder: Recorder): Exact {
    for (let index = reader - 1; index >= 0; index--) {
      const configured = this.#configured[index];
      const sums = configured?.opcode === "matrix" || configured?.opcode === "preload";
      if (sums && placeIn(configured, address) !== null) break;
      if (configured?.opcode !== "pool" || configured.sum === null) continue;
      const { outputAddress, outputRows, outputColumns, channels } = configured.instruction;
      const element = elementAt(outputAddress, configured.sum.format, address);
      if (element === null || element >= outputRows * outputColumns * channels) continue;
      const { raw, format } = this.#pooled(configured, index, element, words, recorder);
      return { raw, fractionLength: format.fractionLength };
    }
    return bankWord(this.#configured, reader, address, { machine: this.#program.machine, words, recorder });
  }

  #pooled(
    configured: ConfiguredPool,
    index: number,
    element: number,
    words: LoadedWords,
    recorder: Recorder,
  ): { raw: bigint; format: FixedPointFormat } {
    const { instruction, operandA, average, sum: summed } = configured;
    const { channels, outputColumns, kernelRows, kernelColumns } = instruction;
    const channel = element % channels;
    const pixel = Math.floor(element / channels);
    const window = windowOf(configured, Math.floor(pixel / outputColumns), pixel % outputColumns);
    const take = ({ position, inputPixel }: (typeof window)[number]): Exact => {
      const address = instruction.inputAddress + (inputPixel * channels + channel) * operandA.format.wordLength;
      return words.read("inputScratchpad", address, operandA.format, index, recorder, "input", position);
    };
    const accumulator = summed ?? average?.accumulator;
    if (accumulator === undefined) {
      const raw = window.map((place) => take(place).raw).reduce((a, b) => (a > b ? a : b));
      return { raw, format: operandA.format };
    }
    const lane = laneOf(channel, pixel, channels, this.#program.machine.columns);
    const place = { instruction: index, row: 0, column: lane.lane };
    const draw =
      accumulator.rounding === "stochastic" ? earlierWords(configured, pixel, lane) + lane.group * window.length : 0;
    let sum: Exact = { raw: 0n, fractionLength: accumulator.format.fractionLength };
    for (const [number, position] of window.entries()) {
      const exact = add(sum, take(position));
      const step = position.position;
      sum = recorder.write(exact, {
        spec: accumulator,
        register: "accumulator",
        step,
        draw: draw + number,
        ...place,
      });
    }
    if (average === null) return { raw: sum.raw, format: accumulator.format };
    const { output } = average;
    const count = instruction.countPadding ? kernelRows * kernelColumns : window.length;
    const writing = { spec: output, register: "output", step: -1, draw: lane.number, ...place } as const;
    if (instruction.kind === "averageDivider") {
      return { raw: recorder.writeQuotient(sum, BigInt(count), writing).raw, format: output.format };
    }
    const reciprocal: Exact = { raw: BigInt(poolReciprocal(count)), fractionLength: RECIPROCAL_FRACTION };
    return { raw: recorder.write(multiply(sum, reciprocal), writing).raw, format: output.format };
  }

  #computed(
    configured: ConfiguredVector,
    index: number,
    element: number,
    words: LoadedWords,
    recorder: Recorder,
  ): { raw: bigint; format: FixedPointFormat } {
    const { instruction, operandA, operandB, output, activation } = configured;
    const { operation } = instruction;
    const addressA = instruction.addressA + element * operandA.format.wordLength;
    const a = words.read("inputScratchpad", addressA, operandA.format, index, recorder, "input", -1);
    const { columns } = this.#program.machine;
    const writing = {
      spec: output,
      register: "output",
      instruction: index,
      row: 0,
      column: element % columns,
      step: -1,
      draw: Math.floor(element / columns),
    } as const;
    if (isFunctionOperation(operation)) {
      const constant = (position: number, { format }: RegisterSpec, register: HistoryRegister): Exact => {
        const address = instruction.tableAddress + position * format.wordLength;
        return words.read("weightScratchpad", address, format, index, recorder, register, -1);
      };
      const { raw } = functionWord(configured, operation, a, element, { constant, recorder, writing });
      return { raw, format: output.format };
    }
    let b = a;
    if (operandB !== null) {
      const addressB = instruction.addressB + element * operandB.format.wordLength;
      b = words.read("inputScratchpad", addressB, operandB.format, index, recorder, "operandB", -1);
    }
    const exact = VECTOR_ARITHMETIC[operation](a, b, Number(instruction.shift));
    const { raw } = recorder.write(activation === null ? exact : activated(activation, exact), writing);
    return { raw, format: output.format };
  }
}

/** Number of a dense word at an address; null where it is none. */
function elementAt(start: number, { wordLength }: FixedPointFormat, address: number): number | null {
  const element = (address - start) / wordLength;
  return Number.isInteger(element) && element >= 0 ? element : null;
}

function poolFormat({ operandA, average }: ConfiguredPool): FixedPointFormat {
  return (average?.output ?? operandA).format;
}

/** Position of a DRAM word in a store's dense block. */
function positionIn({ instruction: store }: ConfiguredStore, dramAddress: number): number | null {
  const distance = (dramAddress - store.dramAddress) / store.wordLength;
  if (!Number.isInteger(distance) || distance < 0) return null;
  for (let row = store.rows - 1; row >= 0; row--) {
    for (let column = store.columns - 1; column >= 0; column--) {
      const channel = distance - row * store.rowStride - column * store.columnStride;
      if (channel >= 0 && channel < store.channels) return (row * store.columns + column) * store.channels + channel;
    }
  }
  return null;
}

function requantizePlace({ instruction, output }: ConfiguredRequantize, address: number) {
  const offset = elementAt(instruction.outputAddress, output.format, address);
  if (offset === null) return null;
  // Where pixels overlap the last one that writes the word counts.
  const pixel = Math.min(instruction.pixels - 1, Math.floor(offset / instruction.outputPitch));
  const filter = offset - pixel * instruction.outputPitch;
  return filter < instruction.columns ? { pixel, filter } : null;
}

/** Which lane has a channel of a pixel, and how many pairs of pixel and channel that lane had before. */
function laneOf(channel: number, pixel: number, channels: number, lanes: number) {
  const lane = channel % lanes;
  const group = Math.floor(channel / lanes);
  const groups = Math.floor((channels - 1 - lane) / lanes) + 1;
  return { lane, group, groups, number: pixel * groups + group };
}

/** Words that a pooling lane takes for the pixels before one: those of their windows, once for each of its channels. */
function earlierWords(
  configured: ConfiguredPool,
  pixel: number,
  { groups }: Pick<ReturnType<typeof laneOf>, "groups">,
): number {
  const { outputColumns } = configured.instruction;
  let words = 0;
  for (let earlier = 0; earlier < pixel; earlier++) {
    words += groups * windowOf(configured, Math.floor(earlier / outputColumns), earlier % outputColumns).length;
  }
  return words;
}

/** The valid positions of a window, row-major: position in the window and pixel of the input block. */
function windowOf({ instruction: pool }: ConfiguredPool, outputRow: number, outputColumn: number) {
  const top = outputRow * pool.strideRows - pool.padTop;
  const left = outputColumn * pool.strideColumns - pool.padLeft;
  const places: { readonly position: number; readonly inputPixel: number }[] = [];
  for (let i = 0; i < pool.kernelRows; i++) {
    for (let j = 0; j < pool.kernelColumns; j++) {
      const [row, column] = [top + i, left + j];
      if (row < 0 || row >= pool.inputRows || column < 0 || column >= pool.inputColumns) continue;
      places.push({ position: i * pool.kernelColumns + j, inputPixel: row * pool.inputColumns + column });
    }
  }
  return places;
}
