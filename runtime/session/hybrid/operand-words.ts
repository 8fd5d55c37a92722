/** From values or words of a network to the input words of a program that computes a part of it. */
import { InvariantError } from "../../../isa/diagnostic.ts";
import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import { formatsEqual } from "../../../isa/numerics/format.ts";
import { quantize } from "../../../isa/numerics/quantize.ts";
import { quantizeFloat64Array } from "../../../isa/numerics/quantize-array.ts";
import { tensorGenerator } from "../../../isa/numerics/random.ts";
import { allocateRaws, type Raws, rawAt, setRaw } from "../../../isa/numerics/raws.ts";
import { type RegisterSpec, registerText } from "../../../isa/numerics/register.ts";
import { elementCount, type Program } from "../../../isa/program/program.ts";
import type { Fault } from "../../../sim/fault.ts";
import { inputLayer, tensorSymbol } from "../host-input.ts";

/** A value of all images of a batch; with its words where the machine wrote it. */
export interface HybridValue {
  readonly values: Float32Array;
  readonly words: { readonly raws: Raws; readonly format: FixedPointFormat } | null;
}

export interface LoadedWords {
  readonly raws: Raws;
  readonly overflow: number;
  /** Where the register traps. */
  readonly fault: Fault | null;
}

export interface LoadPlace {
  /** Seeds stochastic registers, with the number of the image and `name`. */
  readonly seed: number;
  readonly firstImage: number;
  readonly count: number;
  readonly name: string;
}

/** Input words of a program that reads one value. */
export function loadEntry(program: Program, value: HybridValue, place: Omit<LoadPlace, "name" | "seed">): LoadedWords {
  const { format } = tensorSymbol(program, program.input);
  const register: RegisterSpec = { ...inputLayer(program).datapath.input, format };
  return loadWords(value, register, { ...place, seed: program.seed, name: "input" });
}

/** A value in a register: exactly from its words where there are any. Each image draws its own random words. */
export function loadWords(
  { values, words }: HybridValue,
  register: RegisterSpec,
  { seed, firstImage, count, name }: LoadPlace,
): LoadedWords {
  if (words !== null && formatsEqual(words.format, register.format)) {
    return { raws: words.raws, overflow: 0, fault: null };
  }
  const raws = allocateRaws(register.format, values.length);
  const elements = values.length / count;
  let overflow = 0;
  let fault: Fault | null = null;
  for (let index = 0; index < count; index++) {
    const image = firstImage + index;
    const random = tensorGenerator(seed, `${name}/${image}`);
    const overflowed = (): void => {
      overflow++;
      if (register.overflow === "trap") fault ??= trapFault(name, image, register);
    };
    const first = index * elements;
    if (words === null) {
      const part = values.subarray(first, first + elements);
      quantizeFloat64Array(part, register, raws, first, overflowed, random, `image ${image}`);
      continue;
    }
    const { fractionLength } = words.format;
    for (let element = first; element < first + elements; element++) {
      const quantized = quantize(rawAt(words.raws, element, words.format), fractionLength, register, random);
      setRaw(raws, element, quantized.raw);
      if (quantized.overflowed) overflowed();
    }
  }
  return { raws, overflow, fault };
}

/** Operands side by side, channel behind channel, in the format of the program's input, which holds all of them exactly. */
export function joinOperands(
  program: Program,
  operands: readonly { readonly raws: Raws; readonly format: FixedPointFormat; readonly channels: number }[],
  count: number,
): Raws {
  const { format, shape } = tensorSymbol(program, program.input);
  const elements = elementCount(shape);
  const total = operands.reduce((sum, { channels }) => sum + channels, 0);
  const joined = allocateRaws(format, count * elements);
  const pixels = (count * elements) / total;
  if (!Number.isInteger(pixels)) throw new InvariantError("operands do not fill the program's input");
  let first = 0;
  for (const { raws, format: own, channels } of operands) {
    const shift = BigInt(format.fractionLength - own.fractionLength);
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        const raw = rawAt(raws, pixel * channels + channel, own);
        setRaw(joined, pixel * total + first + channel, raw << shift);
      }
    }
    first += channels;
  }
  return joined;
}

function trapFault(name: string, image: number, register: RegisterSpec): Fault {
  const message = `image ${image}: the ${name} does not fit ${registerText(register)}, and its register traps`;
  return { kind: "overflow-trap", pc: null, cycle: null, message, site: null };
}
