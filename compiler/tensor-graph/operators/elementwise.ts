/** Operators that work element by element: how inputs meet, in numbers and in bigint. */
import { broadcastIndex, broadcastShape } from "../arithmetic/broadcast.ts";
import { nodeError, requiredInput } from "../node-access.ts";
import type { OperatorInputs } from "../operator.ts";
import { describeTensor, isBig, type TensorOf, zeros } from "../tensor.ts";
import type { AnyTensor, ElementType, TensorNode } from "../tensor-graph.ts";

/** A function of two elements, for numbers and for 64-bit integers. Results wrap as the element type does. */
export interface BinaryFunction {
  readonly number: (a: number, b: number) => number;
  readonly bigint: (a: bigint, b: bigint) => bigint;
}

/** Both of one type, brought to a common shape; the result has `type`, by default theirs. */
export function broadcastBinary(a: AnyTensor, b: AnyTensor, { number, bigint }: BinaryFunction): AnyTensor {
  requireSameType([a, b]);
  const shape = broadcastShape([a.shape, b.shape]);
  const indexA = broadcastIndex(a.shape, shape);
  const indexB = broadcastIndex(b.shape, shape);
  const result = zeros(a.type as ElementType, shape);
  const count = result.data.length;
  if (isBig(a) && isBig(b) && isBig(result)) {
    const [dataA, dataB, data]: readonly (BigInt64Array | BigUint64Array)[] = [a.data, b.data, result.data];
    if (dataA === undefined || dataB === undefined || data === undefined) return result;
    for (let i = 0; i < count; i++) {
      data[i] = bigint(
        dataA[indexA === null ? i : (indexA[i] ?? 0)] ?? 0n,
        dataB[indexB === null ? i : (indexB[i] ?? 0)] ?? 0n,
      );
    }
  } else if (!isBig(a) && !isBig(b) && !isBig(result)) {
    const dataA: ArrayLike<number> = a.data;
    const dataB: ArrayLike<number> = b.data;
    const { data } = result;
    for (let i = 0; i < count; i++) {
      data[i] = number(
        dataA[indexA === null ? i : (indexA[i] ?? 0)] ?? 0,
        dataB[indexB === null ? i : (indexB[i] ?? 0)] ?? 0,
      );
    }
  }
  return result;
}

/** A question about two elements of one type, answered as bool. */
export function broadcastTest(
  a: AnyTensor,
  b: AnyTensor,
  test: (a: number | bigint, b: number | bigint) => boolean,
): TensorOf<"bool"> {
  requireSameType([a, b]);
  const shape = broadcastShape([a.shape, b.shape]);
  const indexA = broadcastIndex(a.shape, shape);
  const indexB = broadcastIndex(b.shape, shape);
  const result = zeros("bool", shape);
  for (let i = 0; i < result.data.length; i++) {
    const left = a.data[indexA === null ? i : (indexA[i] ?? 0)] ?? 0;
    const right = b.data[indexB === null ? i : (indexB[i] ?? 0)] ?? 0;
    result.data[i] = test(left, right) ? 1 : 0;
  }
  return result;
}

/** The function of every element; the result has the input's type. */
export function mapNumbers(input: AnyTensor, map: (value: number) => number): AnyTensor {
  const result = zeros(input.type as ElementType, input.shape);
  if (isBig(input) || isBig(result)) throw integersRefused(input);
  const from: ArrayLike<number> = input.data;
  const { data } = result;
  for (let i = 0; i < data.length; i++) data[i] = map(from[i] ?? 0);
  return result;
}

/** The same for numbers and for 64-bit integers. */
export function mapElements(
  input: AnyTensor,
  number: (value: number) => number,
  bigint: (value: bigint) => bigint,
): AnyTensor {
  if (!isBig(input)) return mapNumbers(input, number);
  const result = zeros(input.type as "int64" | "uint64", input.shape);
  const from: BigInt64Array | BigUint64Array = input.data;
  const to: BigInt64Array | BigUint64Array = result.data;
  for (let i = 0; i < to.length; i++) to[i] = bigint(from[i] ?? 0n);
  return result;
}

/** For `infer`: the result has type and shape of the first input. */
export function likeFirst(_node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  return [requiredInput(inputs, 0, "X")];
}

/** For `infer`: the result has the first input's type, and the shape to which all broadcast. */
export function likeBroadcast(_node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const tensors = inputs.map((_input, position) => requiredInput(inputs, position, `${position}`));
  requireSameType(tensors);
  return [zeros(requiredInput(inputs, 0, "0").type as ElementType, broadcastShape(tensors.map(({ shape }) => shape)))];
}

/** Throws `DiagnosticError` unless all tensors have one element type. */
export function requireSameType(tensors: readonly AnyTensor[]): void {
  const types = [...new Set(tensors.map(({ type }) => type))];
  if (types.length < 2) return;
  throw nodeError("inputs", `found elements of types ${types.join(" and ")}, expected one type`, "convert with Cast");
}

function integersRefused(input: AnyTensor): Error {
  return nodeError("input", `found ${describeTensor(input)}, expected floats`, "convert it with Cast");
}
