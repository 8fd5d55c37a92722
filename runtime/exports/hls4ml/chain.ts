/**
 * The casts that a layer's sums go through in hls4ml, and the registers here that do the same: hls4ml casts at the end of
 * each of its layers, a layer here has a sum register before its activation and an output register behind it.
 */
import type { Activation } from "../../../compiler/graph/graph.ts";
import { keptRange } from "../../../isa/numerics/overflow.ts";
import { type RegisterSpec, registersEqual } from "../../../isa/numerics/register.ts";

/** Whether a cast from one type to another changes no value; `positive`: no value is below zero. */
export function keepsAll(to: RegisterSpec, from: RegisterSpec, positive = false): boolean {
  const shift = to.format.fractionLength - from.format.fractionLength;
  if (shift < 0) return false;
  const { min, max } = keptRange(from.format, from.overflow, from.dialect);
  const kept = keptRange(to.format, to.overflow, to.dialect);
  return (positive || min << BigInt(shift) >= kept.min) && max << BigInt(shift) <= kept.max;
}

/** Whether casting before relu or behind it is the same: then a negative value stays negative or becomes zero. */
function commutesWithRelu({ overflow }: RegisterSpec): boolean {
  return overflow === "saturate" || overflow === "saturate-symmetric";
}

export class CastChain {
  /** hls4ml's type of the value so far. */
  type: RegisterSpec;
  /** What holds every value that occurs: the last type in which something was lost. */
  values: RegisterSpec;
  positive = false;
  #activation: Activation = "none";
  readonly #before: RegisterSpec[] = [];
  #behind: RegisterSpec | null = null;
  readonly #hasSum: boolean;

  /** `sums`: type of the sums. `hasSum`: the layer can have a sum register. */
  constructor(sums: RegisterSpec, hasSum: boolean) {
    this.type = sums;
    this.values = sums;
    this.#hasSum = hasSum;
  }

  /** False where no register is left for the cast. */
  cast(type: RegisterSpec): boolean {
    const lossless = keepsAll(type, this.values, this.positive);
    this.type = type;
    if (lossless) return true;
    this.values = type;
    if (this.#activation === "none") {
      this.#before.push(type);
      return this.#before.length <= (this.#hasSum ? 2 : 1);
    }
    if (this.#behind !== null && !registersEqual(this.#behind, type)) return false;
    this.#behind = type;
    return true;
  }

  /** False where the activation would act on a value that no register holds. */
  activate(activation: Exclude<Activation, "none">): boolean {
    if (this.#behind !== null || (this.#activation !== "none" && this.#activation !== activation)) return false;
    const [cast] = this.#before;
    if (this.#before.length > 1) return false;
    if (cast !== undefined && !this.#hasSum && !(activation === "relu" && commutesWithRelu(cast))) return false;
    this.#activation = activation;
    this.positive = true;
    return true;
  }

  /** The registers: `sum` only where one is needed. Null where an output register would have to cast twice. */
  registers(): { readonly sum?: RegisterSpec; readonly output: RegisterSpec } | null {
    const [first, second] = this.#before;
    if (first === undefined) return { output: this.#behind ?? this.type };
    if (this.#activation === "none") return second === undefined ? { output: first } : { sum: first, output: second };
    if (this.#hasSum) return { sum: first, output: this.#behind ?? this.type };
    return this.#behind === null ? { output: first } : null;
  }
}
