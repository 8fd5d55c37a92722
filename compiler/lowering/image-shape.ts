/** Shapes of values as the machine sees them. */

/** Rows, columns, channels of a value: a vector is one pixel. */
export function imageShape(shape: readonly number[]): readonly [rows: number, columns: number, channels: number] {
  const [rows = 1, columns = 1, channels] = shape;
  return channels === undefined
    ? [1, 1, shape.reduce((product, size) => product * size, 1)]
    : [rows, columns, channels];
}
