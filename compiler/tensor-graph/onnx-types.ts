/** ONNX's numbers for element types (TensorProto.DataType), as files and the attribute `to` of Cast name them. */
import type { ElementType } from "./tensor-graph.ts";

export interface OnnxElementType {
  readonly name: string;
  /** The type that holds it here. */
  readonly held: ElementType;
  /** Size in a file. */
  readonly bits: 4 | 8 | 16 | 32 | 64;
}

export const ONNX_ELEMENT_TYPES: ReadonlyMap<number, OnnxElementType> = new Map<number, OnnxElementType>([
  [1, { name: "float", held: "float32", bits: 32 }],
  [2, { name: "uint8", held: "uint8", bits: 8 }],
  [3, { name: "int8", held: "int8", bits: 8 }],
  [4, { name: "uint16", held: "uint16", bits: 16 }],
  [5, { name: "int16", held: "int16", bits: 16 }],
  [6, { name: "int32", held: "int32", bits: 32 }],
  [7, { name: "int64", held: "int64", bits: 64 }],
  [9, { name: "bool", held: "bool", bits: 8 }],
  [10, { name: "float16", held: "float32", bits: 16 }],
  [11, { name: "double", held: "float64", bits: 64 }],
  [12, { name: "uint32", held: "uint32", bits: 32 }],
  [13, { name: "uint64", held: "uint64", bits: 64 }],
  [16, { name: "bfloat16", held: "float32", bits: 16 }],
  [21, { name: "uint4", held: "uint8", bits: 4 }],
  [22, { name: "int4", held: "int8", bits: 4 }],
]);

/** Types of ONNX that no tensor of the graph holds, for messages. */
export const REFUSED_ONNX_TYPES: ReadonlyMap<number, string> = new Map([
  [0, "undefined"],
  [8, "string"],
  [14, "complex64"],
  [15, "complex128"],
  [17, "float8e4m3fn"],
  [18, "float8e4m3fnuz"],
  [19, "float8e5m2"],
  [20, "float8e5m2fnuz"],
  [23, "float4e2m1"],
  [24, "float8e8m0"],
  [25, "uint2"],
  [26, "int2"],
]);

/** `int8`, also for types that are not supported. */
export function onnxTypeName(code: number): string {
  return ONNX_ELEMENT_TYPES.get(code)?.name ?? REFUSED_ONNX_TYPES.get(code) ?? `number ${code}`;
}
