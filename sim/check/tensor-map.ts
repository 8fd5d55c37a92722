import { elementCount, type Program, type TensorSymbol } from "../../isa/program/program.ts";
import { admissionFault } from "../configuration.ts";
import type { Fault } from "../fault.ts";

/** The declared tensors of a program by address. */
export class TensorMap {
  readonly #tensors: readonly TensorSymbol[];

  constructor(program: Pick<Program, "tensors">) {
    this.#tensors = [...program.tensors].sort((a, b) => a.address - b.address);
  }

  /** The tensor that holds a bit of DRAM. */
  at(bit: number): TensorSymbol | null {
    let [low, high] = [0, this.#tensors.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#tensors[middle] as TensorSymbol).address > bit) high = middle;
      else low = middle + 1;
    }
    const tensor = this.#tensors[low - 1];
    return tensor && bit < tensorEnd(tensor) ? tensor : null;
  }

  /** Tensors that leave the DRAM, start inside one of its words or overlap; an output tensor that is not declared. */
  fault(program: Program): Fault | null {
    const { capacityBits, wordBits } = program.machine.dram;
    let end = 0;
    let before = "";
    for (const tensor of this.#tensors) {
      const { name, address } = tensor;
      if (address < 0 || address % wordBits !== 0) {
        return tensorFault(
          `tensor ${name} starts at bit ${address}, not at a multiple of the DRAM word of ${wordBits} bits`,
        );
      }
      if (address < end) return tensorFault(`tensor ${name} starts at bit ${address}, inside tensor ${before}`);
      end = tensorEnd(tensor);
      before = name;
      if (end > capacityBits) return tensorFault(`tensor ${name} ends at bit ${end}, the DRAM at ${capacityBits}`);
    }
    for (const name of [program.input, program.output]) {
      if (!this.#tensors.some((tensor) => tensor.name === name)) return tensorFault(`tensor ${name} is not declared`);
    }
    return null;
  }
}

/** One past the last bit of a tensor. */
export function tensorEnd({ address, shape, format }: TensorSymbol): number {
  return address + elementCount(shape) * format.wordLength;
}

function tensorFault(message: string): Fault {
  return admissionFault("address", null, message);
}
