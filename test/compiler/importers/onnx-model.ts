/** ONNX files made for tests. */
import { messageType } from "../../../compiler/importers/onnx/schema.ts";
import type { AnyTensor, ElementType, TensorNode } from "../../../compiler/tensor-graph/tensor-graph.ts";

/** ONNX's numbers of element types. */
const CODES: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
  uint32: 12,
  uint64: 13,
};

export interface ModelNode extends Partial<Pick<TensorNode, "name" | "domain" | "attributes">> {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface ModelSketch {
  readonly opset?: number;
  /** Versions of other domains. */
  readonly domains?: Readonly<Record<string, number>>;
  readonly inputs?: Readonly<
    Record<string, { readonly type?: ElementType; readonly shape: readonly (number | string | null)[] }>
  >;
  readonly constants?: Readonly<Record<string, AnyTensor>>;
  readonly nodes: readonly ModelNode[];
  /** Names and, where the reader wants to know, types. */
  readonly outputs: readonly string[];
  readonly outputTypes?: Readonly<Record<string, ElementType>>;
}

type Message = Record<string, unknown>;

/** The bytes of a model. */
export function encodeModel(sketch: ModelSketch): Uint8Array {
  return encodeMessage(modelMessage(sketch));
}

export function encodeMessage(model: Message): Uint8Array {
  const type = messageType("ModelProto");
  return type.encode(type.fromObject(model)).finish();
}

/** The model as the library's plain object, for tests that put something else in. */
export function modelMessage(sketch: ModelSketch): Message {
  const { opset = 17, domains = {}, inputs = {}, constants = {}, nodes, outputs, outputTypes = {} } = sketch;
  return {
    irVersion: 8,
    opsetImport: [
      { domain: "", version: opset },
      ...Object.entries(domains).map(([domain, version]) => ({ domain, version })),
    ],
    graph: {
      name: "sketch",
      initializer: Object.entries(constants).map(([name, tensor]) => ({ name, ...tensorMessage(tensor) })),
      input: Object.entries(inputs).map(([name, { type = "float32", shape }]) => ({
        name,
        type: {
          tensorType: {
            elemType: CODES[type],
            shape: {
              dim: shape.map((size) =>
                typeof size === "number" ? { dimValue: size } : size === null ? {} : { dimParam: size },
              ),
            },
          },
        },
      })),
      output: outputs.map((name) => ({
        name,
        type: { tensorType: { elemType: CODES[outputTypes[name] ?? "float32"] } },
      })),
      node: nodes.map(({ operator, attributes = {}, inputs: read, outputs: written, name = "", domain = "" }) => ({
        opType: operator,
        name,
        domain,
        input: read,
        output: written,
        attribute: Object.entries(attributes).map(([key, value]) => ({ name: key, ...attributeMessage(value) })),
      })),
    },
  };
}

/** With its elements as raw bytes. */
export function tensorMessage({ type, shape, data }: AnyTensor): Message {
  return {
    dims: shape,
    dataType: CODES[type],
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

function attributeMessage(value: TensorNode["attributes"][string]): Message {
  if (typeof value === "number") return { type: 1, f: value };
  if (typeof value === "bigint") return { type: 2, i: `${value}` };
  if (typeof value === "string") return { type: 3, s: Buffer.from(value) };
  if ("shape" in value) return { type: 4, t: tensorMessage(value) };
  const items: readonly (number | bigint | string)[] = value;
  if (typeof items[0] === "number") return { type: 6, floats: items };
  if (typeof items[0] === "string") return { type: 8, strings: items.map((text) => Buffer.from(`${text}`)) };
  return { type: 7, ints: items.map(String) };
}
