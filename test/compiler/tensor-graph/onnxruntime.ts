/** The same model through onnxruntime and through the interpreter. */
import fc from "fast-check";
import * as ort from "onnxruntime-web";
import { readOnnxModel } from "../../../compiler/importers/onnx/model.ts";
import { interpret } from "../../../compiler/tensor-graph/evaluation/interpret.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, AttributeValue, ElementType } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { encodeModel } from "../importers/onnx-model.ts";

ort.env.wasm.numThreads = 1;

/** One node with all it reads; integers in attributes are bigint. */
export interface NodeCase {
  readonly operator: string;
  readonly opset: number;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Undefined where an optional input is left out. */
  readonly inputs: readonly (AnyTensor | undefined)[];
  /** Number of outputs; 1 unless told. */
  readonly outputs?: number;
  readonly outputTypes?: readonly ElementType[];
  /** Inputs that the model holds as constants. */
  readonly constants?: readonly number[];
}

/** What the interpreter gives; throws `DiagnosticError` as it does. */
export function interpreted(nodeCase: NodeCase): readonly AnyTensor[] {
  const { bytes, feeds } = modelOf(nodeCase);
  return [...interpret(readOnnxModel(bytes, "case.onnx"), feeds, "case.onnx").values()];
}

/** What onnxruntime gives; throws where it refuses the model. */
export async function byOnnxruntime(nodeCase: NodeCase): Promise<readonly AnyTensor[]> {
  const { bytes, feeds } = modelOf(nodeCase);
  return [...(await runOnnxruntime(bytes, feeds)).values()];
}

/** Outputs of a model's bytes by name, in the model's order; throws where onnxruntime refuses it. */
export async function runOnnxruntime(
  bytes: Uint8Array,
  feeds: ReadonlyMap<string, AnyTensor>,
): Promise<ReadonlyMap<string, AnyTensor>> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 });
  try {
    const named = [...feeds].map(([name, { type, data, shape }]) => [name, new ort.Tensor(type, data, shape)] as const);
    const results = await session.run(Object.fromEntries(named));
    return new Map(
      session.outputNames.map((name) => {
        const tensor = results[name];
        if (tensor === undefined) throw new Error(`no output ${name}`);
        return [name, { type: tensor.type, shape: tensor.dims, data: tensor.data } as unknown as AnyTensor];
      }),
    );
  } finally {
    await session.release();
  }
}

/** Throws unless both give the same types, shapes and, within `tolerance` of the larger of 1 and the element, elements. */
export async function expectAgreement(nodeCase: NodeCase, tolerance = 1e-5): Promise<void> {
  const own = interpreted(nodeCase);
  const other = await byOnnxruntime(nodeCase);
  for (const [position, expected] of other.entries()) {
    const found = own[position];
    if (found === undefined) throw new Error(`output ${position} is missing`);
    expectNear(found, expected, tolerance);
  }
}

export function expectNear(found: AnyTensor, expected: AnyTensor, tolerance: number): void {
  if (found.type !== expected.type || String(found.shape) !== String(expected.shape)) {
    throw new Error(`found ${found.type} [${found.shape}], expected ${expected.type} [${expected.shape}]`);
  }
  for (let index = 0; index < expected.data.length; index++) {
    const a = Number(found.data[index]);
    const b = Number(expected.data[index]);
    if (Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b))) continue;
    throw new Error(`element ${index} is ${a}, expected ${b}: [${found.data}] and [${expected.data}]`);
  }
}

function modelOf({
  operator,
  opset,
  attributes = {},
  inputs,
  outputs = 1,
  outputTypes = [],
  constants = [],
}: NodeCase): {
  readonly bytes: Uint8Array;
  readonly feeds: ReadonlyMap<string, AnyTensor>;
} {
  const named = inputs.map((tensor, position) => ({ name: `x${position}`, tensor, position }));
  const given = named.flatMap(({ name, tensor, position }) => (tensor ? [{ name, tensor, position }] : []));
  const fed = given.filter(({ position }) => !constants.includes(position));
  const held = given.filter(({ position }) => constants.includes(position));
  const names = Array.from({ length: outputs }, (_, position) => `y${position}`);
  return {
    bytes: encodeModel({
      opset,
      inputs: Object.fromEntries(fed.map(({ name, tensor: { type, shape } }) => [name, { type, shape }])),
      constants: Object.fromEntries(held.map(({ name, tensor }) => [name, tensor])),
      nodes: [
        {
          operator,
          name: "node",
          attributes,
          inputs: named.map(({ name, tensor }) => (tensor === undefined ? "" : name)),
          outputs: names,
        },
      ],
      outputs: names,
      outputTypes: Object.fromEntries(outputTypes.map((type, position) => [`y${position}`, type])),
    }),
    feeds: new Map(fed.map(({ name, tensor }) => [name, tensor])),
  };
}

/** float32 of quarters between −4 and 4: sums and products of few of them are exact. */
export function quarters(shape: readonly number[]): fc.Arbitrary<AnyTensor> {
  return elements(
    "float32",
    shape,
    fc.integer({ min: -16, max: 16 }).map((value) => value / 4),
  );
}

/** A tensor of elements drawn one by one. */
export function elements(
  type: ElementType,
  shape: readonly number[],
  element: fc.Arbitrary<number>,
): fc.Arbitrary<AnyTensor> {
  const count = shape.reduce((total, size) => total * size, 1);
  return fc
    .array(element, { minLength: count, maxLength: count })
    .map((numbers): AnyTensor => tensorFrom(type, shape, numbers));
}

export function maybe<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined });
}

/** ONNX's integers. */
export function integers(values: readonly number[]): readonly bigint[] {
  return values.map(BigInt);
}

/** Runs of a property through onnxruntime, where one takes some 20 ms. */
export function runs(usual: number): number {
  return process.env.MACROSCOPE_LONG === "1" ? 5 * usual : usual;
}
