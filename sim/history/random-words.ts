import { type RandomWordSource, registerGenerator, type Xorshift32 } from "../../isa/numerics/random.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { Program } from "../../isa/program/program.ts";
import { EVIDENCE_REGISTERS, type EvidenceRegister } from "../evidence.ts";

/** A quantizing register of one element or lane during one instruction. */
export interface RegisterPlace {
  readonly instruction: number;
  readonly register: EvidenceRegister;
  readonly row: number;
  readonly column: number;
}

interface Draws {
  readonly generator: Xorshift32;
  readonly words: number[];
}

/** Any word that a stochastic register draws in one image, by its number; drawn words are kept. */
export class RandomWords {
  readonly #seed: number;
  readonly #image: number;
  readonly #draws: Map<string, Draws> = new Map<string, Draws>();

  constructor({ seed }: Pick<Program, "seed">, image: number) {
    this.#seed = seed;
    this.#image = image;
  }

  /** Source of the draw with this number, counted from 0; undefined for registers that draw nothing. */
  source({ rounding }: RegisterSpec, place: RegisterPlace, number: number): RandomWordSource | undefined {
    if (rounding !== "stochastic") return undefined;
    return { next: () => this.#word(place, number) };
  }

  #word({ instruction, register, row, column }: RegisterPlace, number: number): number {
    const key = `${instruction} ${register} ${row} ${column}`;
    let draws = this.#draws.get(key);
    if (draws === undefined) {
      const code = EVIDENCE_REGISTERS.indexOf(register);
      draws = { generator: registerGenerator(this.#seed, instruction, this.#image, code, row, column), words: [] };
      this.#draws.set(key, draws);
    }
    while (draws.words.length <= number) draws.words.push(draws.generator.next());
    return draws.words[number] ?? 0;
  }
}
