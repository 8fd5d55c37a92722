/** Rows, columns, channels of one image. */
export type ImageShape = readonly [rows: number, columns: number, channels: number];

/** Elements of one image. */
export function elementsOf([rows, columns, channels]: ImageShape): number {
  return rows * columns * channels;
}

/** `28 × 28 × 1`. */
export function shapeText(shape: readonly number[]): string {
  return shape.join(" × ");
}
