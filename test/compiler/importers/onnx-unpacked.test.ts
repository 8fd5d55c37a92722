/** Lists of numbers in both forms that protobuf has: packed, and a field for each. */
import fc from "fast-check";
import { Writer } from "protobufjs";
import { describe, expect, it } from "vitest";
import { readOnnxModel } from "../../../compiler/importers/onnx/model.ts";
import { bigintOf, decodeMessage, type Long } from "../../../compiler/importers/onnx/schema.ts";
import { readTensor } from "../../../compiler/importers/onnx/tensor-message.ts";
import { interpret } from "../../../compiler/tensor-graph/evaluation/interpret.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import { runOnnxruntime } from "../tensor-graph/onnxruntime.ts";
import { encodeModel } from "./onnx-model.ts";

/** A list whose first `packed` elements stand in one field, the others in fields of their own. */
function list(
  writer: Writer,
  field: number,
  form: 0 | 1 | 5,
  count: number,
  packed: number,
  write: (to: Writer, index: number) => void,
): void {
  if (packed > 0) {
    writer.uint32(8 * field + 2).fork();
    for (let index = 0; index < packed; index++) write(writer, index);
    writer.ldelim();
  }
  for (let index = packed; index < count; index++) {
    writer.uint32(8 * field + form);
    write(writer, index);
  }
}

interface Kind {
  readonly name: string;
  readonly dataType: number;
  readonly field: number;
  readonly form: 0 | 1 | 5;
  readonly write: (to: Writer, value: number) => void;
}

const KINDS: readonly Kind[] = [
  { name: "float_data", dataType: 1, field: 4, form: 5, write: (to, value) => to.float(value) },
  { name: "int32_data", dataType: 6, field: 5, form: 0, write: (to, value) => to.int32(value) },
  { name: "int64_data", dataType: 7, field: 7, form: 0, write: (to, value) => to.int64(value) },
  { name: "double_data", dataType: 11, field: 10, form: 1, write: (to, value) => to.double(value) },
  { name: "uint64_data", dataType: 13, field: 11, form: 0, write: (to, value) => to.uint64(Math.abs(value)) },
];

function tensorBytes(
  { dataType, field, form, write }: Kind,
  values: readonly number[],
  packed: number,
  dims: number,
): Uint8Array {
  const writer = Writer.create();
  list(writer, 1, 0, 2, dims, (to, index) => to.int64(index === 0 ? values.length : 1));
  writer.uint32(8 * 2).int32(dataType);
  list(writer, field, form, values.length, packed, (to, index) => write(to, values[index] ?? 0));
  writer.uint32(8 * 8 + 2).string("w");
  return writer.finish();
}

describe("elements of tensors", () => {
  it.each(KINDS)("$name: packed, one by one, and mixed", (kind) => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -1000, max: 1000 }), { maxLength: 300 }),
        fc.nat(),
        fc.nat(2),
        (values, cut, dims) => {
          const bytes = tensorBytes(kind, values, cut % (values.length + 1), dims);
          const tensor = readTensor(decodeMessage("TensorProto", bytes), "w", () => new Uint8Array());
          expect(tensor.shape).toEqual([values.length, 1]);
          const expected = kind.dataType === 13 ? values.map(Math.abs) : values;
          expect(Array.from(tensor.data, Number)).toEqual(expected);
        },
      ),
    );
  });

  it("a list that is cut off is damaged in either form", () => {
    const [kind] = KINDS;
    if (kind === undefined) return;
    for (const packed of [0, 3]) {
      const bytes = tensorBytes(kind, [1, 2, 3], packed, 0);
      // Without the name, and without the last byte of the last element.
      expect(() => decodeMessage("TensorProto", bytes.subarray(0, bytes.length - 4))).toThrow();
    }
  });
});

describe("attributes", () => {
  it("ints and floats one by one", () => {
    const writer = Writer.create();
    writer.uint32(8 * 1 + 2).string("a");
    list(writer, 8, 0, 3, 1, (to, index) => to.int64(index - 1));
    list(writer, 7, 5, 2, 0, (to, index) => to.float(index + 0.5));
    const attribute = writer.finish();
    const node = Writer.create()
      .uint32(8 * 5 + 2)
      .bytes(attribute)
      .finish();
    const graph = Writer.create()
      .uint32(8 * 1 + 2)
      .bytes(node)
      .finish();
    const model = Writer.create()
      .uint32(8 * 7 + 2)
      .bytes(graph)
      .finish();
    const read = decodeMessage("ModelProto", model).graph?.node?.[0]?.attribute?.[0];
    expect(read?.ints?.map((value: Long) => bigintOf(value))).toEqual([-1n, 0n, 1n]);
    expect(read?.floats).toEqual([0.5, 1.5]);
  });
});

describe("a model", () => {
  it("with weights one by one gives what onnxruntime gives", async () => {
    const values = Array.from({ length: 12 }, (_, index) => index / 8 - 0.5);
    const bare = encodeModel({
      inputs: { x: { shape: [1, 12] } },
      nodes: [{ operator: "MatMul", name: "fc", inputs: ["x", "w"], outputs: ["y"] }],
      outputs: ["y"],
    });
    const [float] = KINDS;
    if (float === undefined) return;
    // A message that stands in the file twice is one, with the fields of both.
    const initializer = Writer.create()
      .uint32(8 * 5 + 2)
      .bytes(tensorBytes(float, values, 0, 0))
      .finish();
    const added = Writer.create()
      .uint32(8 * 7 + 2)
      .bytes(initializer)
      .finish();
    const bytes = Uint8Array.from([...bare, ...added]);
    const feeds = new Map([["x", tensorFrom("float32", [1, 12], values.toReversed())]]);
    const expected = (await runOnnxruntime(bytes, feeds)).get("y");
    const found = interpret(readOnnxModel(bytes, "m.onnx"), feeds, "m.onnx").get("y");
    expect(Number(found?.data[0])).toBeCloseTo(Number(expected?.data[0]), 6);
  });
});
