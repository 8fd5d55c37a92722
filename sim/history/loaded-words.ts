import { InvariantError } from "../../isa/diagnostic.ts";
import type { LoadTarget } from "../../isa/instructions/load.ts";
import type { Exact } from "../../isa/numerics/exact.ts";
import { type FixedPointFormat, formatsEqual } from "../../isa/numerics/format.ts";
import { elementCount, type Program, type TensorSymbol } from "../../isa/program/program.ts";
import type { ConfiguredInstruction, ConfiguredLoad } from "../configuration.ts";
import type { HistoryRegister } from "./history.ts";
import type { Recorder } from "./recorder.ts";

/** The word of a tensor in DRAM, as the tensor's own format has it. */
export type TensorWord = (tensor: TensorSymbol, index: number) => bigint;

/** Position of a DRAM word. */
export interface DramWord {
  readonly tensor: TensorSymbol;
  readonly index: number;
}

/**
 * Where words of the scratchpads come from. Units run ahead of each other, but an admitted program orders any two instructions that
 * touch a word as they stand in it: what an instruction reads is what the last load before it wrote there.
 */
export class LoadedWords {
  readonly #configured: readonly ConfiguredInstruction[];
  readonly #tensors: readonly TensorSymbol[];
  readonly #word: TensorWord;

  constructor(program: Program, configured: readonly ConfiguredInstruction[], word: TensorWord) {
    this.#configured = configured;
    this.#tensors = program.tensors.toSorted((a, b) => a.address - b.address);
    this.#word = word;
  }

  /** The word that `instruction` reads, written down as what `register` holds at `step`. */
  read(
    memory: LoadTarget,
    address: number,
    format: FixedPointFormat,
    instruction: number,
    recorder: Recorder,
    register: HistoryRegister,
    step: number,
  ): Exact {
    const { wordLength } = format;
    for (let index = instruction - 1; index >= 0; index--) {
      const configured = this.#configured[index];
      if (configured?.opcode !== "load" || configured.instruction.target !== memory) continue;
      const offset = (address - configured.instruction.address) / configured.input.format.wordLength;
      if (offset < 0 || offset >= blockWords(configured)) continue;
      if (!Number.isInteger(offset) || configured.input.format.wordLength !== wordLength) break;
      return this.#loaded(configured, index, offset, format, recorder, register, step);
    }
    throw new InvariantError(
      `no load wrote the word at ${memory} bit ${address} that instruction ${instruction} reads`,
    );
  }

  /** The word of the tensor that lies at a DRAM address. */
  dramWord(address: number): DramWord {
    let low = 0;
    let high = this.#tensors.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#tensors[middle]?.address ?? 0) <= address) low = middle;
      else high = middle - 1;
    }
    const tensor = this.#tensors[low];
    const index = tensor === undefined ? -1 : (address - tensor.address) / tensor.format.wordLength;
    if (tensor === undefined || !Number.isInteger(index) || index < 0 || index >= elementCount(tensor.shape)) {
      throw new InvariantError(`no word of a tensor lies at DRAM bit ${address}`);
    }
    return { tensor, index };
  }

  #loaded(
    { instruction: load, source, input }: ConfiguredLoad,
    index: number,
    offset: number,
    format: FixedPointFormat,
    recorder: Recorder,
    register: HistoryRegister,
    step: number,
  ): Exact {
    const paddedColumns = load.padLeft + load.columns + load.padRight;
    const channel = offset % load.channels;
    const column = (Math.floor(offset / load.channels) % paddedColumns) - load.padLeft;
    const row = Math.floor(offset / (load.channels * paddedColumns)) - load.padTop;
    const isPadding = row < 0 || row >= load.rows || column < 0 || column >= load.columns;
    if (isPadding) return recorder.read(register, step, 0n, format);
    const distance = row * load.rowStride + column * load.columnStride + channel;
    const { tensor, index: word } = this.dramWord(load.dramAddress + distance * source.format.wordLength);
    const raw = sameBits(this.#word(tensor, word), source.format);
    if (formatsEqual(source.format, input.format)) {
      return recorder.read(register, step, sameBits(raw, format), format);
    }
    const draw = (row * load.columns + column) * load.channels + channel;
    const writing = { spec: input, register: "input", instruction: index, row: 0, column: 0, step, draw } as const;
    const written = recorder.write({ raw, fractionLength: source.format.fractionLength }, writing);
    // The reader may see the bits as another format than the load wrote.
    return formatsEqual(input.format, format)
      ? written
      : recorder.read(register, step, sameBits(written.raw, format), format);
  }
}

function blockWords({ instruction: load }: ConfiguredLoad): number {
  const rows = load.padTop + load.rows + load.padBottom;
  return rows * (load.padLeft + load.columns + load.padRight) * load.channels;
}

/** The raw that a word of the same bits has in a format. */
function sameBits(raw: bigint, { wordLength, signed }: FixedPointFormat): bigint {
  return signed ? BigInt.asIntN(wordLength, raw) : BigInt.asUintN(wordLength, raw);
}
