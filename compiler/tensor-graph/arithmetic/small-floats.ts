/** 16-bit floats, which the tensor graph holds as float32. */

/** IEEE 754 binary16: one sign, five exponent and ten fraction bits. */
export function fromFloat16(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/** The upper half of a float32. */
export function fromBfloat16(half: number): number {
  bits[0] = half << 16;
  return float[0] ?? 0;
}

/** The nearest binary16, ties to even. */
export function roundToFloat16(value: number): number {
  return roundToPrecision(value, 11, -24, 65504);
}

/** The nearest bfloat16, ties to even. */
export function roundToBfloat16(value: number): number {
  return roundToPrecision(value, 8, -133, 255 * 2 ** 120);
}

/** To `precision` significant bits, no step finer than 2^lowest; beyond `greatest` and half a step, infinity. */
function roundToPrecision(value: number, precision: number, lowest: number, greatest: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const magnitude = Math.abs(value);
  let exponent = Math.floor(Math.log2(magnitude));
  // log2 may err by one unit beside a power of two.
  if (2 ** exponent > magnitude) exponent--;
  else if (2 ** (exponent + 1) <= magnitude) exponent++;
  const step = 2 ** Math.max(lowest, exponent - precision + 1);
  const scaled = magnitude / step;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 === 1);
  const rounded = (floor + (up ? 1 : 0)) * step;
  return Math.sign(value) * (rounded > greatest ? Number.POSITIVE_INFINITY : rounded);
}
