import protobuf from "protobufjs/minimal.js";

/*
 * The few messages of an ONNX model that the benchmark's networks need, written field by field; numbers are those of
 * onnx.proto3 (IR version 8, operator set 17).
 */

export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, readonly number[]>>;
}

/** float32, or int64 for shapes. */
export interface OnnxConstant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** Every axis but the first, whose size is free. */
export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface OnnxGraph {
  readonly input: OnnxValue;
  readonly output: OnnxValue;
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
}

type Writer = protobuf.Writer;

const [VARINT, BYTES] = [0, 2];
const [FLOAT, INT64] = [1, 7];
const ATTRIBUTE_INTS = 7;

function message(writer: Writer, field: number, write: (writer: Writer) => void): Writer {
  writer.uint32((field << 3) | BYTES).fork();
  write(writer);
  return writer.ldelim();
}

function text(writer: Writer, field: number, value: string): Writer {
  return writer.uint32((field << 3) | BYTES).string(value);
}

function integer(writer: Writer, field: number, value: number): Writer {
  return writer.uint32((field << 3) | VARINT).int64(value);
}

/** Bytes of a model. */
export function onnxModel({ input, output, nodes, constants }: OnnxGraph): Uint8Array {
  const model = protobuf.Writer.create();
  integer(model, 1, 8);
  message(model, 8, (operators) => {
    text(operators, 1, "");
    integer(operators, 2, 17);
  });
  message(model, 7, (graph) => {
    for (const node of nodes) message(graph, 1, (writer) => writeNode(writer, node));
    text(graph, 2, "benchmark");
    for (const constant of constants) message(graph, 5, (writer) => writeConstant(writer, constant));
    message(graph, 11, (writer) => writeValue(writer, input));
    message(graph, 12, (writer) => writeValue(writer, output));
  });
  return model.finish();
}

function writeNode(writer: Writer, { operator, inputs, output, attributes = {} }: OnnxNode): void {
  for (const input of inputs) text(writer, 1, input);
  text(writer, 2, output);
  text(writer, 4, operator);
  for (const [name, values] of Object.entries(attributes)) {
    message(writer, 5, (attribute) => {
      text(attribute, 1, name);
      for (const value of values) integer(attribute, 8, value);
      integer(attribute, 20, ATTRIBUTE_INTS);
    });
  }
}

function writeConstant(writer: Writer, { name, shape, data }: OnnxConstant): void {
  for (const side of shape) integer(writer, 1, side);
  integer(writer, 2, data instanceof Float32Array ? FLOAT : INT64);
  text(writer, 8, name);
  writer.uint32((9 << 3) | BYTES).bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function writeValue(writer: Writer, { name, shape }: OnnxValue): void {
  text(writer, 1, name);
  message(writer, 2, (type) =>
    message(type, 1, (tensor) => {
      integer(tensor, 1, FLOAT);
      message(tensor, 2, (dimensions) => {
        message(dimensions, 1, (free) => text(free, 2, "images"));
        for (const side of shape) message(dimensions, 1, (fixed) => integer(fixed, 1, side));
      });
    }),
  );
}
