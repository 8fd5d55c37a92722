/** What every export renders: the registers that each layer really has, with all that decides how they are used. */
import type { Graph } from "../../compiler/graph/graph.ts";
import { type ArithmeticKind, type LayerFacts, layerFacts } from "../../compiler/quantization/layer-facts.ts";
import { quantizeWeights, weightQuantizer } from "../../compiler/quantization/quantize-weights.ts";
import { type Calibration, layerEntries, resolveAssignment } from "../../compiler/quantization/resolve-assignment.ts";
import type { LayerOptions } from "../../compiler/quantization/resolve-layer.ts";
import {
  type AssignmentSpecification,
  givenExponents,
  type Verification,
} from "../../compiler/quantization/specification.ts";
import { InvariantError } from "../../isa/diagnostic.ts";
import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import { productFormat, sumFormat, sumOfTermsFormat } from "../../isa/numerics/growth.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import {
  type BiasOrder,
  DATAPATH_REGISTERS,
  type DatapathRegister,
  type DatapathSpec,
} from "../../isa/program/datapath.ts";
import type { LayerKind } from "../../isa/program/program.ts";

export interface ExportedRegister {
  readonly register: DatapathRegister;
  readonly spec: RegisterSpec;
  /** Whether the format is so wide that nothing is ever rounded or overflows there: its modes do not act. */
  readonly exact: boolean;
  /** Whether its words are made at compile time (weights, biases, multipliers), so that no hardware rounds there. */
  readonly constant: boolean;
}

export interface ExportedLayer {
  readonly name: string;
  readonly kind: LayerKind;
  /** In datapath order. */
  readonly registers: readonly ExportedRegister[];
  readonly options: ExportedOptions;
}

/** Choices of a layer that are no register. */
export interface ExportedOptions extends LayerOptions {
  readonly averageDivider: boolean;
  /** Fraction length of each filter's weights, where they differ. */
  readonly weightFractionLengths?: readonly number[] | undefined;
  /** Exponents by which the layer's output channels are scaled, where any is: its constants, and those behind it, are the scaled ones. */
  readonly channelExponents?: readonly number[] | undefined;
  readonly biasOrder: BiasOrder;
  /** What the weights went through before their register, as the assignment says it. */
  readonly weightQuantizer: string | undefined;
}

export interface ExportSubject {
  readonly model: string;
  /** What is known of the assignment as a whole; absent where nothing is. */
  readonly verified?: Verification | undefined;
  /** In the order in which they compute. */
  readonly layers: readonly ExportedLayer[];
}

export interface SubjectRequest {
  readonly model: string;
  /** After the compiler's passes, with the channels that the assignment equalizes; its weights not quantized yet. */
  readonly lowerable: Graph;
  readonly assignment: AssignmentSpecification;
  /** Ranges; only automatic formats need them. */
  readonly calibration?: Calibration | undefined;
  /** Of quantizers of weights; 1 where nothing is said. */
  readonly seed?: number;
  /** Where the assignment came from, for diagnostics. */
  readonly where: string;
}

/** Throws `DiagnosticError` with everything wrong in the specification. */
export function exportSubject({
  model,
  lowerable,
  assignment,
  calibration,
  seed,
  where,
}: SubjectRequest): ExportSubject {
  const weights = { seed: seed ?? 1, where };
  const layers = layerFacts(quantizeWeights(lowerable, assignment, weights));
  const entries = layerEntries(
    assignment,
    layers.map(({ name }) => name),
    where,
  );
  const exponents = givenExponents(assignment);
  const resolved = resolveAssignment({
    specification: assignment,
    layers,
    input: lowerable.input.name,
    calibration: calibration ?? {},
    where,
  });
  // The network's input is made of floats by the first layer that reads it; for all others it is words.
  const first = layers.find(({ producers }) => producers.includes(lowerable.input.name))?.name;
  const inputFormat = first === undefined ? undefined : resolved.formats[first]?.input.format;
  return {
    model,
    ...(assignment.verified === undefined ? {} : { verified: assignment.verified }),
    layers: layers.map((facts) => {
      const { name, kind } = facts;
      const datapath = resolved.formats[name];
      const options = resolved.options[name];
      if (datapath === undefined || options === undefined) throw new InvariantError(`layer "${name}" has no datapath`);
      const written = facts.producers.map((producer) => {
        if (producer === lowerable.input.name) return name === first ? undefined : inputFormat;
        return resolved.formats[producer]?.output.format;
      });
      return {
        name,
        kind,
        registers: exportedRegisters({ facts, datapath, written, explicitInput: options.explicitInput }),
        options: {
          ...options,
          averageDivider: datapath.averageDivider,
          weightFractionLengths: datapath.weightFractionLengths,
          channelExponents: exponents?.[name],
          biasOrder: datapath.biasOrder ?? "last",
          weightQuantizer: facts.weights === null ? undefined : weightQuantizer(entries.get(name) ?? {}),
        },
      };
    }),
  };
}

/** Registers that hold words of their own, by what the layer computes. */
const HELD: Readonly<Record<ArithmeticKind, readonly DatapathRegister[]>> = {
  matrix: DATAPATH_REGISTERS,
  averagePool: ["input", "accumulator", "output"],
  maximumPool: ["input", "output"],
  vector: ["input", "accumulator", "scale", "output"],
  product: ["input", "accumulator", "output"],
  lookup: ["input", "output"],
  integer: DATAPATH_REGISTERS,
  integerPool: ["input", "accumulator", "scale", "bias", "output"],
  requantize: ["input", "scale", "bias", "output"],
};

const CONSTANTS: readonly DatapathRegister[] = ["weight", "scale", "bias"];

interface LayerContext {
  readonly facts: LayerFacts;
  readonly datapath: DatapathSpec;
  /** Formats in which the producers wrote the operands; undefined for the network's input where it is made of floats. */
  readonly written: readonly (FixedPointFormat | undefined)[];
  /** Operands are quantized again on loading. */
  readonly explicitInput: boolean;
}

function exportedRegisters(context: LayerContext): readonly ExportedRegister[] {
  const { facts, datapath } = context;
  return HELD[facts.arithmetic].flatMap((register) => {
    const held = datapath[register];
    if (held === undefined || !isHeld(facts, register)) return [];
    // Between two operands and the output nothing is ever lost: the sum or product has the width it grows to.
    const grown = isElementWise(facts) && register === "accumulator" ? neededFormat(context, register) : undefined;
    const spec = grown === undefined ? held : { ...held, format: grown };
    const exact = losesNothing(context, register, spec.format);
    return { register, spec, exact, constant: CONSTANTS.includes(register) };
  });
}

function losesNothing(context: LayerContext, register: DatapathRegister, format: FixedPointFormat): boolean {
  const { facts, written, explicitInput } = context;
  if (register === "output") return facts.arithmetic === "maximumPool";
  if (register === "input") {
    // Words that are taken as they come, or that fit; the network's input is made of floats.
    return written.every((operand) => operand !== undefined && (!explicitInput || holds(format, operand)));
  }
  const needed = neededFormat(context, register);
  return needed !== undefined && holds(format, needed);
}

function isHeld({ arithmetic, kind, bias, requantization }: LayerFacts, register: DatapathRegister): boolean {
  if (register === "bias") return requantization === null ? bias !== null : requantization.offsets !== null;
  // What only moves words has no sum.
  if (register === "accumulator" && arithmetic === "vector") return kind === "add" || kind === "subtract";
  return true;
}

function isElementWise({ arithmetic }: LayerFacts): boolean {
  return arithmetic === "vector" || arithmetic === "product";
}

/** The format in which a product or sum loses nothing. */
function neededFormat(
  { facts, datapath, written, explicitInput }: LayerContext,
  register: DatapathRegister,
): FixedPointFormat | undefined {
  const { arithmetic, kind, terms } = facts;
  const { input, weight, product } = datapath;
  if (register === "product") return productFormat(input.format, weight.format);
  if (register !== "accumulator") return undefined;
  const operands = written.map((operand) => (explicitInput ? input.format : (operand ?? input.format)));
  const [first = input.format, ...others] = operands;
  const needed: Readonly<Record<ArithmeticKind, () => FixedPointFormat>> = {
    matrix: () => sumOfTermsFormat(product.format, terms + 1),
    integer: () => sumOfTermsFormat(product.format, terms),
    averagePool: () => sumOfTermsFormat(input.format, terms),
    integerPool: () => sumOfTermsFormat(input.format, terms),
    product: () => productFormat(first, others[0] ?? first),
    vector: () =>
      others.reduce((sum, operand) => sumFormat(sum, kind === "subtract" ? withSign(operand) : operand), first),
    maximumPool: () => input.format,
    lookup: () => input.format,
    requantize: () => input.format,
  };
  return needed[arithmetic]();
}

/** The negative of an unsigned word needs a sign bit more. */
function withSign(format: FixedPointFormat): FixedPointFormat {
  return format.signed ? format : { ...format, wordLength: format.wordLength + 1, signed: true };
}

function holds(format: FixedPointFormat, needed: FixedPointFormat): boolean {
  const integerBits = ({ wordLength, fractionLength, signed }: FixedPointFormat): number =>
    wordLength - fractionLength - (signed ? 1 : 0);
  return (
    format.fractionLength >= needed.fractionLength &&
    integerBits(format) >= integerBits(needed) &&
    (format.signed || !needed.signed)
  );
}
