/** The forms of results as far as pages show them; what else an object holds stays in it. */
import { z } from "zod";
import { OBJECTIVES, STRATEGIES, TARGET_KINDS } from "./bits-report.ts";

export type ResultSchema = "macroscope/run/1" | "macroscope/sweep/1" | "macroscope/bits/1" | "macroscope/compare/1";

/** Bounds of what is drawn; far beyond any network. */
export const RESULT_LIMITS = { layers: 20_000, records: 200_000, text: 10_000, depth: 64, values: 5_000_000 } as const;

const text = z.string().max(RESULT_LIMITS.text);
const count = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const amount = z.number().min(0).max(1e30);
const value = z.number().min(-1e30).max(1e30);
const share = z.number().min(0).max(1);
const anything = z.record(z.string(), z.unknown());
const shares = z.tuple([share, share]);
const amounts = z.tuple([amount, amount]);

const accuracy = z.looseObject({
  float: share.nullable(),
  fixed: share,
  relative: amount.nullable(),
  top5: share.nullable(),
  agreement: share.nullable(),
  fixed95: shares,
  relative95: amounts.nullable(),
  ties: count,
  mcnemar: z.looseObject({ onlyFloat: count, onlyFixed: count, pValue: share }).nullable(),
});

const agreement = z.looseObject({ share, share95: shares, top5: share.nullable(), ties: count });

const error = z.looseObject({ mae: amount, maxAbs: amount, sqnrDb: value.nullable() });

const resources = z.looseObject({ seconds: amount, peakMemoryBytes: amount });

const octave = z.int().min(-2000).max(2000);

const histogram = z.looseObject({
  octaves: z.array(z.looseObject({ integerBits: octave, negative: count, positive: count })).max(1000),
  zero: count,
  underflow: z.array(z.looseObject({ integerBits: octave, count })).max(1000),
});

const register = z.looseObject({
  format: text,
  overflow: count,
  first: anything.nullable(),
  min: value.nullable(),
  max: value.nullable(),
  energyPj: amount.optional(),
  unusedHighBits: z.int().min(0).max(4096).nullable(),
  unusedLowBits: z.int().min(0).max(4096).nullable().default(null),
  flushedToZero: count.nullable(),
  meanRoundingError: value.nullable(),
  expectedRoundingError: value.nullable().default(null),
  histogram: histogram.nullable().default(null),
});

/** At most as many entries as any layer has registers. */
function perRegister<Entry extends z.ZodType>(entry: Entry): z.ZodType<Record<string, z.infer<Entry>>> {
  return z
    .record(text, entry)
    .refine((registers) => Object.keys(registers).length <= 32, "more than 32 registers in a layer") as never;
}

const run = z.looseObject({
  schema: z.literal("macroscope/run/1"),
  configuration: anything,
  model: text,
  weights: text.nullable(),
  data: text,
  images: count,
  input: z.looseObject({
    preparation: text,
    shape: z.array(count),
    range: z.tuple([value, value]).nullable(),
    layout: text.nullable(),
    classes: text.nullable(),
  }),
  machine: text.nullable(),
  engine: text.nullable(),
  floatBackend: text.nullable(),
  accuracy: accuracy.nullable(),
  accuracyMissing: text.nullable(),
  agreement: agreement.nullable(),
  error: error.nullable(),
  cycles: z
    .looseObject({
      total: count,
      perImage: count,
      clockHz: amount,
      imagesPerSecond: amount,
      byUnit: z.record(text, z.looseObject({ busy: count, stalls: z.record(text, count), idle: count })),
    })
    .nullable(),
  energy: z
    .looseObject({
      totalPj: amount,
      perImagePj: amount,
      perImageSpreadPj: amounts,
      table: text,
      byComponent: z.record(text, amount),
    })
    .nullable(),
  overflow: z.looseObject({ total: count, compile: count }),
  layers: z
    .array(
      z.looseObject({
        name: text,
        kind: text,
        macs: count,
        cycles: count,
        energyPj: amount,
        utilization: amount,
        sqnrDb: value.nullable(),
        noise: z
          .looseObject({ ownSqnrDb: value.nullable(), outputSqnrDb: value.nullable(), gain: amount.nullable() })
          .nullable()
          .default(null),
        registers: perRegister(register),
      }),
    )
    .max(RESULT_LIMITS.layers),
  digest: text.nullable(),
  calibratedImages: count.exactOptional(),
  equalized: z
    .array(
      z.strictObject({
        layer: z.string(),
        scaled: count,
        channels: count,
        exponents: z.tuple([z.int(), z.int()]).readonly(),
      }),
    )
    .exactOptional(),
  observedImages: count,
  advice: text,
  notModelled: z.array(text).max(100),
  classes: z
    .array(z.looseObject({ class: count, images: count, fixed: share, float: share.nullable(), fixed95: shares }))
    .max(RESULT_LIMITS.records)
    .nullable()
    .default(null),
  resources,
});

const cost = z.looseObject({
  constantBits: amount,
  activationBits: amount,
  storedBits: amount,
  dspBlocks: amount,
  cyclesPerImage: amount,
  energyPjPerImage: amount,
});

const point = z.looseObject({
  datapath: text,
  wordLength: z.int().min(1).max(1024),
  fractionLength: z.union([z.int().min(-4096).max(4096), z.literal("auto")]),
  rounding: text,
  overflow: text.nullable(),
  subunit: text.nullable(),
  layers: z.array(text).max(RESULT_LIMITS.layers).nullable(),
  images: count,
  first: count.optional(),
});

const experimentEntry = z.looseObject({
  wordLength: value,
  fractionLength: value,
  figure: value.nullable(),
  figure95: z.tuple([value, value]).nullable(),
  subunit: text.nullable(),
  bottleneck: z.boolean(),
});

const experiment = z.looseObject({
  name: text,
  measure: text,
  tables: z
    .array(
      z.looseObject({
        paper: text,
        title: text,
        rowTitle: text,
        columns: z.array(text).max(1000),
        form: z.enum(["figure and fraction", "figure", "format"]),
        rows: z
          .array(
            z.looseObject({
              name: text,
              source: z.enum(["macroscope", "paper"]),
              entries: z.array(experimentEntry.nullable()).max(1000),
            }),
          )
          .max(RESULT_LIMITS.layers),
        notes: z.array(text).max(1000),
      }),
    )
    .max(100),
});

const sweep = z.looseObject({
  schema: z.literal("macroscope/sweep/1"),
  configuration: anything,
  request: anything,
  model: text,
  weights: text.nullable(),
  data: text,
  floatBackend: text,
  records: z
    .array(
      z.looseObject({
        key: text,
        point,
        result: z.looseObject({
          accuracy: accuracy.nullable(),
          agreement: agreement.nullable(),
          error,
          overflow: z.looseObject({
            total: count,
            compile: count,
            worst: z.looseObject({ layer: text, register: text, overflow: count }).nullable(),
          }),
          cost: cost.nullable(),
          digest: text.nullable(),
        }),
        seconds: amount,
      }),
    )
    .max(RESULT_LIMITS.records),
  refused: z
    .array(z.looseObject({ point, why: text }))
    .max(RESULT_LIMITS.records)
    .optional(),
  experiment: experiment.optional(),
  resources,
});

const span = z.looseObject({ data: text, span: z.looseObject({ first: count, images: count }) });

const measured = z.looseObject({
  images: count,
  figure: value,
  figure95: z.tuple([value, value]).nullable(),
  accuracy: accuracy.nullable(),
  agreement: agreement.nullable(),
  error,
  overflow: count,
  digest: text.nullable(),
});

const assignment = z.looseObject({
  name: text,
  assignment: anything,
  cost: cost.nullable(),
  search: measured,
  final: measured.nullable(),
});

const bits = z.looseObject({
  schema: z.literal("macroscope/bits/1"),
  configuration: anything,
  request: anything,
  model: text,
  weights: text.nullable(),
  floatBackend: text,
  target: z.looseObject({ kind: z.enum(TARGET_KINDS), value, margin: value }),
  objective: z.enum(OBJECTIVES),
  strategy: z.enum(STRATEGIES),
  search: span,
  final: span,
  uniform: assignment.nullable(),
  chosen: assignment.nullable(),
  kept: z.boolean(),
  alternative: assignment
    .extend({
      decision: z.looseObject({ first: count, images: count }),
      rest: z.looseObject({ first: count, images: count }),
    })
    .nullish(),
  trials: z
    .array(
      z.looseObject({
        key: text,
        change: text,
        images: count,
        figure: value,
        cost: cost.nullable(),
        verdict: z.enum(["kept", "missed"]),
        early: z.boolean(),
      }),
    )
    .max(RESULT_LIMITS.records),
  front: z.array(z.int().min(0)).max(RESULT_LIMITS.records),
  layers: z
    .array(
      z.looseObject({
        name: text,
        registers: perRegister(
          z.looseObject({
            format: text,
            observedIntegerBits: value.nullable(),
            provenIntegerBits: value.nullable(),
            identicalWordLength: value.nullable(),
            targetWordLength: value.nullable(),
            bottleneck: z.boolean(),
          }),
        ),
      }),
    )
    .max(RESULT_LIMITS.layers),
  resources,
});

/** Big integers: numbers where a double holds them, else decimal strings. */
const integer = z.union([value, z.string().regex(/^-?[0-9]{1,400}$/)]);

const word = { raw: integer, format: text, value };

const historyWord = z.looseObject({ ...word, exact: value.nullable(), rounded: integer.nullable() });

const parting = z.looseObject({
  image: count,
  layer: text.nullable(),
  element: z.array(value).max(8),
  a: z.looseObject(word),
  b: z.looseObject(word),
  step: value.nullable(),
  register: text,
  reason: text,
  explanation: text,
  history: z
    .array(
      z.looseObject({
        step: value,
        register: text,
        a: historyWord.nullable(),
        b: historyWord.nullable(),
        differs: z.boolean(),
      }),
    )
    .max(RESULT_LIMITS.records),
  rounding: z
    .looseObject({
      side: z.enum(["a", "b"]),
      different: count,
      tried: count,
      triedEqual: count,
      fits: z.array(z.looseObject({ register: text, rounding: text, modes: z.array(text).max(100) })).max(100),
    })
    .nullish(),
  layers: z
    .array(z.looseObject({ layer: text.nullable(), elements: count, different: count, largest: amount }))
    .max(RESULT_LIMITS.layers),
});

const layerNames = z.array(text).max(RESULT_LIMITS.layers);

const compare = z.looseObject({
  schema: z.literal("macroscope/compare/1"),
  sides: z
    .array(z.looseObject({ label: text, kind: text, machine: text.nullable(), configuration: anything.nullable() }))
    .max(100),
  model: text.nullable(),
  data: text.nullable(),
  images: count,
  equal: z.boolean(),
  pairs: z
    .array(
      z.looseObject({
        a: text,
        b: text,
        equal: z.boolean(),
        layers: layerNames,
        onlyInA: layerNames,
        onlyInB: layerNames,
        comparedByValue: z.array(text.nullable()).max(RESULT_LIMITS.layers),
        differentOutputs: count.nullable(),
        differentClasses: count.nullable(),
        coverage: z
          .array(
            z.looseObject({
              layer: text.nullable(),
              words: count,
              traced: count,
              ties: z.record(text, count).nullable(),
            }),
          )
          .max(RESULT_LIMITS.layers)
          .optional(),
        first: parting.nullable(),
      }),
    )
    .max(100),
  resources,
});

/** What each command's result must be, by its schema. */
export const RESULT_SCHEMAS: Readonly<Record<ResultSchema, z.ZodType>> = {
  "macroscope/run/1": run,
  "macroscope/sweep/1": sweep,
  "macroscope/bits/1": bits,
  "macroscope/compare/1": compare,
};
