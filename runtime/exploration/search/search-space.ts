/** What a search may choose: a format for each register of each layer, between a comfortable start and one bit. */
import type {
  AssignmentSpecification,
  LayerEntry,
  RegisterEntry,
} from "../../../compiler/quantization/specification.ts";
import { InvariantError } from "../../../isa/diagnostic.ts";
import { nameRecord } from "../../../isa/name-record.ts";
import { type FixedPointFormat, FORMAT_LIMITS, formatsEqual, formatText } from "../../../isa/numerics/format.ts";
import type { DatapathRegister } from "../../../isa/program/datapath.ts";

export interface SearchRegister {
  readonly layer: string;
  readonly register: DatapathRegister;
  readonly signed: boolean;
  /** W − F at the start: what is observed needs, with the margin. */
  readonly integerBits: number;
  /** W − F that the observed range needs, without the margin; null where nothing was observed. */
  readonly observedIntegerBits: number | null;
  /** W − F beyond which no input can bring it; null where no bound is known. */
  readonly provenIntegerBits: number | null;
  /** Of an input that another layer wrote: the layer whose output it reads. Its own format only matters where it is shorter. */
  readonly producer: string | null;
}

export interface SearchSpace {
  /** In the order in which the layers compute. */
  readonly registers: readonly SearchRegister[];
  /** What every layer shares: datapath, rounding, overflow, and a format for registers that no search sets. */
  readonly defaults: LayerEntry;
  /** `W,auto` for all registers with its formats written out, so that no calibration is needed; null where there is none. */
  readonly automatic: (wordLength: number) => AssignmentSpecification | null;
}

/**
 * A format for each of `registers`, in their order, none longer than makes sense: an input is no longer than the words that its
 * producer wrote, and a product has no fraction bits that its accumulator would round away at every addition.
 */
export type Formats = readonly FixedPointFormat[];

/** All registers with W bits where that makes sense; F follows from the integer bits. */
export function startFormats(space: SearchSpace, wordLength: number): Formats {
  return sensible(
    space,
    space.registers.map((register) => formatOf(register, wordLength)),
  );
}

/** A register's format of W bits at its integer bits. */
export function formatOf({ integerBits, signed }: SearchRegister, wordLength: number): FixedPointFormat {
  const { minFractionLength, maxFractionLength } = FORMAT_LIMITS;
  const fractionLength = Math.min(maxFractionLength, Math.max(minFractionLength, wordLength - integerBits));
  return { wordLength, fractionLength, signed };
}

/** `formats` with one of them replaced, and those that depend on it cut to it. */
export function withFormat(space: SearchSpace, formats: Formats, index: number, format: FixedPointFormat): Formats {
  return sensible(
    space,
    formats.map((old, place) => (place === index ? format : old)),
  );
}

/** `formats` with those that are longer than makes sense cut. */
export function sensible(space: SearchSpace, formats: Formats): Formats {
  return formats.map((format, index) => {
    const register = space.registers[index];
    if (register === undefined) throw new InvariantError(`no register ${index}`);
    const written = formats[writerOf(space, register)];
    if (written !== undefined) {
      return cutTo(format, written.fractionLength, Math.min(integerBitsOf(format), integerBitsOf(written)));
    }
    const accumulator = formats[accumulatorOf(space, register)];
    return accumulator === undefined ? format : cutTo(format, accumulator.fractionLength, integerBitsOf(format));
  });
}

function cutTo(format: FixedPointFormat, mostFraction: number, integerBits: number): FixedPointFormat {
  const fractionLength = Math.min(format.fractionLength, mostFraction);
  return { ...format, fractionLength, wordLength: Math.max(1, fractionLength + integerBits) };
}

/** Index of the output register whose words an input reads; −1 where there is none. */
function writerOf({ registers }: SearchSpace, { producer }: SearchRegister): number {
  return producer === null
    ? -1
    : registers.findIndex((other) => other.layer === producer && other.register === "output");
}

/** Index of the accumulator behind a product; −1 for other registers, and where it is exact. */
function accumulatorOf({ registers }: SearchSpace, { layer, register }: SearchRegister): number {
  return register === "product"
    ? registers.findIndex((other) => other.layer === layer && other.register === "accumulator")
    : -1;
}

/** One bit shorter at its low or high end; null for a word of one bit, or beyond the range of F. */
export function shortened(format: FixedPointFormat, end: "low" | "high"): FixedPointFormat | null {
  if (format.wordLength <= 1) return null;
  const fractionLength = end === "low" ? format.fractionLength - 1 : format.fractionLength;
  if (fractionLength < FORMAT_LIMITS.minFractionLength) return null;
  return { ...format, wordLength: format.wordLength - 1, fractionLength };
}

/** The formats as a file says them. An input that is as long as what its producer writes is left to follow it. */
export function assignmentOf(space: SearchSpace, formats: Formats): AssignmentSpecification {
  const layers = nameRecord<Record<string, RegisterEntry>>();
  for (const [index, { layer, register }] of space.registers.entries()) {
    const format = effectiveFormat(space, formats, index);
    if (format === null) continue;
    layers[layer] = { ...layers[layer], [register]: formatText(format) };
  }
  return { default: space.defaults, layers };
}

/** The format that a register gets; null for an input that takes its producer's words as they are. */
export function effectiveFormat(space: SearchSpace, formats: Formats, index: number): FixedPointFormat | null {
  const register = space.registers[index];
  const format = formats[index];
  if (register === undefined || format === undefined) throw new InvariantError(`no register ${index}`);
  const written = formats[writerOf(space, register)];
  return written !== undefined && formatsEqual(format, written) ? null : format;
}

export function integerBitsOf({ wordLength, fractionLength }: FixedPointFormat): number {
  return wordLength - fractionLength;
}

/** Bits of all registers that really are registers of their own. */
export function registerBits(space: SearchSpace, formats: Formats): number {
  return formats.reduce((sum, _, index) => sum + (effectiveFormat(space, formats, index)?.wordLength ?? 0), 0);
}

/** `fc1 weight 8,7`. */
export function changeText({ layer, register }: SearchRegister, format: FixedPointFormat): string {
  return `${layer} ${register} ${formatText(format)}`;
}
