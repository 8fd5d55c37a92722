/** Matrix products of float64 arrays with NumPy's rules for ranks: the definition behind MatMul and its integer forms. */
import { formatShape } from "../graph/shape.ts";
import { broadcastIndex, broadcastShape } from "./broadcast.ts";
import { nodeError } from "./node-access.ts";
import { requireShape } from "./tensor.ts";

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
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    for (let k = 0; k < inner; k++) {
      const factor = a[row * inner + k] as number;
      const source = k * columns;
      for (let column = 0; column < columns; column++) {
        y[start + column] = (y[start + column] as number) + factor * (b[source + column] as number);
      }
    }
  }
}

/** A matrix with rows and columns exchanged. */
export function transposedMatrix(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = matrix[row * columns + column] as number;
    }
  }
  return result;
}
