/** Places tensors in DRAM one after the other, each at a DRAM word; nothing is used twice. */
import { diagnosticError } from "../../../isa/diagnostic.ts";
import type { Machine } from "../../../isa/machine.ts";
import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import { elementCount, type TensorSymbol, type TensorUnit } from "../../../isa/program/program.ts";

export class DramAllocation {
  readonly #machine: Machine;
  readonly #tensors: TensorSymbol[] = [];
  readonly #names: Set<string>;
  #end = 0;

  /** `reserved`: names that values of the graph bear. */
  constructor(machine: Machine, reserved: Iterable<string>) {
    this.#machine = machine;
    this.#names = new Set(reserved);
  }

  get tensors(): readonly TensorSymbol[] {
    return this.#tensors;
  }

  /** A tensor under a value's own name. */
  place(
    name: string,
    role: TensorSymbol["role"],
    shape: readonly [number, number, number],
    format: FixedPointFormat,
    unit?: TensorUnit,
  ): TensorSymbol {
    const { wordBits } = this.#machine.dram;
    const tensor: TensorSymbol = { name, role, address: this.#end, shape, format, ...(unit && { unit }) };
    this.#end += Math.ceil((elementCount(shape) * format.wordLength) / wordBits) * wordBits;
    this.#tensors.push(tensor);
    return tensor;
  }

  /** A tensor that is no value of the graph: `name`, or where a value bears it `name/2`, `name/3`, … */
  placeNew(
    name: string,
    role: TensorSymbol["role"],
    shape: readonly [number, number, number],
    format: FixedPointFormat,
  ): TensorSymbol {
    let unique = name;
    for (let ordinal = 2; this.#names.has(unique); ordinal++) unique = `${name}/${ordinal}`;
    this.#names.add(unique);
    return this.place(unique, role, shape, format);
  }

  /** Throws `DiagnosticError` DRAM where the tensors do not fit. */
  requireCapacity(where: string): void {
    const { capacityBits } = this.#machine.dram;
    if (this.#end <= capacityBits) return;
    throw diagnosticError(
      "DRAM",
      where,
      `the network's tensors take ${this.#end} bits of DRAM, the machine has ${capacityBits}`,
      "enlarge dram.capacityBits in the machine, or use narrower formats",
    );
  }
}
