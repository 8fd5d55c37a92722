/** The network's input: the one placeholder on which the output depends, for one image. */
import { diagnosticError } from "../../../../isa/diagnostic.ts";
import type { InputInfo } from "../../../graph/graph.ts";
import { formatShape } from "../../../graph/shape.ts";
import { inputInfo, type NetworkValue } from "../values/value.ts";
import { placed, shapeAttribute, typeAttribute } from "./attributes.ts";
import { elementTypeOf } from "./element-types.ts";
import { type NodeEntry, nodePlace } from "./graph-json.ts";

export interface NetworkInput {
  readonly node: NodeEntry;
  readonly info: InputInfo;
  readonly value: NetworkValue;
}

const HINT = "export the model with one input [batch, …] and a fixed size for every axis but the batch";

/** A batch that is open becomes 1. Throws `DiagnosticError` for another number of inputs, or another batch than 1. */
export function networkInputOf(nodes: readonly NodeEntry[], where: string): NetworkInput {
  const inputs = nodes.filter(({ operator }) => operator === "Placeholder");
  const [node, ...others] = inputs;
  if (node === undefined || others.length > 0) {
    const names = inputs.map(({ name }) => `"${name}"`).slice(0, 4);
    const listed = names.length === 0 ? "" : ` (${names.join(", ")}${inputs.length > 4 ? ", …" : ""})`;
    throw diagnosticError("MODEL_INPUT", where, `found ${inputs.length} inputs${listed}, expected one`, HINT);
  }
  const place = placed(node, where);
  const given = shapeAttribute(place, "shape");
  const type = elementTypeOf(place, typeAttribute(place, "dtype"));
  const [batch, ...sizes] = given ?? [];
  const isKnown = sizes.length >= 1 && sizes.length <= 3 && sizes.every((size) => size >= 1);
  if ((batch !== 1 && batch !== -1) || !isKnown || type === "bool") {
    const found = given === undefined ? "an unknown shape" : `shape ${formatShape(given.slice(0, 8))}`;
    throw diagnosticError(
      "MODEL_INPUT",
      nodePlace(where, node),
      `found ${found} of type ${type}, expected numbers in two to four axes, of which only the batch is open or 1`,
      HINT,
    );
  }
  const shape = [1, ...sizes];
  const { name } = node;
  return {
    node,
    info: inputInfo(name, shape),
    value: { name, shape, ...(type === "int32" && { isInteger: true }) },
  };
}
