/** The result of `run` as design/interface.md lays it down, field by field. */
import { z } from "zod";
import type { RunReport } from "../../../runtime/results/run-report.ts";

const share = z.number().min(0).max(1);
const count = z.int().min(0);
const amount = z.number().min(0);
const interval = z.tuple([z.number(), z.number()]);
const raw = z.union([z.int(), z.string().regex(/^-?[0-9]+$/)]);

const first = z.strictObject({
  image: count,
  step: z.int().min(-1),
  before: raw,
  after: raw,
  element: z.array(count).min(1).max(3),
  instruction: count.optional(),
  cycle: count.optional(),
  row: count.optional(),
  column: count.optional(),
});

const register = z.strictObject({
  format: z.string().regex(/^u?[0-9]+,-?[0-9]+ [a-z-]+ [a-z-]+(:[0-9]+)?( (ap|ac))?$/),
  overflow: count,
  first: first.nullable(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  unusedHighBits: count.nullable(),
  energyPj: amount.optional(),
  flushedToZero: count.nullable(),
  unusedLowBits: count.nullable(),
  meanRoundingError: z.number().nullable(),
  expectedRoundingError: z.number().nullable(),
  histogram: z
    .strictObject({
      octaves: z.array(z.strictObject({ integerBits: z.int(), negative: count, positive: count })),
      zero: count,
      underflow: z.array(z.strictObject({ integerBits: z.int(), count })),
    })
    .nullable(),
});

const registerName = z.enum(["input", "weight", "product", "accumulator", "sum", "bias", "output"]);

const layer = z.strictObject({
  name: z.string(),
  kind: z.string(),
  datapath: z.record(z.string(), z.union([z.string(), z.boolean()])),
  macs: count,
  cycles: count,
  formula: z.string(),
  energyPj: amount,
  utilization: share,
  sqnrDb: z.number().nullable(),
  noise: z
    .strictObject({
      ownSqnrDb: z.number().nullable(),
      outputSqnrDb: z.number().nullable(),
      gain: amount.nullable(),
    })
    .nullable(),
  doubleRounding: z.boolean(),
  recurrent: z.strictObject({ layer: z.string(), step: z.int().nonnegative().exactOptional() }).exactOptional(),
  table: z
    .strictObject({
      entries: count,
      wordLength: count,
      droppedBits: count,
      interpolated: z.boolean(),
      range: z.strictObject({ min: z.number(), max: z.number() }),
      largestError: amount,
      largestErrorLastPlaces: amount,
      sqnrDb: z.number().nullable(),
      clipped: count,
    })
    .optional(),
  registers: z.partialRecord(registerName, register),
});

const unit = z.strictObject({ busy: count, stalls: z.record(z.string(), count), idle: count });

const runResultSchema = z.strictObject({
  schema: z.literal("macroscope/run/1"),
  configuration: z.record(z.string(), z.unknown()),
  model: z.string(),
  weights: z.string().nullable(),
  data: z.string(),
  images: count,
  input: z.strictObject({
    preparation: z.string().min(1),
    shape: z.array(count).length(3),
    range: z.tuple([z.number(), z.number()]).nullable(),
    layout: z.string().nullable(),
    classes: z.string().nullable(),
  }),
  machine: z.string().nullable(),
  engine: z.string().nullable(),
  floatBackend: z.string().nullable(),
  accuracy: z
    .strictObject({
      float: share.nullable(),
      fixed: share,
      relative: amount.nullable(),
      top5: share.nullable(),
      agreement: share.nullable(),
      fixed95: interval,
      relative95: interval.nullable(),
      ties: count,
      mcnemar: z.strictObject({ onlyFloat: count, onlyFixed: count, pValue: share }).nullable(),
    })
    .nullable(),
  accuracyMissing: z.string().nullable(),
  agreement: z.strictObject({ share, share95: interval, top5: share.nullable(), ties: count }).nullable(),
  classes: z
    .array(z.strictObject({ class: count, images: count, fixed: share, float: share.nullable(), fixed95: interval }))
    .nullable(),
  error: z.strictObject({ mae: amount, maxAbs: amount, sqnrDb: z.number().nullable() }).nullable(),
  cycles: z
    .strictObject({
      total: count,
      perImage: count,
      clockHz: count,
      imagesPerSecond: amount,
      byUnit: z.strictObject({ load: unit, compute: unit, store: unit }),
    })
    .nullable(),
  energy: z
    .strictObject({
      totalPj: amount,
      perImagePj: amount,
      perImageSpreadPj: interval,
      table: z.string(),
      byComponent: z.record(z.string(), amount),
    })
    .nullable(),
  overflow: z.strictObject({ total: count, compile: count }),
  layers: z.array(layer).min(1),
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  observedImages: count,
  calibratedImages: count.optional(),
  advice: z.string().min(1),
  notModelled: z.array(z.string()),
  resources: z.strictObject({ seconds: amount, peakMemoryBytes: z.int().positive() }),
});

/** The result, after every field was checked; throws what is wrong with it. */
export function checkedResult(value: unknown): RunReport {
  return runResultSchema.parse(value) as unknown as RunReport;
}
