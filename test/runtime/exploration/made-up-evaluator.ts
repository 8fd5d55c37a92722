import { formatText, parseFormat } from "../../../isa/index.ts";
import { integerBitsOf, type SearchSpace } from "../../../runtime/exploration/search/search-space.ts";
import type {
  Candidate,
  CandidateCost,
  Evaluation,
  EvaluationOptions,
  Evaluator,
  ImageSpan,
} from "../../../runtime/results/evaluation.ts";

/** A register of a network that is only a formula. */
export interface MadeUpRegister {
  readonly layer: string;
  readonly register: "weight" | "product" | "accumulator" | "output";
  /** Integer bits without which everything is wrong. */
  readonly integerBits: number;
  /** Its rounding adds (sensitivity · 2^−F)² to the noise. */
  readonly sensitivity: number;
  /** Words that are stored, each W bits. */
  readonly words: number;
}

/**
 * A classifier that is right about image i where float is and the noise of all registers is below (tolerance of i)², and with values
 * that are off by the noise's root. Counts the images it was asked for.
 */
export class MadeUpEvaluator implements Evaluator {
  readonly layers: readonly string[];
  readonly images: number;
  asked = 0;
  evaluations = 0;
  readonly #registers: readonly MadeUpRegister[];
  readonly #tolerance: (image: number) => number;
  readonly #floatRight: (image: number) => boolean;

  constructor(
    registers: readonly MadeUpRegister[],
    images: number,
    tolerance: (image: number) => number,
    floatRight: (image: number) => boolean = () => true,
  ) {
    this.#registers = registers;
    this.images = images;
    this.#tolerance = tolerance;
    this.#floatRight = floatRight;
    this.layers = [...new Set(registers.map(({ layer }) => layer))];
  }

  async evaluate(candidate: Candidate, span: ImageSpan, { signal }: EvaluationOptions = {}): Promise<Evaluation> {
    signal?.throwIfAborted();
    this.asked += span.images;
    this.evaluations++;
    const noise = this.noise(candidate);
    const per = <T>(value: (image: number) => T): T[] =>
      Array.from({ length: span.images }, (_, index) => value(span.first + index));
    const same = Uint8Array.from(per((image) => (noise < this.#tolerance(image) ** 2 ? 1 : 0)));
    const floatRight = Uint8Array.from(per((image) => (this.#floatRight(image) ? 1 : 0)));
    const off = Math.sqrt(noise);
    return {
      span,
      floatRight,
      fixedRight: floatRight.map((right, index) => right & (same[index] ?? 0)),
      sameClass: same,
      accuracy: null,
      agreement: null,
      error: { mae: off, maxAbs: 2 * off, sqnrDb: noise === 0 ? null : -10 * Math.log10(noise) },
      imageErrors: {
        mean: Float64Array.from(per(() => off)),
        signal: Float64Array.from(per(() => 1)),
        noise: Float64Array.from(per(() => noise)),
      },
      overflow: [],
      clippedConstants: 0,
      digest: `${span.first}+${span.images}: ${noise.toPrecision(12)}`,
    };
  }

  cost(candidate: Candidate): CandidateCost {
    const storedBits = this.#registers.reduce(
      (sum, register) => sum + register.words * this.#formatOf(candidate, register).wordLength,
      0,
    );
    return {
      constantBits: storedBits,
      activationBits: 0,
      storedBits,
      dspBlocks: 1,
      cyclesPerImage: 1,
      energyPjPerImage: 3 * storedBits,
    };
  }

  async close(): Promise<void> {}

  noise(candidate: Candidate): number {
    return this.#registers.reduce((sum, register) => {
      const format = this.#formatOf(candidate, register);
      if (integerBitsOf(format) < register.integerBits) return Number.MAX_VALUE;
      return Math.min(Number.MAX_VALUE, sum + (register.sensitivity * 2 ** -format.fractionLength) ** 2);
    }, 0);
  }

  #formatOf({ assignment }: Candidate, { layer, register }: MadeUpRegister): ReturnType<typeof parseFormat> {
    const entry = assignment.layers?.[layer]?.[register] ?? assignment.default?.format;
    return parseFormat(typeof entry === "string" ? entry : "1,0");
  }
}

/** Every register may be chosen; two integer bits more than needed stand for the proof. */
export function spaceOf(registers: readonly MadeUpRegister[]): SearchSpace {
  return {
    registers: registers.map(({ layer, register, integerBits }) => ({
      layer,
      register,
      signed: true,
      integerBits: integerBits + 1,
      observedIntegerBits: integerBits,
      provenIntegerBits: integerBits + 2,
      producer: null,
    })),
    defaults: { datapath: "intrinsic", format: "16,8" },
    automatic: () => null,
  };
}

/** The assignment of these formats. */
export function candidateOf(registers: readonly MadeUpRegister[], wordLengths: readonly number[]): Candidate {
  const layers: Record<string, Record<string, string>> = {};
  for (const [index, { layer, register, integerBits }] of registers.entries()) {
    const wordLength = wordLengths[index] ?? 1;
    const format = { wordLength, fractionLength: wordLength - integerBits, signed: true };
    layers[layer] = { ...layers[layer], [register]: formatText(format) };
  }
  return { assignment: { default: { format: "16,8" }, layers }, layers: null };
}
