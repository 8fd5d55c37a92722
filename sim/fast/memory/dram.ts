import { InvariantError } from "../../../isa/diagnostic.ts";
import { elementCount, type Program, type TensorSymbol } from "../../../isa/program/program.ts";
import { allocateWords, type Words, wordsFromRaws } from "./words.ts";

/** A declared tensor and its words. */
export interface DramTensor {
  readonly symbol: TensorSymbol;
  readonly words: Words;
}

/** A rows × columns × channels block of DRAM, word (y, x, c) at (y · rowStride + x · columnStride + c) words. */
export interface DramBlock {
  /** Bit address of the first word. */
  readonly address: number;
  readonly wordLength: number;
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** Where a block begins: all of it lies in one tensor. */
export interface DramPlace {
  readonly tensor: DramTensor;
  /** Index of the block's first word in the tensor. */
  readonly offset: number;
}

/** DRAM: the declared tensors. Constants are used in place, shared with whoever else holds the program. */
export class Dram {
  private readonly byAddress: readonly DramTensor[];
  private readonly byName: ReadonlyMap<string, DramTensor>;

  constructor(program: Program) {
    const constants = new Map(program.constants.map(({ tensor, raws }) => [tensor, raws]));
    this.byAddress = program.tensors
      .map((symbol) => {
        const raws = constants.get(symbol.name);
        const words = raws
          ? wordsFromRaws(raws, symbol.format)
          : allocateWords(symbol.format, elementCount(symbol.shape));
        return { symbol, words };
      })
      .sort((a, b) => a.symbol.address - b.symbol.address);
    this.byName = new Map(this.byAddress.map((tensor) => [tensor.symbol.name, tensor]));
  }

  tensor(name: string): DramTensor {
    const tensor = this.byName.get(name);
    if (tensor === undefined) throw new InvariantError(`the program names an undeclared tensor ${name}`);
    return tensor;
  }

  /** The tensor that holds a block. */
  place(block: DramBlock): DramPlace {
    const { address, wordLength, rows, columns, channels, rowStride, columnStride } = block;
    const tensor = this.tensorAt(address, wordLength);
    const offset = (address - tensor.symbol.address) / wordLength;
    const last = offset + (rows - 1) * rowStride + (columns - 1) * columnStride + channels - 1;
    if (last >= tensor.words.length) {
      throw new InvariantError(`a block at DRAM bit address ${address} leaves its tensor; was the program admitted?`);
    }
    return { tensor, offset };
  }

  /** Binary search by address; admission has seen that every word lies in a tensor of its own word length. */
  private tensorAt(address: number, wordLength: number): DramTensor {
    let low = 0;
    let high = this.byAddress.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.byAddress[middle]?.symbol.address ?? 0) <= address) low = middle;
      else high = middle;
    }
    const tensor = this.byAddress[low];
    const offset = tensor === undefined ? -1 : (address - tensor.symbol.address) / wordLength;
    if (tensor === undefined || !Number.isInteger(offset) || offset < 0 || offset >= tensor.words.length) {
      throw new InvariantError(`DRAM bit address ${address} lies in no tensor; was the program admitted?`);
    }
    return tensor;
  }
}
