import { InvariantError } from "../../isa/diagnostic.ts";
import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import { allocateRaws, type Raws, rawAt, setRaw } from "../../isa/numerics/raws.ts";
import { elementCount, type Program, type TensorSymbol } from "../../isa/program/program.ts";
import { MachineFault } from "./machine-fault.ts";
import { bitsOf, rawOf } from "./memory.ts";

/**
 * The off-chip memory during one image: declared tensors, the constants filled in, everything else empty. It is read and
 * written inside tensors, at their own word length, constants are read only (`address` otherwise); reading a word that nobody
 * wrote is `uninitialised`.
 */
export class Dram {
  readonly #tensors: readonly TensorSymbol[];
  readonly #constants: ReadonlyMap<string, Raws>;
  /** Bit patterns written during this image, by bit address. */
  readonly #written = new Map<number, bigint>();
  #lastTensor: TensorSymbol | undefined;

  constructor(program: Program) {
    this.#tensors = program.tensors;
    this.#constants = new Map(program.constants.map((constant) => [constant.tensor, constant.raws]));
  }

  /** The raw of the word at a bit address, as the format reads it. */
  read(address: number, format: FixedPointFormat): bigint {
    const tensor = this.#tensorAt(address, format.wordLength);
    return rawOf(this.#bits(tensor, address), format);
  }

  /** Writes a bit pattern of W bits. */
  writeBits(address: number, bits: bigint, wordLength: number): void {
    const tensor = this.#tensorAt(address, wordLength);
    if (tensor.role === "constant") {
      throw new MachineFault(
        "address",
        `DRAM: write at bit ${address} into tensor ${tensor.name}, which is a constant`,
      );
    }
    this.#written.set(address, bits);
  }

  /** The host's part: fills a tensor with the elements of `raws` from `first` on, in the tensor's own format. */
  fill(name: string, raws: Raws, first: number): void {
    const tensor = this.#tensorNamed(name);
    const { format } = tensor;
    for (let index = 0; index < elementCount(tensor.shape); index++) {
      this.#written.set(
        tensor.address + index * format.wordLength,
        bitsOf(rawAt(raws, first + index, format), format.wordLength),
      );
    }
  }

  /** The host's part: a whole tensor in its own format. Words that nobody wrote are 0. */
  tensor(name: string): Raws {
    const { address, format, shape } = this.#tensorNamed(name);
    const raws = allocateRaws(format, elementCount(shape));
    for (let index = 0; index < raws.length; index++) {
      setRaw(raws, index, rawOf(this.#written.get(address + index * format.wordLength) ?? 0n, format));
    }
    return raws;
  }

  #bits(tensor: TensorSymbol, address: number): bigint {
    const written = this.#written.get(address);
    if (written !== undefined) return written;
    const constant = this.#constants.get(tensor.name);
    const { wordLength } = tensor.format;
    const index = (address - tensor.address) / wordLength;
    if (constant === undefined || index >= constant.length) {
      throw new MachineFault(
        "uninitialised",
        `DRAM: read of word ${index} of tensor ${tensor.name}, which nobody wrote`,
      );
    }
    return bitsOf(rawAt(constant, index, tensor.format), wordLength);
  }

  /** The tensor that has a word of W bits at this address. */
  #tensorAt(address: number, wordLength: number): TensorSymbol {
    const inside = (tensor: TensorSymbol): boolean =>
      address >= tensor.address && address < tensor.address + elementCount(tensor.shape) * tensor.format.wordLength;
    const last = this.#lastTensor;
    const tensor = last !== undefined && inside(last) ? last : this.#tensors.find(inside);
    if (tensor === undefined) {
      throw new MachineFault("address", `DRAM: word of ${wordLength} bits at bit ${address}, outside every tensor`);
    }
    this.#lastTensor = tensor;
    if (tensor.format.wordLength !== wordLength || (address - tensor.address) % wordLength !== 0) {
      throw new MachineFault(
        "address",
        `DRAM: word of ${wordLength} bits at bit ${address}, not a word of tensor ${tensor.name}, which begins at bit ` +
          `${tensor.address} and has words of ${tensor.format.wordLength} bits`,
      );
    }
    return tensor;
  }

  #tensorNamed(name: string): TensorSymbol {
    const tensor = this.#tensors.find((candidate) => candidate.name === name);
    if (tensor === undefined) throw new InvariantError(`the program has no tensor ${name}`);
    return tensor;
  }
}
