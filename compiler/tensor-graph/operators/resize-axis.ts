/**
 * Resize along one axis: for every output position the input positions it reads, with weights. Coordinates are float32, as
 * the runtimes compute them: a scale such as 1/3 is one, and its quotient must be a whole number again.
 */
export const COORDINATE_MODES = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "tf_half_pixel_for_nn",
  "tf_crop_and_resize",
] as const;

/** Where an output position lies in the input. */
export type CoordinateMode = (typeof COORDINATE_MODES)[number];

export const NEAREST_MODES = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] as const;

/** `scale`: up where the input shrinks, else down, as Resize of opset 10 and Upsample. */
export type NearestMode = (typeof NEAREST_MODES)[number] | "scale";

export interface ResizeSettings {
  readonly mode: "nearest" | "linear" | "cubic";
  readonly coordinates: CoordinateMode;
  readonly nearest: NearestMode;
  /** Coefficient a of the cubic. */
  readonly cubic: number;
  /** Positions outside the input weigh nothing; the others are scaled up. */
  readonly excludeOutside: boolean;
}

export interface ResizeAxis {
  readonly input: number;
  readonly output: number;
  readonly scale: number;
  /** `scale` × `input`, or `output` where sizes were asked for: the length that coordinates are counted by. */
  readonly length: number;
  /** Part of the input that `tf_crop_and_resize` reads, in parts of 1. */
  readonly region: readonly [start: number, end: number];
}

/** Readings of all output positions: `taps` per position. */
export interface AxisReadings {
  readonly taps: number;
  readonly positions: Int32Array;
  readonly weights: Float64Array;
  /** 1 where the output position lies outside the input and is extrapolated. */
  readonly outside: Uint8Array;
}

export function resizeReadings(axis: ResizeAxis, settings: ResizeSettings): AxisReadings {
  const taps = settings.mode === "nearest" ? 1 : settings.mode === "linear" ? 2 : 4;
  const readings = {
    taps,
    positions: new Int32Array(taps * axis.output),
    weights: new Float64Array(taps * axis.output),
    outside: new Uint8Array(axis.output),
  };
  for (let output = 0; output < axis.output; output++) {
    const place = coordinate(output, axis, settings.coordinates);
    const beyond = place < 0 || place > axis.input - 1;
    readings.outside[output] = settings.coordinates === "tf_crop_and_resize" && beyond ? 1 : 0;
    const [first, weights] = tapsAt(place, axis, settings);
    let total = 0;
    for (const [tap, weight] of weights.entries()) {
      const position = first + tap;
      const inside = position >= 0 && position < axis.input;
      const used = settings.excludeOutside && !inside ? 0 : weight;
      total += used;
      readings.positions[output * taps + tap] = Math.min(Math.max(position, 0), axis.input - 1);
      readings.weights[output * taps + tap] = used;
    }
    if (!settings.excludeOutside) continue;
    for (let tap = 0; tap < taps; tap++) {
      readings.weights[output * taps + tap] = (readings.weights[output * taps + tap] as number) / total;
    }
  }
  return readings;
}

function coordinate(output: number, axis: ResizeAxis, mode: CoordinateMode): number {
  return Math.fround(COORDINATES[mode](output, axis));
}

const COORDINATES: Readonly<Record<CoordinateMode, (output: number, axis: ResizeAxis) => number>> = {
  half_pixel: halfPixel,
  half_pixel_symmetric: (output, axis) => (axis.input / 2) * (1 - axis.output / axis.length) + halfPixel(output, axis),
  pytorch_half_pixel: (output, axis) => (axis.output > 1 ? halfPixel(output, axis) : 0),
  align_corners: (output, { input, length }) => (length === 1 ? 0 : (output * (input - 1)) / (length - 1)),
  asymmetric: (output, { scale }) => output / scale,
  tf_half_pixel_for_nn: (output, { scale }) => (output + 0.5) / scale,
  tf_crop_and_resize: (output, { input, output: count, region: [start, end] }) =>
    count > 1
      ? start * (input - 1) + (output * (end - start) * (input - 1)) / (count - 1)
      : 0.5 * (start + end) * (input - 1),
};

function halfPixel(output: number, { scale }: ResizeAxis): number {
  return Math.fround((output + 0.5) / scale) - 0.5;
}

function tapsAt(place: number, axis: ResizeAxis, settings: ResizeSettings): readonly [number, readonly number[]] {
  const floor = Math.floor(place);
  const rest = place - floor;
  switch (settings.mode) {
    case "nearest":
      return [nearestPosition(place, axis, settings.nearest), [1]];
    case "linear":
      return [floor, [1 - rest, rest]];
    case "cubic":
      return [floor - 1, cubicWeights(rest, settings.cubic)];
  }
}

function nearestPosition(place: number, { scale }: ResizeAxis, mode: NearestMode): number {
  switch (mode) {
    case "floor":
      return Math.floor(place);
    case "ceil":
      return Math.ceil(place);
    case "round_prefer_floor":
      return Math.ceil(place - 0.5);
    case "round_prefer_ceil":
      return Math.floor(place + 0.5);
    case "scale":
      return scale < 1 ? Math.ceil(place) : Math.floor(place);
  }
}

/** Keys' cubic of coefficient `a` at distances 1 + rest, rest, 1 − rest, 2 − rest. */
function cubicWeights(rest: number, a: number): readonly number[] {
  const near = (distance: number): number => ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  const far = (distance: number): number => ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a;
  return [far(1 + rest), near(rest), near(1 - rest), far(2 - rest)];
}
