import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { foldConstants } from "../../../compiler/tensor-graph/evaluation/fold-constants.ts";
import { inferTensors } from "../../../compiler/tensor-graph/evaluation/infer-tensors.ts";
import { interpret } from "../../../compiler/tensor-graph/evaluation/interpret.ts";
import { unrollRecurrent } from "../../../compiler/tensor-graph/recurrent/unroll-recurrent.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, TensorGraph, TensorNode } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { elements, expectAgreement, expectNear, maybe, type NodeCase, runs } from "./onnxruntime.ts";

const OPERATORS = ["LSTM", "GRU", "RNN"] as const;
const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const;

const small = fc.integer({ min: 1, max: 3 });
const weight = fc.integer({ min: -8, max: 8 }).map((value) => value / 8);

interface Options {
  readonly opsets: readonly number[];
  /** Whether sequences may differ in length, and layout 1 may stand. */
  readonly lengths: boolean;
  readonly layouts: boolean;
}

/** Activations of one direction, by operator. */
const ACTIVATIONS = {
  LSTM: [
    ["Sigmoid", "Tanh", "Tanh"],
    ["HardSigmoid", "Relu", "Softsign"],
    ["Sigmoid", "Elu", "LeakyRelu"],
  ],
  GRU: [
    ["Sigmoid", "Tanh"],
    ["HardSigmoid", "ScaledTanh"],
  ],
  RNN: [["Tanh"], ["Affine"], ["Relu"], ["ThresholdedRelu"], ["Softplus"]],
} as const;

function recurrent(operator: (typeof OPERATORS)[number], options: Options): fc.Arbitrary<NodeCase> {
  const gates = GATES[operator];
  return fc
    .record({
      steps: fc.integer({ min: 1, max: 4 }),
      batch: small,
      features: small,
      hidden: small,
      direction: fc.constantFrom("forward", "reverse", "bidirectional"),
      layout: options.layouts ? fc.nat(1) : fc.constant(0),
      clip: maybe(fc.constantFrom(0.25, 1)),
      activations: maybe(fc.constantFrom<readonly string[]>(...ACTIVATIONS[operator])),
      before: fc.boolean(),
      coupled: fc.boolean(),
      opset: fc.constantFrom(...options.opsets),
    })
    .chain((drawn) => {
      const { steps, batch, features, hidden, direction, layout, clip, activations, before, coupled, opset } = drawn;
      const count = direction === "bidirectional" ? 2 : 1;
      const state = layout === 1 ? [batch, count, hidden] : [count, batch, hidden];
      const perDirection = operator === "GRU" ? 2 : 1;
      const alphas = Array.from({ length: count * perDirection }, (_, at) => 0.5 + at / 8);
      const betas = alphas.map((alpha) => alpha / 2);
      const real = (shape: readonly number[]): fc.Arbitrary<AnyTensor> => elements("float32", shape, weight);
      const zero = tensorFrom("float32", state, new Array(count * batch * hidden).fill(0));
      const start = fc.oneof(fc.constant(undefined), fc.constant(zero), real(state));
      const none = fc.constant(undefined);
      const lengths = options.lengths ? elements("int32", [batch], fc.integer({ min: 1, max: steps })) : none;
      return fc
        .tuple(
          real(layout === 1 ? [batch, steps, features] : [steps, batch, features]),
          real([count, gates * hidden, features]),
          real([count, gates * hidden, hidden]),
          maybe(real([count, 2 * gates * hidden])),
          maybe(lengths.map((tensor) => tensor)),
          start,
          operator === "LSTM" ? start : none,
          operator === "LSTM" ? maybe(real([count, 3 * hidden])) : none,
        )
        .map(
          (inputs): NodeCase => ({
            operator,
            opset,
            inputs: operator === "LSTM" ? inputs : inputs.slice(0, 6),
            constants: [1, 2, 3, 4, 7],
            outputs: operator === "LSTM" ? 3 : 2,
            attributes: {
              hidden_size: BigInt(hidden),
              direction,
              ...(options.layouts ? { layout: BigInt(layout) } : {}),
              ...(clip === undefined ? {} : { clip }),
              ...(activations === undefined
                ? {}
                : { activations: Array.from({ length: count }, () => activations).flat() }),
              // One value for every function that takes one.
              ...(activations?.some((name) => PARAMETRIC.has(name))
                ? { activation_alpha: alphas, activation_beta: betas }
                : {}),
              ...(operator === "GRU" ? { linear_before_reset: before ? 1n : 0n } : {}),
              ...(operator === "LSTM" ? { input_forget: coupled ? 1n : 0n } : {}),
            },
          }),
        );
    });
}

/** Functions whose parameters have no default, in ONNX or in onnxruntime. */
const PARAMETRIC: ReadonlySet<string> = new Set(["Affine", "ScaledTanh", "ThresholdedRelu"]);

/** The node of a case as a graph whose weights are constants. */
function graphOf({ operator, opset, attributes = {}, inputs, outputs = 1, constants = [] }: NodeCase): {
  readonly graph: TensorGraph;
  readonly feeds: ReadonlyMap<string, AnyTensor>;
} {
  const named = inputs.flatMap((tensor, position) => (tensor ? [{ name: `x${position}`, tensor, position }] : []));
  const fed = named.filter(({ position }) => !constants.includes(position));
  const names = Array.from({ length: outputs }, (_, position) => `y${position}`);
  const node: TensorNode = {
    name: "cell",
    operator,
    domain: "",
    opset,
    inputs: inputs.map((tensor, position) => (tensor === undefined ? "" : `x${position}`)),
    outputs: names,
    attributes,
  };
  return {
    graph: {
      name: "case",
      inputs: fed.map(({ name, tensor: { type, shape } }) => ({ name, type, shape })),
      constants: new Map(
        named.flatMap(({ name, tensor, position }) => (constants.includes(position) ? [[name, tensor]] : [])),
      ),
      nodes: [node],
      outputs: names,
    },
    feeds: new Map(fed.map(({ name, tensor }) => [name, tensor])),
  };
}

describe("recurrent operators", () => {
  it.each(OPERATORS)(
    "%s equals onnxruntime's for directions, lengths, states, clips and activations",
    async (operator) => {
      // onnxruntime knows no layout 1, and couples the gates of an LSTM in a way of its own where it clips them.
      const cases = recurrent(operator, { opsets: [7, 13, 14], lengths: true, layouts: false });
      await fc.assert(
        fc.asyncProperty(cases, (nodeCase) => expectAgreement(nodeCase, 1e-4)),
        { numRuns: runs(15) },
      );
    },
  );

  it.each(OPERATORS)("%s unrolled equals the operator, whichever outputs are read", (operator) => {
    const cases = recurrent(operator, { opsets: [14, 22], lengths: false, layouts: true });
    const read = fc.subarray([0, 1, 2], { minLength: 1 });
    fc.assert(
      fc.property(cases, read, fc.boolean(), (nodeCase, wanted, statesAreConstant) => {
        const states = statesAreConstant ? [5, 6] : [];
        const { graph: whole, feeds } = graphOf({ ...nodeCase, constants: [...(nodeCase.constants ?? []), ...states] });
        const outputs = whole.outputs.filter((_, position) => wanted.includes(position));
        const graph = { ...whole, outputs: outputs.length === 0 ? whole.outputs : outputs };
        const unrolled = unrollRecurrent(graph, inferTensors(graph));
        expect(unrolled.nodes.some((node) => node.operator === operator)).toBe(false);
        expect(new Set(unrolled.nodes.map(({ name }) => name)).size).toBe(unrolled.nodes.length);
        const folded = foldConstants(unrolled);
        const expected = interpret(graph, feeds);
        const found = interpret(folded, feeds);
        for (const [name, tensor] of expected) expectNear(found.get(name) as AnyTensor, tensor, 2e-5);
      }),
      { numRuns: 100 },
    );
  });

  it("an LSTM of opset 7 with a clip unrolls to the Clip of that opset", () => {
    const cases = recurrent("LSTM", { opsets: [7, 10], lengths: false, layouts: false }).filter(
      ({ attributes }) => attributes?.clip !== undefined,
    );
    fc.assert(
      fc.property(cases, (nodeCase) => {
        const { graph, feeds } = graphOf(nodeCase);
        const found = interpret(unrollRecurrent(graph, inferTensors(graph)), feeds);
        for (const [name, tensor] of interpret(graph, feeds)) expectNear(found.get(name) as AnyTensor, tensor, 2e-5);
      }),
      { numRuns: 20 },
    );
  });

  it("an LSTM of two steps that starts from zeros is one Gemm per gate and step, without states at first", () => {
    const ones = (shape: readonly number[]): AnyTensor =>
      tensorFrom("float32", shape, new Array(shape.reduce((total, size) => total * size, 1)).fill(1));
    const { graph } = graphOf({
      operator: "LSTM",
      opset: 14,
      inputs: [
        ones([2, 1, 3]),
        ones([1, 8, 3]),
        ones([1, 8, 2]),
        undefined,
        undefined,
        tensorFrom("float32", [1, 1, 2], [0, 0]),
      ],
      attributes: { hidden_size: 2n },
      outputs: 2,
      constants: [1, 2, 5],
    });
    const { nodes } = unrollRecurrent({ ...graph, outputs: ["y1"] }, inferTensors(graph));
    const first = nodes
      .filter(({ name }) => name.startsWith("cell/step 0/"))
      .map(({ name, operator }) => `${name} ${operator}`);
    expect(first).toEqual([
      "cell/step 0/input Gather",
      "cell/step 0/input sum Gemm",
      "cell/step 0/input gate Sigmoid",
      "cell/step 0/cell sum Gemm",
      "cell/step 0/candidate Tanh",
      "cell/step 0/cell Mul",
      "cell/step 0/output sum Gemm",
      "cell/step 0/output gate Sigmoid",
      "cell/step 0/shown Tanh",
      "cell/step 0/hidden Mul",
    ]);
    expect(nodes.filter(({ operator }) => operator === "Gemm")).toHaveLength(7);
    expect(nodes.filter(({ operator }) => operator === "Concat")).toHaveLength(1);
  });

  it.each<[string, readonly (AnyTensor | undefined)[], readonly number[], RegExp]>([
    ["weights that are computed", [], [], /cell.*LSTM, opset 14.*input W: is a value that the network computes/],
    ["sequences of several lengths", [tensorFrom("int32", [2], [1, 2])], [1, 2, 4], /sequence_lens: found \[1, 2\]/],
  ])("does not unroll %s", (_what, [lengths], constants, message) => {
    const filled = (shape: readonly number[]): AnyTensor =>
      tensorFrom("float32", shape, new Array(shape.reduce((total, size) => total * size, 1)).fill(0.5));
    const { graph } = graphOf({
      operator: "LSTM",
      opset: 14,
      inputs: [filled([2, 2, 3]), filled([1, 8, 3]), filled([1, 8, 2]), undefined, lengths],
      attributes: { hidden_size: 2n },
      constants,
    });
    expect(() => unrollRecurrent(graph, inferTensors(graph))).toThrow(message);
  });
});
