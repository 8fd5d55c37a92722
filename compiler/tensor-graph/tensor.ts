/** Making and reading tensors of the tensor graph. */
import { diagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import { elementCount, formatShape, MAXIMUM_ELEMENTS } from "../graph/shape.ts";
import type { AnyTensor, ElementArrays, ElementType, TypedTensor } from "./tensor-graph.ts";

/** Tensors of the types `Type`. */
export type TensorOf<Type extends ElementType> = Extract<AnyTensor, { readonly type: Type }>;

/** Elements that JavaScript holds as bigint. */
export type BigTensor = TensorOf<"int64" | "uint64">;

export const ELEMENT_ARRAYS: { readonly [Type in ElementType]: new (length: number) => ElementArrays[Type] } = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** Bytes of an element in these arrays. */
export const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float64: 8,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  bool: 1,
};

export const FLOAT_TYPES: readonly ("float32" | "float64")[] = ["float32", "float64"];

/** Every type but bool. */
export const NUMBER_TYPES: readonly Exclude<ElementType, "bool">[] = [
  ...FLOAT_TYPES,
  ...(["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"] as const),
];

/** A tensor of zeros. Throws `DiagnosticError` for sizes no tensor may have, before memory is taken. */
export function zeros<Type extends ElementType>(type: Type, shape: readonly number[]): TensorOf<Type> {
  return tensorOf(type, shape, new ELEMENT_ARRAYS[type](requireShape(shape)));
}

/** Elements that exist already, under a shape. */
export function tensorOf<Type extends ElementType>(
  type: Type,
  shape: readonly number[],
  data: ElementArrays[Type],
): TensorOf<Type> {
  if (data.length !== elementCount(shape)) {
    throw new InvariantError(`${data.length} elements for a tensor ${formatShape(shape)}`);
  }
  return { type, shape, data } as unknown as TensorOf<Type>;
}

/** A tensor of the numbers; they are rounded or wrapped as typed arrays do. */
export function tensorFrom<Type extends ElementType>(
  type: Type,
  shape: readonly number[],
  numbers: readonly number[],
): TensorOf<Type> {
  const tensor: AnyTensor = zeros(type, shape) as AnyTensor;
  if (isBig(tensor)) tensor.data.set(numbers.map(bigFrom));
  else tensor.data.set(numbers);
  return tensor as unknown as TensorOf<Type>;
}

/** The same elements under another shape. */
export function reshaped<T extends AnyTensor>(tensor: T, shape: readonly number[]): T {
  if (tensor.data.length !== elementCount(shape)) {
    throw diagnosticError(
      "OPERATOR",
      "shape",
      `${formatShape(tensor.shape)} has ${tensor.data.length} elements, ${formatShape(shape)} needs ${elementCount(shape)}`,
      "give a shape of as many elements",
    );
  }
  return { ...tensor, shape };
}

/**
 * A new tensor of the type of `like`, written by index through one view for all types. `data` of source and result are of
 * one kind: an element of `like.data` may be stored in it.
 */
export function sameType<T extends AnyTensor>(like: T, shape: readonly number[]): T {
  return zeros(like.type, shape) as T;
}

/**
 * The elements as if they were numbers, for code that only moves them: typed arrays of bigint take and give bigint, which
 * plain moves do not notice.
 */
export function movable(tensor: AnyTensor): Float64Array {
  return tensor.data as unknown as Float64Array;
}

export function isBig(tensor: AnyTensor): tensor is BigTensor {
  return tensor.type === "int64" || tensor.type === "uint64";
}

export function isFloat(tensor: AnyTensor): tensor is TensorOf<"float32" | "float64"> {
  return tensor.type === "float32" || tensor.type === "float64";
}

/** The elements as numbers; 64-bit integers are rounded to float64. */
export function numbersOf(tensor: AnyTensor): ArrayLike<number> {
  return isBig(tensor) ? Float64Array.from(tensor.data, Number) : tensor.data;
}

/**
 * The elements of an integer tensor, such as a shape or axes, saturated to what a number holds exactly. `place` names the
 * input. Throws `DiagnosticError` for other types.
 */
export function integersOf(tensor: AnyTensor, place: string): readonly number[] {
  if (isFloat(tensor) || tensor.type === "bool") {
    throw diagnosticError("OPERATOR", place, `found ${tensor.type}, expected integers`, "give int64");
  }
  return isBig(tensor) ? Array.from(tensor.data, safeInteger) : Array.from(tensor.data);
}

/** The nearest integer that a number holds exactly. */
export function safeInteger(value: bigint): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(value)));
}

/** A number as a 64-bit integer: towards zero, the ends for what lies beyond, 0 for what is no number. */
export function bigFrom(value: number): bigint {
  if (Number.isNaN(value)) return 0n;
  return BigInt(Math.trunc(Math.max(-(2 ** 63), Math.min(2 ** 63, value)))) - (value >= 2 ** 63 ? 1n : 0n);
}

/** Number of elements; throws `DiagnosticError` unless the sizes are whole, not negative and together within bounds. */
export function requireShape(shape: readonly number[]): number {
  const count = elementCount(shape);
  if (shape.every((size) => Number.isSafeInteger(size) && size >= 0) && count <= MAXIMUM_ELEMENTS) return count;
  throw diagnosticError(
    "OPERATOR",
    "shape",
    `found ${formatShape(shape)}, expected sizes from 0 up and at most ${MAXIMUM_ELEMENTS} elements in all`,
    "check the sizes in the file",
  );
}

/** `float32 [1, 3, 224, 224]` */
export function describeTensor({ type, shape }: Pick<TypedTensor, "type" | "shape">): string {
  return `${type} ${formatShape(shape)}`;
}
