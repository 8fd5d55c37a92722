/** Networks with drawn word lengths, for tests of exports. */
import fc from "fast-check";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { type ArithmeticKind, layerFacts } from "../../../compiler/quantization/layer-facts.ts";
import type { AssignmentSpecification, LayerEntry } from "../../../compiler/quantization/specification.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import type { Dialect, OverflowMode } from "../../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { registersEqual } from "../../../isa/numerics/register.ts";
import type { RoundingMode } from "../../../isa/numerics/rounding.ts";
import type { BiasOrder } from "../../../isa/program/datapath.ts";
import { registerFields } from "../../../runtime/exports/entries.ts";
import { type ExportSubject, exportSubject } from "../../../runtime/exports/index.ts";
import { graphWithInput } from "../../arbitraries/graph.ts";
import { hostileNameSeeds, withHostileNames } from "../../arbitraries/names.ts";
import { overflowSpecs, roundingModes } from "../../arbitraries/numerics.ts";

/** Registers that an entry can name. */
export const NAMEABLE: Readonly<Record<ArithmeticKind, readonly string[]>> = {
  matrix: ["input", "weight", "product", "accumulator", "sum", "bias", "output"],
  averagePool: ["input", "accumulator", "output"],
  maximumPool: ["input"],
  vector: ["input", "output"],
  product: ["input", "output"],
  lookup: ["input", "output"],
  integer: [],
  integerPool: [],
  requantize: [],
};

export interface Modes {
  readonly rounding: fc.Arbitrary<RoundingMode>;
  /** Undefined: any that the format allows. */
  readonly overflow?: readonly OverflowMode[];
  readonly dialects: readonly Dialect[];
  readonly minimumWordLength: number;
}

export const EVERY_MODE: Modes = { rounding: roundingModes(), dialects: ["sc", "ap", "ac"], minimumWordLength: 1 };

function registersOf(modes: Modes): fc.Arbitrary<RegisterSpec> {
  const format: fc.Arbitrary<FixedPointFormat> = fc.record({
    wordLength: fc.integer({ min: modes.minimumWordLength, max: 18 }),
    fractionLength: fc.integer({ min: -3, max: 20 }),
    signed: fc.boolean(),
  });
  return fc.tuple(format, fc.constantFrom(...modes.dialects)).chain(([chosen, dialect]) => {
    const overflow =
      modes.overflow === undefined
        ? overflowSpecs(chosen, dialect)
        : fc.constantFrom(...modes.overflow).map((mode) => ({ mode, saturatedBits: 0 }));
    return fc.record({ rounding: modes.rounding, overflow }).map((drawn) => ({
      format: chosen,
      rounding: drawn.rounding,
      overflow: drawn.overflow.mode,
      saturatedBits: drawn.overflow.saturatedBits,
      dialect,
    }));
  });
}

interface DrawnEntry {
  readonly datapath: string;
  readonly own: RegisterSpec;
  readonly registers: Readonly<Record<string, RegisterSpec | null>>;
  readonly exact: readonly [product: boolean, accumulator: boolean];
  readonly averageDivider: boolean;
  readonly biasOrder: BiasOrder | undefined;
  readonly countPadding: boolean | undefined;
  readonly lookupBits: number | undefined;
  readonly interpolate: boolean | undefined;
  readonly tableRange: readonly [number, number] | undefined;
  readonly quantizer: string | undefined;
}

function entries(modes: Modes): fc.Arbitrary<DrawnEntry> {
  const register = fc.option(registersOf(modes), { freq: 2 });
  return fc.record({
    datapath: fc.constantFrom("intrinsic", "tensorquant", "wide", "wide:40"),
    own: registersOf(modes),
    registers: fc.record(Object.fromEntries(NAMEABLE.matrix.map((name) => [name, register]))),
    exact: fc.tuple(fc.boolean(), fc.boolean()),
    averageDivider: fc.boolean(),
    biasOrder: fc.constantFrom(undefined, "first", "last"),
    countPadding: fc.constantFrom(undefined, true, false),
    lookupBits: fc.constantFrom(undefined, 1, 9, 20),
    interpolate: fc.constantFrom(undefined, true, false),
    tableRange: fc.constantFrom(undefined, [-1.5, 0.1] as const, [3, 3] as const),
    quantizer: fc.constantFrom(undefined, undefined, "ternary", "kmeans:3"),
  });
}

function entryOf(drawn: DrawnEntry, arithmetic: ArithmeticKind): LayerEntry {
  const named = NAMEABLE[arithmetic].flatMap((name) => {
    const spec = drawn.registers[name];
    if (spec === null || spec === undefined) return [];
    const { quantizer } = drawn;
    const before = name === "weight" && quantizer !== undefined ? { quantizer } : {};
    return [[name, { ...registerFields(spec), ...before }] as const];
  });
  const [product, accumulator] = drawn.exact;
  return {
    datapath: drawn.datapath,
    ...registerFields(drawn.own),
    ...Object.fromEntries(named),
    ...(arithmetic === "matrix" && product ? { product: "exact" } : {}),
    ...(arithmetic === "matrix" && accumulator ? { accumulator: "exact" } : {}),
    averageDivider: drawn.averageDivider,
    ...(arithmetic === "matrix" && drawn.biasOrder !== undefined ? { biasOrder: drawn.biasOrder } : {}),
    avgPoolCountPadding: drawn.countPadding,
    lookupBits: drawn.lookupBits,
    interpolate: drawn.interpolate,
    tableRange: drawn.tableRange,
  };
}

export interface DrawnSubject {
  readonly graph: Graph;
  readonly subject: ExportSubject;
}

/** A prepared network and registers for all of its layers. */
export function drawnSubjects(modes: Modes = EVERY_MODE): fc.Arbitrary<DrawnSubject> {
  return fc
    .tuple(
      graphWithInput({ stage: "lowerable", maximumSteps: 5, maximumElements: 120, maximumSide: 5 }),
      fc.array(entries(modes), { minLength: 3, maxLength: 3 }),
      fc.option(hostileNameSeeds(), { freq: 1 }),
    )
    .map(([{ graph: plain }, drawn, names]) => {
      const graph = names === null ? plain : withHostileNames(plain, names);
      const facts = layerFacts(graph);
      const layers = Object.fromEntries(
        facts.map(({ name, arithmetic }, index) => [name, entryOf(drawn[index % 3] as DrawnEntry, arithmetic)]),
      );
      return { graph, layers };
    })
    .map(({ graph, layers }) => ({ graph, subject: subjectOf(graph, { layers }) }))
    .filter((drawn): drawn is DrawnSubject => drawn.subject !== null);
}

/** Null for registers that contradict each other. */
export function subjectOf(graph: Graph, assignment: AssignmentSpecification): ExportSubject | null {
  try {
    return exportSubject({ model: "drawn", lowerable: graph, assignment, where: "drawn" });
  } catch (error) {
    if (error instanceof DiagnosticError) return null;
    throw error;
  }
}

/** What of `b` differs from `a`, in words. */
export function differences(a: ExportSubject, b: ExportSubject): readonly string[] {
  const found: string[] = [];
  for (const [index, layer] of a.layers.entries()) {
    const other = b.layers[index];
    if (other?.name !== layer.name) found.push(`${layer.name}: ${other?.name}`);
    if (JSON.stringify(other?.options) !== JSON.stringify(layer.options)) found.push(`${layer.name}: options`);
    for (const { register, spec } of layer.registers) {
      const match = other?.registers.find((candidate) => candidate.register === register);
      if (match === undefined || !registersEqual(match.spec, spec)) found.push(`${layer.name}: ${register}`);
    }
    if (other?.registers.length !== layer.registers.length) found.push(`${layer.name}: number of registers`);
  }
  return found;
}
