/** AttributeProto to the values of a node. */
import { type Diagnostic, DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import type { AttributeValue } from "../../tensor-graph/tensor-graph.ts";
import { type AttributeMessage, bigintOf, isSet } from "./schema.ts";
import { type ReadExternal, readTensor } from "./tensor-message.ts";

/** AttributeProto.AttributeType, as far as it is named here. */
const GRAPH = 5;
const GRAPHS = 10;

type Reader = (message: AttributeMessage, where: string, readExternal: ReadExternal) => AttributeValue;

/** By AttributeProto.AttributeType. */
const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [1, ({ f = 0 }) => f],
  [2, ({ i }) => bigintOf(i)],
  [3, ({ s }, where) => textOf(s ?? new Uint8Array(), where)],
  [4, ({ t }, where, readExternal) => readTensor(t ?? {}, where, readExternal)],
  [6, ({ floats = [] }) => floats],
  [7, ({ ints = [] }) => ints.map((value) => bigintOf(value))],
  [8, ({ strings = [] }, where) => strings.map((text) => textOf(text, where))],
]);

/** Files of the first versions say no type: the field that is there tells. */
const FIELD_TYPES: readonly (readonly [field: keyof AttributeMessage, type: number])[] = [
  ["f", 1],
  ["i", 2],
  ["s", 3],
  ["t", 4],
  ["g", GRAPH],
  ["floats", 6],
  ["ints", 7],
  ["strings", 8],
];

export interface ReadAttributes {
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly diagnostics: readonly Diagnostic[];
}

/** All attributes that can be read, and what is wrong with the others; `where` is the node's place. */
export function readAttributes(
  messages: readonly AttributeMessage[],
  where: string,
  readExternal: ReadExternal,
): ReadAttributes {
  const attributes = new Map<string, AttributeValue>();
  const diagnostics: Diagnostic[] = [];
  for (const message of messages) {
    const { name = "" } = message;
    try {
      if (name === "" || attributes.has(name)) {
        throw attributeError(
          `${where}, attributes`,
          name === "" ? "an attribute has no name" : `"${name}" is there twice`,
        );
      }
      attributes.set(name, readAttribute(message, `${where}, attribute ${name}`, readExternal));
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      diagnostics.push(...error.diagnostics);
    }
  }
  return { attributes: Object.fromEntries(attributes), diagnostics };
}

function readAttribute(message: AttributeMessage, where: string, readExternal: ReadExternal): AttributeValue {
  if ((message.refAttrName ?? "") !== "") {
    throw attributeError(where, "found a reference to an attribute of a function, expected a value");
  }
  const type = message.type || FIELD_TYPES.find(([field]) => isSet(message, field))?.[1];
  if (type === GRAPH || type === GRAPHS) {
    throw attributeError(where, "found a graph inside a node (If, Loop, Scan), which is not supported");
  }
  const read = READERS.get(type ?? 0);
  if (read === undefined) {
    throw attributeError(
      where,
      type === undefined ? "found no value" : `found a value of kind ${type}, expected a number, text or tensor`,
    );
  }
  return read(message, where, readExternal);
}

function textOf(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw attributeError(where, "found a text that is not UTF-8");
  }
}

function attributeError(where: string, what: string): DiagnosticError {
  return diagnosticError("MODEL_ATTRIBUTE", where, what, "export the model again");
}
