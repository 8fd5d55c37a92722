/** `modelTopology` of a graph model: the nodes of a frozen TensorFlow graph, and which of them are its outputs. */
import { z } from "zod";
import { type Diagnostic, DiagnosticError, diagnosticError } from "../../../../isa/diagnostic.ts";
import { nameRecordSchema } from "../../../../isa/name-record.ts";
import { requireJson } from "../../json-check.ts";

/** Output `output` of the node `node`. */
export interface NodeReference {
  readonly node: string;
  readonly output: number;
}

export interface NodeEntry {
  readonly name: string;
  /** TensorFlow's name of the operator, e.g. `Conv2D`. */
  readonly operator: string;
  /** Values read; control inputs, which only order side effects, are left out. */
  readonly inputs: readonly NodeReference[];
  /** Still unchecked; see attributes.ts. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface GraphModelJson {
  readonly nodes: ReadonlyMap<string, NodeEntry>;
  readonly output: NodeReference;
}

const HINT = "export the model again with tensorflowjs_converter --output_format tfjs_graph_model";

const nodeSchema = z.looseObject({
  name: z.string().min(1),
  op: z.string().min(1),
  input: z.array(z.string().min(1)).nullish(),
  attr: z.record(z.string(), z.unknown()).nullish(),
});

const topologySchema = z.looseObject({ node: z.array(nodeSchema).min(1, "expected at least one node") });

const signatureSchema = z.looseObject({
  outputs: nameRecordSchema(z.looseObject({ name: z.string().min(1) })).nullish(),
});

/** Operators whose values nobody need read. */
const WITHOUT_VALUE: ReadonlySet<string> = new Set([
  "NoOp",
  "Assert",
  "Const",
  "Placeholder",
  "PlaceholderWithDefault",
]);

/** Reads nodes and outputs. Throws `DiagnosticError` also for names that repeat and inputs that no node yields. */
export function readGraphJson(topology: unknown, signature: unknown, where: string): GraphModelJson {
  const place = { code: "MODEL_JSON", where: `${where}, modelTopology`, hint: HINT };
  const { node: list } = requireJson(topologySchema, topology, place);
  const nodes = new Map<string, NodeEntry>();
  const diagnostics: Diagnostic[] = [];
  for (const { name, op, input, attr } of list) {
    const inputs = (input ?? []).filter((text) => !text.startsWith("^")).map(referenceOf);
    const node: NodeEntry = { name, operator: op, inputs, attributes: attr ?? {} };
    if (nodes.has(name)) {
      const what = "another node bears the same name";
      diagnostics.push({ code: "MODEL_JSON", where: nodePlace(where, node), what, hint: HINT });
    }
    nodes.set(name, node);
  }
  for (const node of nodes.values()) {
    for (const { node: read, output } of node.inputs) {
      if (nodes.has(read) && Number.isSafeInteger(output)) continue;
      const what = nodes.has(read)
        ? `reads an output of "${read}" that has no number`
        : `reads "${read}", which is no node of the model`;
      diagnostics.push({ code: "MODEL_JSON", where: nodePlace(where, node), what, hint: HINT });
    }
  }
  if (diagnostics.length > 0) throw new DiagnosticError(diagnostics);
  return { nodes, output: outputOf(nodes, signature, where) };
}

/** `model.json: node "conv1" (Conv2D)` */
export function nodePlace(where: string, { name, operator }: Pick<NodeEntry, "name" | "operator">): string {
  return `${where}: node "${name}" (${operator})`;
}

/** `name`, `name:1`, or `name:field:1` as functions write it. */
function referenceOf(text: string): NodeReference {
  const [node = "", ...rest] = text.split(":");
  const last = rest.at(-1);
  if (last === undefined) return { node, output: 0 };
  return { node, output: /^\d{1,9}$/.test(last) ? Number(last) : Number.NaN };
}

/** The signature's only output; without a signature the only value that no node reads. */
function outputOf(nodes: ReadonlyMap<string, NodeEntry>, signature: unknown, where: string): NodeReference {
  const place = { code: "MODEL_JSON", where: `${where}, signature`, hint: HINT };
  const signed = requireJson(signatureSchema.nullish(), signature, place)?.outputs ?? {};
  const read = new Set([...nodes.values()].flatMap(({ inputs }) => inputs.map(({ node }) => node)));
  const unread = [...nodes.values()].filter(({ name, operator }) => !read.has(name) && !WITHOUT_VALUE.has(operator));
  const named = Object.values(signed).map(({ name }) => referenceOf(name));
  const outputs = named.length > 0 ? named : unread.map(({ name }): NodeReference => ({ node: name, output: 0 }));
  const [output, ...others] = outputs;
  if (output === undefined || others.length > 0) {
    const names = outputs.map(({ node }) => `"${node}"`);
    const listed = names.length === 0 ? "" : ` (${names.slice(0, 4).join(", ")}${names.length > 4 ? ", …" : ""})`;
    throw diagnosticError(
      "MODEL_OUTPUT",
      where,
      `found ${outputs.length} outputs${listed}, expected one`,
      "export a model with one output",
    );
  }
  if (nodes.has(output.node) && Number.isSafeInteger(output.output)) return output;
  throw diagnosticError("MODEL_OUTPUT", place.where, `names "${output.node}", which is no node of the model`, HINT);
}
