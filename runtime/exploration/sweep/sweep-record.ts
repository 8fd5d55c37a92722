/** A record of a sweep as its journal holds it, which anyone may have written. */
import { z } from "zod";
import type { SweepRecord } from "../../results/sweep-report.ts";

const count = z.int().min(0);
const share = z.number();
const interval = z.tuple([z.number(), z.number()]);
/** JSON has no infinity. */
const error = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.POSITIVE_INFINITY);

const point = z.strictObject({
  datapath: z.string(),
  wordLength: count,
  fractionLength: z.union([z.int(), z.literal("auto")]),
  rounding: z.string(),
  overflow: z.string().nullable(),
  subunit: z.string().nullable(),
  layers: z.array(z.string()).nullable(),
  images: count,
  first: count.exactOptional(),
});

const accuracy = z.strictObject({
  float: share.nullable(),
  fixed: share,
  relative: z.number().nullable(),
  top5: share.nullable(),
  agreement: share.nullable(),
  fixed95: interval,
  relative95: interval.nullable(),
  ties: count,
  mcnemar: z.strictObject({ onlyFloat: count, onlyFixed: count, pValue: z.number() }).nullable(),
});

const result = z.strictObject({
  accuracy: accuracy.nullable(),
  agreement: z.strictObject({ share, share95: interval, top5: share.nullable(), ties: count }).nullable(),
  error: z.strictObject({ mae: error, maxAbs: error, sqnrDb: z.number().nullable() }),
  overflow: z.strictObject({
    total: count,
    compile: count,
    worst: z.strictObject({ layer: z.string(), register: z.string(), overflow: count }).nullable(),
  }),
  cost: z
    .strictObject({
      constantBits: count,
      activationBits: count,
      storedBits: count,
      dspBlocks: count,
      cyclesPerImage: count,
      energyPjPerImage: z.number(),
    })
    .nullable(),
  digest: z.string().nullable(),
});

const record: z.ZodType<SweepRecord> = z.strictObject({
  key: z.string().regex(/^[0-9a-f]{64}$/),
  point,
  result,
  seconds: z.number().min(0),
});

/** Null for what is no record. */
export function readSweepRecord(value: unknown): SweepRecord | null {
  const parsed = record.safeParse(value);
  return parsed.success ? parsed.data : null;
}
