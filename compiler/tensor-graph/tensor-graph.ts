/**
 * A network as its file says it: tensors of any rank and element type, operators by the names and meanings of ONNX, layout
 * batch × channels × positions. Importers yield it, the interpreter defines it, legalisation turns it into the graph of
 * `compiler/graph`. Plain data; nodes stand in topological order.
 */

/** Arrays that hold elements, by type. float16 is widened to float32 on reading, bool is 0 or 1. */
export interface ElementArrays {
  readonly float32: Float32Array;
  readonly float64: Float64Array;
  readonly int8: Int8Array;
  readonly int16: Int16Array;
  readonly int32: Int32Array;
  readonly int64: BigInt64Array;
  readonly uint8: Uint8Array;
  readonly uint16: Uint16Array;
  readonly uint32: Uint32Array;
  readonly uint64: BigUint64Array;
  readonly bool: Uint8Array;
}

export type ElementType = keyof ElementArrays;

/** A tensor of one element type: `data` is row-major and has the product of `shape` as its length; a scalar has shape []. */
export interface TypedTensor<Type extends ElementType = ElementType> {
  readonly type: Type;
  readonly shape: readonly number[];
  readonly data: ElementArrays[Type];
}

/** A tensor of any type, to be narrowed by `type`. */
export type AnyTensor = { readonly [Type in ElementType]: TypedTensor<Type> }[ElementType];

export type AttributeValue =
  | number
  | bigint
  | string
  | AnyTensor
  | readonly number[]
  | readonly bigint[]
  | readonly string[];

export interface TensorNode {
  /** Unique and not empty: the file's name, else made from operator and position. */
  readonly name: string;
  /** Operator as ONNX names it, e.g. `Conv`. */
  readonly operator: string;
  /** `""` for ONNX itself, else e.g. `qonnx.custom_op.general`. */
  readonly domain: string;
  /** Version of the domain's operator set that the file imports. */
  readonly opset: number;
  /** Names of values; `""` where an optional input is left out. */
  readonly inputs: readonly string[];
  /** Names of values; `""` where an optional output is not wanted. */
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** A value that comes from outside. A dimension without a number is a name, such as that of the batch, or null. */
export interface TensorInput {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string | null)[];
}

export interface TensorGraph {
  readonly name: string;
  readonly inputs: readonly TensorInput[];
  /** Constants of the file by value name. */
  readonly constants: ReadonlyMap<string, AnyTensor>;
  readonly nodes: readonly TensorNode[];
  /** Names of values. */
  readonly outputs: readonly string[];
}
