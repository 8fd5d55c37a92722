/**
 * Attributes of TensorFlow nodes as protobuf writes them to JSON: one field per kind of value, 64-bit integers as texts,
 * bytes in Base64.
 */
import { diagnosticError } from "../../../../isa/diagnostic.ts";
import { preview } from "../../json-check.ts";
import { type NodeEntry, nodePlace } from "./graph-json.ts";

/** A node, and the file it is from. */
export interface NodePlace {
  readonly node: NodeEntry;
  /** The node's place, for diagnostics. */
  readonly where: string;
}

export function placed(node: NodeEntry, where: string): NodePlace {
  return { node, where: nodePlace(where, node) };
}

/** The integer; `fallback` where the attribute is absent. */
export function integerAttribute(place: NodePlace, name: string, fallback: number): number {
  const value = field(place, name, "i");
  if (value === undefined) return fallback;
  return integerOf(value) ?? wrong(place, name, value, "an integer");
}

export function numberAttribute(place: NodePlace, name: string, fallback: number): number {
  const value = field(place, name, "f") ?? field(place, name, "i");
  if (value === undefined) return fallback;
  const number = typeof value === "number" ? value : typeof value === "string" && value !== "" ? Number(value) : NaN;
  return Number.isFinite(number) ? number : wrong(place, name, value, "a finite number");
}

export function flagAttribute(place: NodePlace, name: string, fallback: boolean): boolean {
  const value = field(place, name, "b");
  if (value === undefined) return fallback;
  return typeof value === "boolean" ? value : wrong(place, name, value, "true or false");
}

/** A text; `fallback` where the attribute is absent. */
export function textAttribute(place: NodePlace, name: string, fallback: string): string {
  const value = field(place, name, "s");
  if (value === undefined) return fallback;
  return textOf(value) ?? wrong(place, name, value, "a text in Base64");
}

/** Texts; none where the attribute is absent. */
export function textsAttribute(place: NodePlace, name: string): readonly string[] {
  return listAttribute(place, name, "s").map((item) => textOf(item) ?? wrong(place, name, item, "texts in Base64"));
}

/** Integers; undefined where the attribute is absent. */
export function integersAttribute(place: NodePlace, name: string): readonly number[] | undefined {
  if (!Object.hasOwn(place.node.attributes, name)) return undefined;
  return listAttribute(place, name, "i").map((item) => integerOf(item) ?? wrong(place, name, item, "integers"));
}

/** The name of an element type, e.g. `DT_FLOAT`; older files hold its number. */
export function typeAttribute(place: NodePlace, name: string): string {
  const value = field(place, name, "type");
  if (value === undefined) return "DT_FLOAT";
  if (typeof value === "number") return TYPE_NAMES.get(value) ?? `number ${value}`;
  return typeof value === "string" ? value : wrong(place, name, value, "an element type");
}

/** Sizes, −1 where open; undefined where the attribute is absent or the number of axes unknown. */
export function shapeAttribute(place: NodePlace, name: string): readonly number[] | undefined {
  const value = field(place, name, "shape");
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null) return wrong(place, name, value, "a shape");
  if ("unknownRank" in value && value.unknownRank === true) return undefined;
  const dimensions = "dim" in value ? value.dim : [];
  if (!Array.isArray(dimensions)) return wrong(place, name, dimensions, "a list of sizes");
  return dimensions.map((dimension: unknown) => {
    const size = typeof dimension === "object" && dimension !== null && "size" in dimension ? dimension.size : 0;
    return integerOf(size) ?? wrong(place, name, size, "sizes");
  });
}

/** TensorFlow's numbers of its element types. */
const TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "DT_FLOAT"],
  [2, "DT_DOUBLE"],
  [3, "DT_INT32"],
  [4, "DT_UINT8"],
  [5, "DT_INT16"],
  [6, "DT_INT8"],
  [9, "DT_INT64"],
  [10, "DT_BOOL"],
  [14, "DT_BFLOAT16"],
  [17, "DT_UINT16"],
  [19, "DT_HALF"],
  [22, "DT_UINT32"],
  [23, "DT_UINT64"],
]);

/** The field `kind` of an attribute; undefined where either is absent. */
function field(place: NodePlace, name: string, kind: string): unknown {
  const { attributes } = place.node;
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object") return wrong(place, name, value, "an object");
  return Object.hasOwn(value, kind) ? (value as Record<string, unknown>)[kind] : undefined;
}

function listAttribute(place: NodePlace, name: string, kind: "i" | "s"): readonly unknown[] {
  const list = field(place, name, "list");
  if (list === undefined) return [];
  if (typeof list !== "object" || list === null) return wrong(place, name, list, "a list");
  const items = Object.hasOwn(list, kind) ? (list as Record<string, unknown>)[kind] : [];
  return Array.isArray(items) ? items : wrong(place, name, items, "a list");
}

function integerOf(value: unknown): number | undefined {
  const number = typeof value === "string" && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined;
}

/** Base64, or the bytes one by one. */
function textOf(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const isText =
      value.length <= LONGEST_TEXT && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256);
    return isText ? String.fromCharCode(...value) : undefined;
  }
  if (typeof value !== "string" || value.length > 2 * LONGEST_TEXT) return undefined;
  try {
    return atob(value);
  } catch {
    return undefined;
  }
}

/** No attribute that is read holds more than a word. */
const LONGEST_TEXT = 1000;

function wrong({ where }: NodePlace, name: string, value: unknown, expected: string): never {
  throw diagnosticError(
    "NODE_ATTRIBUTE",
    `${where}, attribute ${name}`,
    `found ${preview(value)}, expected ${expected}`,
    "export the model again with tensorflowjs_converter",
  );
}
