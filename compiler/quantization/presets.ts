/**
 * The presets: which format, rounding and overflow every register of a layer has unless the user says otherwise. One
 * row per preset, as the table in the design of the machine; "The machine", rulings 2 and 10.
 */
import { diagnosticError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, FORMAT_LIMITS } from "../../isa/numerics/format.ts";
import { productFormat, sumOfTermsFormat } from "../../isa/numerics/growth.ts";
import type { OverflowMode } from "../../isa/numerics/overflow.ts";
import type { InnerRegister } from "./register-range.ts";
import type { PresetName } from "./specification.ts";

/** What a preset builds on: the formats decided before. */
export interface PresetContext {
  readonly where: string;
  /** Terms of one sum. */
  readonly terms: number;
  /** The layer's (W,F); where F is automatic that of the register named. Throws where the user gave none. */
  readonly word: (register: InnerRegister | "bias") => FixedPointFormat;
  readonly input: FixedPointFormat;
  readonly weight: FixedPointFormat;
  /** N of `wide:N`; undefined for the default. */
  readonly accumulatorBits: number | undefined;
}

/** A register of a preset. Rounding and overflow are the user's, unless the preset fixes how it overflows: exact ones never do. */
interface PresetRegister {
  readonly overflow?: OverflowMode;
  /** The format grows from those before it: the layer's own word plays no part. */
  readonly grown?: true;
  /** `previous` is the register before it: the product of an accumulator, the accumulator of a bias. */
  format(context: PresetContext, previous: FixedPointFormat): FixedPointFormat;
}

interface Preset {
  readonly product: PresetRegister;
  readonly accumulator: PresetRegister;
  /** Whether a register of the layer's word stands between accumulator and bias. */
  readonly sum: boolean;
  readonly bias: PresetRegister;
  /** Accumulator of an average pool; `previous` is its input. */
  readonly poolAccumulator: PresetRegister;
}

/** Word lengths `wide` chooses from: registers of common MAC units and soft logic. */
const WIDE_ACCUMULATORS = [32, 48, 64] as const;

const word = (name: InnerRegister | "bias"): PresetRegister => ({ format: (context) => context.word(name) });
const accumulatorsBias: PresetRegister = { format: ({ where }, accumulator) => biasFormat(accumulator, where) };
const exactPool: PresetRegister = { overflow: "saturate", grown: true, format: exactPoolAccumulator };

export const PRESETS: Readonly<Record<Exclude<PresetName, "extrinsic" | "float">, Preset>> = {
  intrinsic: {
    product: word("product"),
    accumulator: word("accumulator"),
    sum: false,
    bias: accumulatorsBias,
    poolAccumulator: word("accumulator"),
  },
  tensorquant: {
    product: word("product"),
    accumulator: { overflow: "saturate", grown: true, format: exactAccumulator },
    sum: true,
    bias: word("bias"),
    poolAccumulator: exactPool,
  },
  wide: {
    product: { overflow: "saturate", grown: true, format: exactProduct },
    accumulator: { overflow: "wrap", grown: true, format: wideAccumulator },
    sum: false,
    bias: accumulatorsBias,
    poolAccumulator: exactPool,
  },
};

/** Nothing is lost: W = Wx + Ww, F = Fx + Fw. */
export function exactProduct({ input, weight }: PresetContext): FixedPointFormat {
  return productFormat(input, weight);
}

/** Nothing is lost over K products and a bias: ⌈log2(K + 1)⌉ bits more than the product, its F. */
export function exactAccumulator({ terms }: PresetContext, product: FixedPointFormat): FixedPointFormat {
  return sumOfTermsFormat(product, terms + 1);
}

/** Nothing is lost over a window: ⌈log2 n⌉ bits more than the input, its F. */
export function exactPoolAccumulator({ terms }: PresetContext, input: FixedPointFormat): FixedPointFormat {
  return sumOfTermsFormat(input, terms);
}

/** Signed, N bits at F = Fx + Fw. The default N holds every sum of K products and a bias. */
function wideAccumulator(context: PresetContext): FixedPointFormat {
  const { input, weight, terms, accumulatorBits, where } = context;
  const product = productFormat(input, weight);
  const signBit = product.signed ? 0 : 1;
  const needed = sumOfTermsFormat(product, terms + 1).wordLength + signBit;
  const wordLength = accumulatorBits ?? WIDE_ACCUMULATORS.find((candidate) => candidate >= needed);
  if (wordLength === undefined) {
    throw diagnosticError(
      "WIDE_ACCUMULATOR",
      `${where}: accumulator`,
      `a sum of ${terms} products of ${product.wordLength} bits and a bias needs ${needed} bits, the widest is 64`,
      "use narrower formats, or write wide:N for an accumulator of N bits that may wrap",
    );
  }
  return { wordLength, fractionLength: product.fractionLength, signed: true };
}

/** The accumulator's own format, where memory can hold it. */
function biasFormat(accumulator: FixedPointFormat, where: string): FixedPointFormat {
  const { wordLength, fractionLength } = accumulator;
  const limits = FORMAT_LIMITS;
  const goodFraction = fractionLength >= limits.minFractionLength && fractionLength <= limits.maxFractionLength;
  if (wordLength <= limits.wordLength && goodFraction) return accumulator;
  throw diagnosticError(
    "BIAS_FORMAT",
    `${where}: bias`,
    `the accumulator's ${wordLength} bits with ${fractionLength} fraction bits are no format of a word in memory`,
    "give the bias register a format",
  );
}
