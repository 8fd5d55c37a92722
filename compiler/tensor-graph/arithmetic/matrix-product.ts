/** Matrix products of float64 arrays with NumPy's rules for ranks: the definition behind MatMul and its integer forms. */
import { formatShape } from "../../graph/shape.ts";
import { nodeError } from "../node-access.ts";
import { requireShape } from "../tensor.ts";
import { broadcastIndex, broadcastShape } from "./broadcast.ts";

export interface MatrixProductShape {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  /** Axes before the matrices', of both together. */
  readonly batch: readonly number[];
  readonly aBatch: readonly number[];
  readonly bBatch: readonly number[];
  readonly output: readonly number[];
}

/** Shapes of a product: an operand of one axis is a row (a) or a column (b) that vanishes from the result. */
export function matrixProductShape(a: readonly number[], b: readonly number[]): MatrixProductShape {
  const aMatrix = a.length === 1 ? [1, ...a] : a;
  const bMatrix = b.length === 1 ? [...b, 1] : b;
  const [rows = 0, inner = 0] = aMatrix.slice(-2);
  const [height = 0, columns = 0] = bMatrix.slice(-2);
  if (a.length === 0 || b.length === 0 || inner !== height) {
    throw nodeError(
      "inputs",
      `found shapes ${formatShape(a)} and ${formatShape(b)}, which have no matrix product`,
      "the last axis of the first must be as long as the last but one of the second",
    );
  }
  const aBatch = aMatrix.slice(0, -2);
  const bBatch = bMatrix.slice(0, -2);
  const batch = broadcastShape([aBatch, bBatch]);
  const output = [...batch, ...(a.length === 1 ? [] : [rows]), ...(b.length === 1 ? [] : [columns])];
  requireShape(output);
  return { rows, inner, columns, batch, aBatch, bBatch, output };
}

/** The product, row-major, of shape `shape.output`. */
export function matrixProduct(a: Float64Array, b: Float64Array, shape: MatrixProductShape): Float64Array {
  const { rows, inner, columns, batch, aBatch, bBatch, output } = shape;
  const count = batch.reduce((total, size) => total * size, 1);
  const aIndex = broadcastIndex(aBatch, batch);
  const bIndex = broadcastIndex(bBatch, batch);
  const y = new Float64Array(output.reduce((total, size) => total * size, 1));
  if (y.length === 0) return y;
  for (let matrix = 0; matrix < count; matrix++) {
    multiplyInto(
      y.subarray(matrix * rows * columns, (matrix + 1) * rows * columns),
      a.subarray((aIndex?.[matrix] ?? matrix) * rows * inner),
      b.subarray((bIndex?.[matrix] ?? matrix) * inner * columns),
      rows,
      inner,
      columns,
    );
  }
  return y;
}

/** y[rows × columns] += a[rows × inner] · b[inner × columns]. */
export function multiplyInto(
  y: Float64Array,
  a: Float64Array,
  b: Float64Array,
  rows: number,
  inner: number,
  columns: number,
): void {
  multiplyBlock({ data: y, start: 0, stride: columns }, a, b, rows, inner, columns);
}

/** Rows of a matrix that lie `stride` elements apart. */
export interface StridedRows {
  readonly data: Float64Array;
  readonly start: number;
  readonly stride: number;
}

/** As `multiplyInto`, to rows of a larger matrix. Every element is one sum in the order of the inner index. */
export function multiplyBlock(
  { data, start, stride }: StridedRows,
  a: Float64Array,
  b: Float64Array,
  rows: number,
  inner: number,
  columns: number,
): void {
  if (columns === 0) return;
  let row = 0;
  for (; row + 2 <= rows; row += 2) {
    const target = start + row * stride;
    const upper = row * inner;
    const lower = upper + inner;
    let column = 0;
    // Sums of two rows by four columns stay in registers.
    for (; column + 4 <= columns; column += 4) {
      const top = target + column;
      const bottom = top + stride;
      let sum0 = data[top] as number;
      let sum1 = data[top + 1] as number;
      let sum2 = data[top + 2] as number;
      let sum3 = data[top + 3] as number;
      let sum4 = data[bottom] as number;
      let sum5 = data[bottom + 1] as number;
      let sum6 = data[bottom + 2] as number;
      let sum7 = data[bottom + 3] as number;
      for (let k = 0, from = column; k < inner; k++, from += columns) {
        const first = a[upper + k] as number;
        const second = a[lower + k] as number;
        const b0 = b[from] as number;
        const b1 = b[from + 1] as number;
        const b2 = b[from + 2] as number;
        const b3 = b[from + 3] as number;
        sum0 += first * b0;
        sum1 += first * b1;
        sum2 += first * b2;
        sum3 += first * b3;
        sum4 += second * b0;
        sum5 += second * b1;
        sum6 += second * b2;
        sum7 += second * b3;
      }
      data[top] = sum0;
      data[top + 1] = sum1;
      data[top + 2] = sum2;
      data[top + 3] = sum3;
      data[bottom] = sum4;
      data[bottom + 1] = sum5;
      data[bottom + 2] = sum6;
      data[bottom + 3] = sum7;
    }
    for (; column < columns; column++) {
      let sum0 = data[target + column] as number;
      let sum1 = data[target + stride + column] as number;
      for (let k = 0, from = column; k < inner; k++, from += columns) {
        const factor = b[from] as number;
        sum0 += (a[upper + k] as number) * factor;
        sum1 += (a[lower + k] as number) * factor;
      }
      data[target + column] = sum0;
      data[target + stride + column] = sum1;
    }
  }
  if (row === rows) return;
  const target = start + row * stride;
  for (let k = 0; k < inner; k++) {
    const factor = a[row * inner + k] as number;
    const from = k * columns;
    for (let column = 0; column < columns; column++) {
      data[target + column] = (data[target + column] as number) + factor * (b[from + column] as number);
    }
  }
}

/** A matrix with rows and columns exchanged. */
export function transposedMatrix(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(rows * columns);
  if (result.length === 0) return result;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = matrix[row * columns + column] as number;
    }
  }
  return result;
}
