import type { PrescribedRegister } from "./value.ts";

/** Registers that a model prescribes, noted while its network is built. */
export class Prescriptions {
  readonly #values: Map<string, PrescribedRegister> = new Map<string, PrescribedRegister>();
  readonly #layers: Map<string, Partial<Record<"weight" | "bias", PrescribedRegister>>> = new Map();

  /** Register that keeps the words of a value of the network. */
  get values(): ReadonlyMap<string, PrescribedRegister> {
    return this.#values;
  }

  /** Registers of constants by the name of the node that holds them. */
  get layers(): ReadonlyMap<string, Readonly<Partial<Record<"weight" | "bias", PrescribedRegister>>>> {
    return this.#layers;
  }

  value(name: string, register: PrescribedRegister): void {
    this.#values.set(name, register);
  }

  layer(name: string, constant: "weight" | "bias", register: PrescribedRegister): void {
    this.#layers.set(name, { ...this.#layers.get(name), [constant]: register });
  }
}
