/** `macroscope/assignment/1`: every register of every layer as JSON, written and read. */

import { z } from "zod";
import { MOST_FILTERS, verificationSchema } from "../../compiler/quantization/specification.ts";
import { type Diagnostic, DiagnosticError } from "../../isa/diagnostic.ts";
import { FORMAT_LIMITS } from "../../isa/numerics/format.ts";
import { DIALECTS, type Dialect, OVERFLOW_MODES, type OverflowMode } from "../../isa/numerics/overflow.ts";
import { type RegisterSpec, validateRegister } from "../../isa/numerics/register.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../isa/numerics/rounding.ts";
import { printableJson } from "../../isa/printable.ts";
import { BIAS_ORDERS, DATAPATH_REGISTERS, type DatapathRegister } from "../../isa/program/datapath.ts";
import { LAYER_KINDS } from "../../isa/program/program.ts";
import type { ReadLayer } from "./entries.ts";
import type { ExportSubject } from "./subject.ts";

export const ASSIGNMENT_SCHEMA = "macroscope/assignment/1";

/** value = raw · 2^−fractionLength; `integerLength` = W − F, as ap_fixed counts it. */
export function assignmentJson({ model, verified, layers }: ExportSubject): string {
  const value = {
    schema: ASSIGNMENT_SCHEMA,
    model,
    ...(verified === undefined ? {} : { verified }),
    layers: layers.map(({ name, kind, options, registers }) => ({
      name,
      kind,
      explicitInput: options.explicitInput,
      averageDivider: options.averageDivider,
      biasOrder: options.biasOrder,
      countPadding: options.countPadding ?? null,
      lookupBits: options.lookupBits,
      interpolate: options.interpolate,
      tableRange: options.tableRange && [options.tableRange.min, options.tableRange.max],
      weightQuantizer: options.weightQuantizer ?? null,
      ...(options.channelExponents && { channelExponents: options.channelExponents }),
      ...(options.weightFractionLengths && { weightFractionLengths: options.weightFractionLengths }),
      registers: Object.fromEntries(
        registers.map(({ register, spec, exact }) => {
          const { format, ...modes } = spec;
          const integerLength = format.wordLength - format.fractionLength;
          return [register, { ...format, integerLength, ...modes, exact }];
        }),
      ),
    })),
  };
  return `${printableJson(JSON.stringify(value, null, 2))}\n`;
}

const names = <Name extends string>(table: Readonly<Record<Name, unknown>>): Name[] => Object.keys(table) as Name[];

const registerSchema = z
  .strictObject({
    wordLength: z.int().min(1).max(FORMAT_LIMITS.exactWordLength),
    fractionLength: z.int().min(FORMAT_LIMITS.minExactFractionLength).max(FORMAT_LIMITS.maxExactFractionLength),
    signed: z.boolean(),
    integerLength: z.int().optional(),
    rounding: z.enum(names<RoundingMode>(ROUNDING_MODES)),
    overflow: z.enum(names<OverflowMode>(OVERFLOW_MODES)),
    saturatedBits: z.int().min(0).max(FORMAT_LIMITS.exactWordLength),
    dialect: z.enum(names<Dialect>(DIALECTS)),
    exact: z.boolean().optional(),
  })
  .refine(
    ({ integerLength, wordLength, fractionLength }) =>
      integerLength === undefined ? true : integerLength === wordLength - fractionLength,
    {
      error: "integerLength is not wordLength − fractionLength",
    },
  );

const schema = z.strictObject({
  schema: z.literal(ASSIGNMENT_SCHEMA),
  model: z.string(),
  verified: verificationSchema.optional(),
  layers: z
    .array(
      z.strictObject({
        name: z.string(),
        kind: z.enum(LAYER_KINDS),
        explicitInput: z.boolean(),
        averageDivider: z.boolean(),
        biasOrder: z.enum(BIAS_ORDERS).optional(),
        countPadding: z.boolean().nullable(),
        lookupBits: z.int().min(1).max(20),
        interpolate: z.boolean().optional(),
        tableRange: z.tuple([z.number(), z.number()]).nullable().optional(),
        weightQuantizer: z.string().nullable(),
        /** One per output channel; absent where none is scaled. */
        channelExponents: z.array(z.int()).max(MOST_FILTERS).optional(),
        /** One per filter, the least that of the weight register; absent where all have that. */
        weightFractionLengths: z.array(z.int()).max(MOST_FILTERS).optional(),
        registers: z.partialRecord(z.enum(DATAPATH_REGISTERS), registerSchema),
      }),
    )
    .max(100_000),
});

/** Throws `DiagnosticError` ASSIGNMENT or REGISTER with everything wrong. */
export function readAssignmentJson(value: unknown, where: string): readonly ReadLayer[] {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    throw new DiagnosticError(
      parsed.error.issues.map((issue) => ({
        code: "ASSIGNMENT",
        where: `${where}: ${issue.path.map(String).join(".")}`,
        what: issue.message,
        hint: `expected ${ASSIGNMENT_SCHEMA} as macroscope export --to json writes it`,
      })),
    );
  }
  const layers = parsed.data.layers.map(
    ({ name, kind, registers, countPadding, weightQuantizer, ...rest }): ReadLayer => {
      const {
        explicitInput,
        averageDivider,
        biasOrder = "last",
        lookupBits,
        interpolate = true,
        tableRange = null,
        channelExponents,
        weightFractionLengths,
      } = rest;
      return {
        name,
        kind,
        registers: Object.fromEntries(
          Object.entries(registers).map(([register, fields]) => [register, specOf(fields)]),
        ) as Partial<Record<DatapathRegister, RegisterSpec>>,
        options: {
          explicitInput,
          averageDivider,
          biasOrder,
          lookupBits,
          interpolate,
          tableRange: tableRange && { min: tableRange[0], max: tableRange[1] },
          countPadding: countPadding ?? undefined,
          weightQuantizer: weightQuantizer ?? undefined,
          channelExponents,
          weightFractionLengths,
        },
      };
    },
  );
  requireLayers(layers, where);
  return layers;
}

function specOf(fields: z.infer<typeof registerSchema>): RegisterSpec {
  const { wordLength, fractionLength, signed, rounding, overflow, saturatedBits, dialect } = fields;
  return { format: { wordLength, fractionLength, signed }, rounding, overflow, saturatedBits, dialect };
}

/** Checks what a table of registers must keep whatever file it came from: names once, registers legal. */
export function requireLayers(layers: readonly ReadLayer[], where: string): void {
  const found: Diagnostic[] = [];
  const seen = new Set<string>();
  for (const { name, registers } of layers) {
    const place = `${where}: layer "${name}"`;
    if (seen.has(name)) {
      found.push({ code: "ASSIGNMENT", where: place, what: "is there twice", hint: "keep one of them" });
    }
    seen.add(name);
    for (const [register, spec] of Object.entries(registers)) {
      const exact = register === "product" || register === "accumulator";
      found.push(...validateRegister(spec, `${place}: ${register}`, { exact }));
    }
  }
  if (found.length > 0) throw new DiagnosticError(found);
}
