/**
 * ONNX's messages as far as they are read here (onnx.proto; field numbers are part of the format). The elements of tensors
 * are read as the bytes of their packed form, whichever form they are written in: they may be a network's weights, and their
 * number is checked before they become numbers. What can nest without end, such as the graphs of If and Loop, is read as bytes and looked at no further.
 */
import protobuf from "protobufjs";
import { scatteredElements } from "./scattered-elements.ts";

type FieldRule = readonly [id: number, type: string, rule?: "repeated"];

const MESSAGES: Readonly<Record<string, Readonly<Record<string, FieldRule>>>> = {
  ModelProto: {
    irVersion: [1, "int64"],
    graph: [7, "GraphProto"],
    opsetImport: [8, "OperatorSetIdProto", "repeated"],
    functions: [25, "FunctionProto", "repeated"],
  },
  OperatorSetIdProto: { domain: [1, "string"], version: [2, "int64"] },
  FunctionProto: { name: [1, "string"], domain: [10, "string"] },
  GraphProto: {
    node: [1, "NodeProto", "repeated"],
    name: [2, "string"],
    initializer: [5, "TensorProto", "repeated"],
    input: [11, "ValueInfoProto", "repeated"],
    output: [12, "ValueInfoProto", "repeated"],
    sparseInitializer: [15, "bytes", "repeated"],
  },
  NodeProto: {
    input: [1, "string", "repeated"],
    output: [2, "string", "repeated"],
    name: [3, "string"],
    opType: [4, "string"],
    attribute: [5, "AttributeProto", "repeated"],
    domain: [7, "string"],
    overload: [8, "string"],
  },
  AttributeProto: {
    name: [1, "string"],
    f: [2, "float"],
    i: [3, "int64"],
    s: [4, "bytes"],
    t: [5, "TensorProto"],
    g: [6, "bytes"],
    floats: [7, "float", "repeated"],
    ints: [8, "int64", "repeated"],
    strings: [9, "bytes", "repeated"],
    type: [20, "int32"],
    refAttrName: [21, "string"],
  },
  ValueInfoProto: { name: [1, "string"], type: [2, "TypeProto"] },
  TypeProto: {
    tensorType: [1, "TensorType"],
    sequenceType: [4, "bytes"],
    mapType: [5, "bytes"],
    sparseTensorType: [8, "bytes"],
    optionalType: [9, "bytes"],
  },
  TensorType: { elemType: [1, "int32"], shape: [2, "TensorShapeProto"] },
  TensorShapeProto: { dim: [1, "Dimension", "repeated"] },
  Dimension: { dimValue: [1, "int64"], dimParam: [2, "string"] },
  TensorProto: {
    dims: [1, "int64", "repeated"],
    dataType: [2, "int32"],
    segment: [3, "bytes"],
    floatData: [4, "bytes", "repeated"],
    int32Data: [5, "bytes", "repeated"],
    int64Data: [7, "bytes", "repeated"],
    name: [8, "string"],
    rawData: [9, "bytes"],
    doubleData: [10, "bytes", "repeated"],
    uint64Data: [11, "bytes", "repeated"],
    externalData: [13, "StringStringEntryProto", "repeated"],
    dataLocation: [14, "int32"],
  },
  StringStringEntryProto: { key: [1, "string"], value: [2, "string"] },
};

const ROOT: protobuf.Root = protobuf.Root.fromJSON({
  nested: Object.fromEntries(
    Object.entries(MESSAGES).map(([message, fields]) => [
      message,
      {
        fields: Object.fromEntries(
          Object.entries(fields).map(([field, [id, type, rule]]) => [
            field,
            rule === undefined ? { id, type } : { id, type, rule },
          ]),
        ),
      },
    ]),
  ),
});
ROOT.resolveAll();
readScatteredElements(ROOT.lookupType("TensorProto"));

/** Lets a type of tensors read elements that are written one by one, which the library skips for they are no bytes. */
function readScatteredElements(type: protobuf.Type): void {
  type.setup();
  const decode = type.decode;
  const fields = new Map(
    type.fieldsArray.flatMap(({ id, name, type: kind, repeated }) =>
      repeated && kind === "bytes" ? [[id, name] as const] : [],
    ),
  );
  type.decode = function (this: protobuf.Type, reader, length, ...rest) {
    const bytes = reader instanceof protobuf.Reader ? reader.buf : reader;
    const start = reader instanceof protobuf.Reader ? reader.pos : 0;
    const end = length === undefined ? (reader instanceof protobuf.Reader ? reader.len : bytes.length) : start + length;
    const message = decode.call(this, reader, length, ...rest);
    for (const [field, elements] of scatteredElements(bytes.subarray(start, end), fields)) {
      Object.assign(message, { [field]: [elements] });
    }
    return message;
  };
}

/** A 64-bit integer as the library gives it. */
export interface Long {
  readonly low: number;
  readonly high: number;
}

export interface ModelMessage {
  readonly irVersion?: Long;
  readonly graph?: GraphMessage | null;
  readonly opsetImport?: readonly { readonly domain?: string; readonly version?: Long }[];
  readonly functions?: readonly { readonly name?: string; readonly domain?: string }[];
}

export interface GraphMessage {
  readonly node?: readonly NodeMessage[];
  readonly name?: string;
  readonly initializer?: readonly TensorMessage[];
  readonly input?: readonly ValueInfoMessage[];
  readonly output?: readonly ValueInfoMessage[];
  readonly sparseInitializer?: readonly Uint8Array[];
}

export interface NodeMessage {
  readonly input?: readonly string[];
  readonly output?: readonly string[];
  readonly name?: string;
  readonly opType?: string;
  readonly attribute?: readonly AttributeMessage[];
  readonly domain?: string;
  readonly overload?: string;
}

export interface AttributeMessage {
  readonly name?: string;
  readonly f?: number;
  readonly i?: Long;
  readonly s?: Uint8Array;
  readonly t?: TensorMessage | null;
  readonly g?: Uint8Array;
  readonly floats?: readonly number[];
  readonly ints?: readonly Long[];
  readonly strings?: readonly Uint8Array[];
  readonly type?: number;
  readonly refAttrName?: string;
}

export interface ValueInfoMessage {
  readonly name?: string;
  readonly type?: {
    readonly tensorType?: {
      readonly elemType?: number;
      readonly shape?: { readonly dim?: readonly { readonly dimValue?: Long; readonly dimParam?: string }[] } | null;
    } | null;
  } | null;
}

export interface TensorMessage {
  readonly dims?: readonly Long[];
  readonly dataType?: number;
  readonly segment?: Uint8Array;
  readonly floatData?: readonly Uint8Array[];
  readonly int32Data?: readonly Uint8Array[];
  readonly int64Data?: readonly Uint8Array[];
  readonly name?: string;
  readonly rawData?: Uint8Array;
  readonly doubleData?: readonly Uint8Array[];
  readonly uint64Data?: readonly Uint8Array[];
  readonly externalData?: readonly { readonly key?: string; readonly value?: string }[];
  readonly dataLocation?: number;
}

export interface Messages {
  readonly ModelProto: ModelMessage;
  readonly TensorProto: TensorMessage;
}

/** The library's type of a message, which also encodes. */
export function messageType(name: keyof Messages): protobuf.Type {
  return ROOT.lookupType(name);
}

/**
 * A message from its bytes; fields that are not set have their defaults. Throws whatever the library throws where the
 * bytes are no such message.
 */
export function decodeMessage<Name extends keyof Messages>(name: Name, bytes: Uint8Array): Messages[Name] {
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = protobuf.Reader.create(plain);
  reader.discardUnknown = true;
  return messageType(name).decode(reader) as unknown as Messages[Name];
}

/** The numbers in the packed bytes of a list of 64-bit varints, one after the other; throws where the bytes are none. */
export function varintReader(bytes: Uint8Array): () => Long {
  const reader = protobuf.Reader.create(bytes);
  return () => reader.int64() as unknown as Long;
}

/** Whether a field was in the file, whatever its value. */
export function isSet(message: object, field: string): boolean {
  return Object.hasOwn(message, field);
}

/** The integer of 64 bits, by default with a sign. */
export function bigintOf(value: Long | undefined, signed = true): bigint {
  if (value === undefined) return 0n;
  const bits = (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0);
  return signed ? BigInt.asIntN(64, bits) : bits;
}
