/** Settings of sliding windows, which TensorFlow gives for all four axes. */
import type { Padding } from "../../../graph/graph.ts";
import { formatShape } from "../../../graph/shape.ts";
import type { Pair } from "../settings.ts";
import { nodeError } from "../values/node-error.ts";
import { type SlidingWindow, windowPaddingOf } from "../windows.ts";
import { integersAttribute, type NodePlace, textAttribute } from "./attributes.ts";

/** Throws `DiagnosticError` for images with channels before rows. */
export function channelsLastOnly(place: NodePlace): void {
  const format = textAttribute(place, "data_format", "NHWC");
  if (format === "NHWC") return;
  throw nodeError(
    place,
    "attribute data_format",
    `found ${JSON.stringify(format.slice(0, 20))}, expected "NHWC"`,
    "convert the model with channels in the last axis",
  );
}

/** Rows and columns of an attribute [1, rows, columns, 1]; 1 and 1 where it is absent. */
export function pairAttribute(place: NodePlace, name: string): Pair {
  const values = integersAttribute(place, name) ?? [1, 1, 1, 1];
  const [batch, rows = 0, columns = 0, channels] = values;
  if (values.length === 4 && batch === 1 && channels === 1 && rows >= 1 && columns >= 1) return [rows, columns];
  throw nodeError(
    place,
    `attribute ${name}`,
    `found ${formatShape(values)}, expected [1, rows, columns, 1], positive`,
    "the machine's windows move along rows and columns",
  );
}

export type PaddingKind = "valid" | "same" | "explicit";

const KINDS: Readonly<Record<string, PaddingKind>> = { VALID: "valid", SAME: "same", EXPLICIT: "explicit" };

export function paddingKind(place: NodePlace): PaddingKind {
  const text = textAttribute(place, "padding", "VALID");
  const kind = Object.hasOwn(KINDS, text) ? KINDS[text] : undefined;
  if (kind !== undefined) return kind;
  const what = `found ${JSON.stringify(text.slice(0, 20))}, expected SAME, VALID or EXPLICIT`;
  throw nodeError(place, "attribute padding", what, "export the model again");
}

export function paddingOf(place: NodePlace, window: SlidingWindow): Padding {
  const kind = paddingKind(place);
  return kind === "explicit" ? explicitPadding(place) : windowPaddingOf(kind, window);
}

/** `explicit_paddings`: before and after, of batch, rows, columns and channels. */
export function explicitPadding(place: NodePlace): Padding {
  const values = integersAttribute(place, "explicit_paddings") ?? [];
  const [front, back, top = -1, bottom = -1, left = -1, right = -1, before, after] = values;
  const isPlain = values.length === 8 && [front, back, before, after].every((value) => value === 0);
  if (isPlain && Math.min(top, bottom, left, right) >= 0) return { top, bottom, left, right };
  const what = `found ${formatShape(values.slice(0, 8))}, expected eight numbers from 0 up, those of batch and channels 0`;
  throw nodeError(place, "attribute explicit_paddings", what, "export the model again");
}
