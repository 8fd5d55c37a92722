/** What a result says of the network's input: how stored elements became it, and which values came out. */
import type { Dataset } from "../datasets/dataset.ts";
import { shapeText } from "../datasets/image-shape.ts";
import type { ResolvedPreprocessing } from "../datasets/preprocessing/preprocessing.ts";
import type { InputEntry } from "../results/run-report.ts";

/** Names of classes that are listed; of more only the first and the last. */
const LISTED_CLASSES = 4;

export function inputEntry(data: Dataset, range: InputEntry["range"]): InputEntry {
  const { preprocessing, layout, classNames } = data;
  return {
    preparation: preparationText(preprocessing),
    shape: data.shape,
    range,
    layout: layout.guessed
      ? `${layout.order}, guessed from ${shapeText(layout.stored)}; --layout says another`
      : layout.order === "picture"
        ? null
        : layout.order,
    classes: classNames === undefined ? null : classesText(classNames),
  };
}

/** In the order in which it happens, e.g. `resized to 256, cropped to 224 × 224, BGR, × 1, − 104, 117, 123`. */
function preparationText(preprocessing: ResolvedPreprocessing): string {
  const { resize, crop, colour, scale, offset, inputShift } = preprocessing;
  const offsets = typeof offset === "number" ? [offset] : offset;
  return [
    ...(resize === null
      ? []
      : [
          "shorterSide" in resize
            ? `shorter side resized to ${resize.shorterSide}`
            : `resized to ${resize.rows} × ${resize.columns}`,
        ]),
    ...(crop === null ? [] : [`cropped to ${crop.rows} × ${crop.columns}`]),
    ...(colour === "stored" ? [] : [colour === "grey" ? "grey" : colour.toUpperCase()]),
    `× ${(typeof scale === "number" ? [scale] : scale).map(factorText).join(", ")}`,
    ...(offsets.every((value) => value === 0) ? [] : [`+ ${offsets.map(shortText).join(", ")}`]),
    ...(inputShift === 0 ? [] : [`· 2^${-inputShift}`]),
  ].join(", ");
}

/** `1/256` where the factor is one over a whole number. */
function factorText(factor: number): string {
  const whole = Math.round(1 / factor);
  return whole > 1 && 1 / whole === factor ? `1/${whole}` : shortText(factor);
}

function shortText(value: number): string {
  return String(Number(value.toPrecision(5))).replace("-", "−");
}

function classesText(names: readonly string[]): string {
  const named = names.map((name, index) => `${index} ${name}`);
  const shown =
    named.length <= LISTED_CLASSES ? named : [...named.slice(0, LISTED_CLASSES - 1), "…", named.at(-1) ?? ""];
  return shown.join(", ");
}
