/** Builds an ONNX model: nodes in the order in which they are added, constants as raw bytes, one input and one output. */
import { messageType } from "../../../compiler/importers/onnx/schema.ts";

/** Codes of onnx.proto. */
const ELEMENT = { float: 1, int64: 7 } as const;
const ATTRIBUTE = { float: 1, integer: 2, text: 3, integers: 7 } as const;

const IR_VERSION = 8;
const OPSET = 17;
export const QUANT_DOMAIN = "qonnx.custom_op.general";

export type AttributeValue =
  | { readonly float: number }
  | { readonly integer: number }
  | { readonly text: string }
  | { readonly integers: readonly number[] };

export interface NewOperator {
  readonly operator: string;
  /** Names of values; empty for an optional one that is left out. */
  readonly inputs: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly domain?: string;
}

export class ModelWriter {
  readonly #nodes: object[] = [];
  readonly #constants: object[] = [];
  readonly #used: Set<string>;

  /** `reserved`: names that stay free for `add`. */
  constructor(reserved: readonly string[]) {
    this.#used = new Set(reserved);
  }

  /** A name that nothing bears yet. */
  fresh(wanted: string): string {
    let name = wanted;
    for (let copy = 2; this.#used.has(name); copy++) name = `${wanted}_${copy}`;
    this.#used.add(name);
    return name;
  }

  /** Adds a node `name`, which is also the name of its value. */
  add(name: string, { operator, inputs, attributes = {}, domain = "" }: NewOperator): string {
    const attribute = Object.entries(attributes).map(([key, value]) => ({ name: key, ...attributeFields(value) }));
    this.#nodes.push({ name, opType: operator, domain, input: inputs, output: [name], attribute });
    return name;
  }

  floats(wanted: string, shape: readonly number[], values: Float32Array): string {
    const name = this.fresh(wanted);
    const bytes = new Uint8Array(4 * values.length);
    const view = new DataView(bytes.buffer);
    values.forEach((value, index) => {
      view.setFloat32(4 * index, value, true);
    });
    this.#constants.push({ name, dims: shape, dataType: ELEMENT.float, rawData: bytes });
    return name;
  }

  integers(wanted: string, values: readonly number[]): string {
    const name = this.fresh(wanted);
    const bytes = new Uint8Array(8 * values.length);
    const view = new DataView(bytes.buffer);
    values.forEach((value, index) => {
      view.setBigInt64(8 * index, BigInt(value), true);
    });
    this.#constants.push({ name, dims: [values.length], dataType: ELEMENT.int64, rawData: bytes });
    return name;
  }

  /** The file. */
  finish(name: string, input: ValueShape, output: ValueShape): Uint8Array {
    const type = messageType("ModelProto");
    const model = {
      irVersion: IR_VERSION,
      opsetImport: [
        { domain: "", version: OPSET },
        { domain: QUANT_DOMAIN, version: 1 },
      ],
      graph: {
        name,
        node: this.#nodes,
        initializer: this.#constants,
        input: [valueInfo(input)],
        output: [valueInfo(output)],
      },
    };
    return type.encode(type.fromObject(model)).finish();
  }
}

export interface ValueShape {
  readonly name: string;
  readonly shape: readonly number[];
}

function valueInfo({ name, shape }: ValueShape): object {
  const dim = shape.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType: ELEMENT.float, shape: { dim } } } };
}

function attributeFields(value: AttributeValue): object {
  if ("float" in value) return { type: ATTRIBUTE.float, f: value.float };
  if ("integer" in value) return { type: ATTRIBUTE.integer, i: value.integer };
  if ("text" in value) return { type: ATTRIBUTE.text, s: new TextEncoder().encode(value.text) };
  return { type: ATTRIBUTE.integers, ints: value.integers };
}
