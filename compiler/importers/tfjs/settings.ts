/** Settings that several classes of layers share, as schemas. A setting that is missing or null has Keras's default. */
import { z } from "zod";

/** A positive size. Far above any real kernel, far below what disturbs an address. */
export const size: z.ZodType<number> = z
  .int()
  .min(1)
  .max(2 ** 20);

export type Pair = readonly [rows: number, columns: number];

const isPair = (value: unknown): value is Pair =>
  Array.isArray(value) && value.length === 2 && value.every((item) => size.safeParse(item).success);

/** A positive integer for both axes, or [rows, columns]. */
export const pair: z.ZodType<Pair> = z
  .custom<number | Pair>((value) => size.safeParse(value).success || isPair(value), {
    error: "expected a positive integer or [rows, columns]",
  })
  .transform((value): Pair => (typeof value === "number" ? [value, value] : value));

/** As `pair`, or nothing. */
export const optionalPair: z.ZodType<Pair | null | undefined> = pair.nullish();

/** As `pair`, or nothing: of a sequence's layer, whose one size is that of the columns of an image of one row. */
export const optionalExtent = (axes: 1 | 2): z.ZodType<Pair | null | undefined> =>
  axes === 2 ? optionalPair : single.nullish();

export const extent = (axes: 1 | 2): z.ZodType<Pair> => (axes === 2 ? pair : single);

const single: z.ZodType<Pair> = z
  .custom<number | readonly [number]>(
    (value) =>
      size.safeParse(value).success || (Array.isArray(value) && value.length === 1 && size.safeParse(value[0]).success),
    { error: "expected a positive integer" },
  )
  .transform((value): Pair => [1, typeof value === "number" ? value : value[0]]);

/** true and false, as some writers have it 1 and 0. */
export const flag = (byDefault: boolean): z.ZodType<boolean> =>
  z
    .union([z.boolean(), z.literal([0, 1])], { error: "expected true or false" })
    .nullish()
    .transform((value) => (value === null || value === undefined ? byDefault : Boolean(value)));

/** A finite number. */
export const numeric = (byDefault: number): z.ZodType<number> =>
  z
    .number()
    .nullish()
    .transform((value) => value ?? byDefault);

/** Axis order [rows, columns, channels]. */
export const channelsLast: z.ZodType<unknown> = z
  .literal("channels_last", { error: 'expected "channels_last"' })
  .nullish();

export const windowPadding: z.ZodType<"valid" | "same"> = z
  .enum(["valid", "same"])
  .nullish()
  .transform((value) => value ?? "valid");

/** One axis, of which 0 is the batch; the last one where nothing is said. */
export const axis: z.ZodType<number> = z
  .custom<number | readonly [number]>(
    (value) => Number.isInteger(value) || (Array.isArray(value) && value.length === 1 && Number.isInteger(value[0])),
    { error: "expected one axis" },
  )
  .nullish()
  .transform((value) => (typeof value === "number" ? value : (value?.[0] ?? -1)));
