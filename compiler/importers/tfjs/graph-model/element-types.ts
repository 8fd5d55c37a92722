/** TensorFlow's element types and what they are held as, as TensorFlow.js does: floats, 32-bit integers, truth. */
import { nodeError } from "../values/node-error.ts";
import type { NodePlace } from "./attributes.ts";

export type HeldType = "float32" | "int32" | "bool";

const HELD: Readonly<Record<string, HeldType>> = {
  DT_FLOAT: "float32",
  DT_HALF: "float32",
  DT_BFLOAT16: "float32",
  DT_DOUBLE: "float32",
  DT_INT8: "int32",
  DT_INT16: "int32",
  DT_INT32: "int32",
  DT_INT64: "int32",
  DT_UINT8: "int32",
  DT_UINT16: "int32",
  DT_UINT32: "int32",
  DT_UINT64: "int32",
  DT_BOOL: "bool",
};

/** Throws `DiagnosticError` for texts, complex numbers and the like. */
export function elementTypeOf(place: NodePlace, type: string): HeldType {
  const held = Object.hasOwn(HELD, type) ? HELD[type] : undefined;
  if (held !== undefined) return held;
  throw nodeError(place, "element type", `found ${type}, expected numbers`, "export the model with float32 values");
}
