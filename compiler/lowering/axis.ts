/** One axis of an image under a sliding window: which input positions a run of outputs needs. */

export interface WindowAxis {
  /** Positions of the input. */
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before the first input position. */
  readonly before: number;
}

/** A run of input positions to load, with zeros around them. */
export interface AxisBlock {
  readonly source: number;
  readonly sourceCount: number;
  readonly padBefore: number;
  readonly padAfter: number;
  /** Positions in the block before the first one that was asked for. */
  readonly skip: number;
}

/** Positions of a block, padding included. */
export function blockLength({ sourceCount, padBefore, padAfter }: AxisBlock): number {
  return sourceCount + padBefore + padAfter;
}

/**
 * The block of `count` ≥ 1 consecutive positions from `first`, which may lie outside 0 … length − 1. A block has at least
 * one source position: where all asked for are padding it is longer by the nearest one, which nobody reads.
 */
export function axisBlock(first: number, count: number, length: number): AxisBlock {
  const end = first + count;
  if (end <= 0) return { source: 0, sourceCount: 1, padBefore: count, padAfter: 0, skip: 0 };
  if (first >= length) return { source: length - 1, sourceCount: 1, padBefore: 0, padAfter: count, skip: 1 };
  const source = Math.max(first, 0);
  const sourceEnd = Math.min(end, length);
  return { source, sourceCount: sourceEnd - source, padBefore: source - first, padAfter: end - sourceEnd, skip: 0 };
}

/** Positions between the first and the last that `count` neighbouring outputs read, both included. */
export function windowSpan({ kernel, stride, dilation }: WindowAxis, count: number): number {
  return (count - 1) * stride + (kernel - 1) * dilation + 1;
}

/** Block of the outputs first … first + count − 1 over the whole kernel. */
export function windowBlock(axis: WindowAxis, first: number, count: number): AxisBlock {
  return axisBlock(first * axis.stride - axis.before, windowSpan(axis, count), axis.input);
}

/** Block of the same outputs at one kernel position. */
export function positionBlock(axis: WindowAxis, first: number, count: number, position: number): AxisBlock {
  const start = first * axis.stride - axis.before + position * axis.dilation;
  return axisBlock(start, (count - 1) * axis.stride + 1, axis.input);
}

/** Consecutive positions, or steps. */
export interface Span {
  readonly first: number;
  readonly count: number;
}

/** Tiles of `size` along `total` positions; the last may be smaller. */
export function tilesAlong(total: number, size: number): readonly Span[] {
  return Array.from({ length: Math.ceil(total / size) }, (_, index) => {
    const first = index * size;
    return { first, count: Math.min(size, total - first) };
  });
}

/** Number and sizes of equal tiles with a smaller last one: what a sum over tiles needs. */
export function tileSizes(total: number, size: number): readonly { readonly count: number; readonly size: number }[] {
  const whole = Math.floor(total / size);
  const rest = total - whole * size;
  return [...(whole > 0 ? [{ count: whole, size }] : []), ...(rest > 0 ? [{ count: 1, size: rest }] : [])];
}

const FINE_DIVISIONS = 8;

/**
 * Tile sizes worth trying along an axis, largest first: `total` cut into 1, 2, … 8 parts and then into ever more, by a
 * quarter each time, as evenly as multiples of `multiple` allow.
 */
export function candidateSizes(total: number, multiple = 1): readonly number[] {
  const sizes = new Set<number>();
  for (let parts = 1; parts <= total; parts = parts < FINE_DIVISIONS ? parts + 1 : Math.ceil(parts * 1.25)) {
    sizes.add(Math.min(total, Math.ceil(Math.ceil(total / parts) / multiple) * multiple));
  }
  if (multiple === 1) sizes.add(1);
  return [...sizes];
}
