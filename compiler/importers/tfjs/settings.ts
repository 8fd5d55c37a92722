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

export const flag = (byDefault: boolean): z.ZodType<boolean> =>
  z
    .boolean()
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

export type ActivationName = "linear" | "relu" | "relu6" | "softmax";

export const activationName: z.ZodType<ActivationName> = z
  .enum(["linear", "relu", "relu6", "softmax"])
  .nullish()
  .transform((value) => value ?? "linear");

/** An axis that must be the last one of the value, checked once the shape is known. */
export const axis: z.ZodType<number> = z
  .custom<number | readonly [number]>(
    (value) => Number.isInteger(value) || (Array.isArray(value) && value.length === 1 && Number.isInteger(value[0])),
    { error: "expected one axis" },
  )
  .nullish()
  .transform((value) => (typeof value === "number" ? value : (value?.[0] ?? -1)));
