/** ONNX files to tensor graphs. */
import { type Diagnostic, DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import { channelsLastForm } from "../../tensor-graph/channels-last-forms.ts";
import { ONNX_ELEMENT_TYPES, onnxTypeName } from "../../tensor-graph/onnx-types.ts";
import { QONNX_DOMAINS, QONNX_OPERATORS } from "../../tensor-graph/operators/qonnx.ts";
import { lookUp, nodePlace, OPERATOR_NAMES, qualifiedName } from "../../tensor-graph/operators/table.ts";
import { quantizedForm, RUNTIME_DOMAIN } from "../../tensor-graph/quantized-forms.ts";
import { safeInteger } from "../../tensor-graph/tensor.ts";
import type { AnyTensor, TensorGraph, TensorInput, TensorNode } from "../../tensor-graph/tensor-graph.ts";
import { onePerOperator, unsupported } from "../../tensor-graph/unknown-operators.ts";
import { readAttributes } from "./attributes.ts";
import { type ExternalFile, externalError, externalFileOf } from "./external-data.ts";
import { readOpsets } from "./opsets.ts";
import {
  bigintOf,
  decodeMessage,
  type GraphMessage,
  isSet,
  type ModelMessage,
  type ValueInfoMessage,
} from "./schema.ts";
import { type ReadExternal, readTensor } from "./tensor-message.ts";

/** Whole files beside the model by the paths of `onnxExternalFiles`. */
export type ExternalData = ReadonlyMap<string, Uint8Array>;

/**
 * The model as a tensor graph: only operators the table knows, nodes in topological order, every value defined once.
 * `where` is the file's name for diagnostics. Throws `DiagnosticError` with everything that is wrong.
 */
export function readOnnxModel(bytes: Uint8Array, where: string, externalData: ExternalData = new Map()): TensorGraph {
  const { model, graph } = decodeModel(bytes, where);
  const readExternal: ReadExternal = (file) => externalBytes(file, externalData, where);
  const diagnostics: Diagnostic[] = [];
  const collect = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      diagnostics.push(...error.diagnostics);
      return undefined;
    }
  };
  if ((graph.sparseInitializer?.length ?? 0) > 0) {
    diagnostics.push(problem(where, "sparse initializers are not supported", "save the weights as plain tensors"));
  }
  const constants = new Map<string, AnyTensor>();
  for (const message of graph.initializer ?? []) {
    const { name = "" } = message;
    const place = `${where}: initializer "${name}"`;
    if (name === "" || constants.has(name)) {
      diagnostics.push(problem(place, name === "" ? "it has no name" : "the name is there twice", EXPORT_AGAIN));
      continue;
    }
    const tensor = collect(() => readTensor(message, place, readExternal));
    if (tensor !== undefined) constants.set(name, tensor);
  }
  const initialized = new Set(graph.initializer?.map(({ name = "" }) => name));
  const inputs = (graph.input ?? []).flatMap((message) => {
    if (initialized.has(message.name ?? "")) return [];
    return collect(() => readInput(message, where)) ?? [];
  });
  const nodes = readNodes(model, graph, where, readExternal, diagnostics);
  const outputs = (graph.output ?? []).map(({ name = "" }) => name);
  if (outputs.length === 0) diagnostics.push(problem(where, "the graph has no outputs", EXPORT_AGAIN));
  checkValues({ inputs, initialized, nodes, outputs }, where, diagnostics);
  if (diagnostics.length > 0) throw new DiagnosticError(diagnostics);
  return { name: graph.name || "onnx", inputs, constants, nodes, outputs };
}

/** The parts of files beside the model that its tensors lie in. Throws `DiagnosticError`. */
export function onnxExternalFiles(bytes: Uint8Array, where: string): readonly ExternalFile[] {
  const { graph } = decodeModel(bytes, where);
  const tensors = [
    ...(graph.initializer ?? []),
    ...(graph.node ?? []).flatMap((node) => (node.attribute ?? []).flatMap(({ t }) => (t ? [t] : []))),
  ];
  return tensors
    .filter(({ dataLocation }) => dataLocation === 1)
    .map((tensor) => externalFileOf(tensor, `${where}: tensor "${tensor.name ?? ""}"`));
}

/** So many diagnostics are enough: the file is damaged. */
const MANY = 50;

const EXPORT_AGAIN = "export the model again";

function problem(where: string, what: string, hint: string): Diagnostic {
  return { code: "MODEL_GRAPH", where, what, hint };
}

function decodeModel(bytes: Uint8Array, where: string): { readonly model: ModelMessage; readonly graph: GraphMessage } {
  let model: ModelMessage;
  try {
    model = decodeMessage("ModelProto", bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw diagnosticError(
      "MODEL_ONNX",
      where,
      `found no ONNX file (${reason})`,
      "the file is cut off or of another kind",
    );
  }
  if (model.graph) return { model, graph: model.graph };
  throw diagnosticError("MODEL_ONNX", where, "found no graph, expected an ONNX model", "give the file of a model");
}

function externalBytes({ path, offset, length }: ExternalFile, externalData: ExternalData, where: string): Uint8Array {
  const file = externalData.get(path);
  if (file === undefined) throw externalError(where, `the file "${path}" is not there`);
  const end = offset + (length ?? 0);
  if (end <= file.length) return file.subarray(offset, end);
  throw externalError(where, `"${path}" has ${file.length} bytes, bytes ${offset} to ${end} are needed`);
}

/** Throws `DiagnosticError` unless it is a tensor of known rank and type. */
function readInput({ name = "", type }: ValueInfoMessage, where: string): TensorInput {
  const place = `${where}: input "${name}"`;
  const tensor = type?.tensorType;
  if (!tensor) {
    throw new DiagnosticError([problem(place, "it is no tensor", "export a model whose inputs are tensors")]);
  }
  const element = ONNX_ELEMENT_TYPES.get(tensor.elemType ?? 0);
  if (element === undefined) {
    const found = onnxTypeName(tensor.elemType ?? 0);
    throw new DiagnosticError([problem(place, `elements of type ${found} are not supported`, "use float or int64")]);
  }
  if (!tensor.shape) {
    throw new DiagnosticError([problem(place, "it has no shape", "export the model with the sizes of its inputs")]);
  }
  const shape = (tensor.shape.dim ?? []).map((dimension) => {
    const size = isSet(dimension, "dimValue") ? safeInteger(bigintOf(dimension.dimValue)) : -1;
    return size >= 0 ? size : dimension.dimParam || null;
  });
  return { name, type: element.held, shape };
}

function readNodes(
  model: ModelMessage,
  graph: GraphMessage,
  where: string,
  readExternal: ReadExternal,
  diagnostics: Diagnostic[],
): readonly TensorNode[] {
  const messages = graph.node ?? [];
  const opsets = readOpsets(model, where);
  const names = new NodeNames(new Set(messages.map(({ name = "" }) => name)));
  const unknown: TensorNode[] = [];
  const functions = new Set((model.functions ?? []).map(({ domain = "", name = "" }) => `${domain}\0${name}`));
  const known = new Set(OPERATOR_NAMES);
  const nodes = messages.flatMap((message, position): readonly TensorNode[] => {
    const { opType: operator = "", domain: stated = "", overload = "" } = message;
    const domain = domainOf(stated === "ai.onnx" ? "" : stated, operator);
    const name = names.unique(message.name ?? "", `${operator}_${position}`);
    const bare = { name, operator, domain, opset: opsets.versionOf(domain) };
    const unread = { ...bare, inputs: message.input ?? [], outputs: message.output ?? [], attributes: {} };
    const place = nodePlace(unread, where);
    const { attributes, diagnostics: wrong } = readAttributes(message.attribute ?? [], place, readExternal);
    const node = { ...unread, attributes };
    const parts = channelsLastForm(node) ?? (domain === RUNTIME_DOMAIN ? quantizedForm(node) : undefined);
    if (parts !== undefined && wrong.length === 0) return parts;
    if (diagnostics.length > MANY) throw new DiagnosticError(diagnostics);
    const found = known.has(qualifiedName(domain, operator)) ? lookUp(node, where) : undefined;
    if (overload !== "" || functions.has(`${stated}\0${operator}`)) {
      diagnostics.push({
        code: "UNKNOWN_OPERATOR",
        where: place,
        what: "the operator is a function of the model's own, which is not supported",
        hint: "inline the functions (onnx.inliner) or export without them",
      });
    } else if (found === undefined) {
      unknown.push(node);
    } else if (found instanceof DiagnosticError) {
      diagnostics.push(...found.diagnostics);
    } else {
      diagnostics.push(...wrong);
    }
    return [node];
  });
  diagnostics.push(...onePerOperator(unknown, where, (name) => unsupported(name, OPERATOR_NAMES)));
  return nodes;
}

/** Quantizers of QONNX under ONNX's own domain, as its older files have them, are those of QONNX's. */
function domainOf(stated: string, operator: string): string {
  return stated === "" && QONNX_NAMES.has(operator) ? QONNX_DOMAINS[0] : stated;
}

const QONNX_NAMES: ReadonlySet<string> = new Set(QONNX_OPERATORS.map(({ name }) => name));

/** Names of nodes: the file's where no node before has it, else numbered ones that no node of the file has. */
class NodeNames {
  readonly #ofFile: ReadonlySet<string>;
  readonly #used: Set<string> = new Set<string>();
  /** Number of the next copy of a name. */
  readonly #copies: Map<string, number> = new Map<string, number>();

  constructor(ofFile: ReadonlySet<string>) {
    this.#ofFile = ofFile;
  }

  unique(name: string, madeUp: string): string {
    const base = name === "" ? madeUp : name;
    let unique = base;
    let copy = this.#copies.get(base) ?? 2;
    while (this.#used.has(unique) || (unique !== name && this.#ofFile.has(unique))) unique = `${base}_${copy++}`;
    this.#copies.set(base, copy);
    this.#used.add(unique);
    return unique;
  }
}

interface Values {
  readonly inputs: readonly TensorInput[];
  readonly initialized: ReadonlySet<string>;
  readonly nodes: readonly TensorNode[];
  readonly outputs: readonly string[];
}

/** Every value is defined once, before it is read. */
function checkValues({ inputs, initialized, nodes, outputs }: Values, where: string, diagnostics: Diagnostic[]): void {
  const defined = new Set(initialized);
  const define = (name: string, place: string): void => {
    if (defined.has(name)) diagnostics.push(problem(place, `value "${name}" is defined twice`, EXPORT_AGAIN));
    defined.add(name);
  };
  for (const { name } of inputs) {
    if (name === "") diagnostics.push(problem(where, "an input has no name", EXPORT_AGAIN));
    define(name, `${where}: input "${name}"`);
  }
  const computed = new Set(nodes.flatMap((node) => node.outputs));
  for (const node of nodes) {
    for (const name of node.inputs) {
      if (name === "" || defined.has(name)) continue;
      const what = computed.has(name)
        ? `reads value "${name}", which a node that stands later computes`
        : `reads value "${name}", which nothing computes`;
      diagnostics.push(problem(nodePlace(node, where), what, "sort the nodes, or export the model again"));
    }
    for (const name of node.outputs) if (name !== "") define(name, nodePlace(node, where));
  }
  for (const name of outputs) {
    if (defined.has(name)) continue;
    diagnostics.push(problem(`${where}: output "${name}"`, "nothing computes it", EXPORT_AGAIN));
  }
}
