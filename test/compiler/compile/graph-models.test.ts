/** TensorFlow.js graph models on the machine, in a wide format: what TensorFlow.js's own executor computes. */
import { expect, it } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import { rawToFloat64 } from "../../../isa/numerics/format.ts";
import { quantizeFloat64 } from "../../../isa/numerics/quantize.ts";
import { allocateRaws, rawAt, setRaw } from "../../../isa/numerics/raws.ts";
import { register } from "../../../isa/numerics/register.ts";
import { loadTensorFlow } from "../../../runtime/training/tensorflow.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import { fastEngine } from "../../../sim/fast/engine.ts";
import { randomFloats } from "../../arbitraries/graph.ts";
import { execute, importGraph } from "../importers/graph-model.ts";
import { GRAPH_MODELS } from "../importers/graph-model-examples.ts";

const { tf } = await loadTensorFlow();

const cases = GRAPH_MODELS.flatMap(([name, file]) =>
  (["fold", "separate"] as const).map((mode) => [name, mode, file] as const),
);

it.each(cases)("%s, batch normalization: %s", async (_name, batchNormalization, file) => {
  await tf.setBackend("cpu");
  const graph = importGraph(file);
  // A look-up table sees the upper bits of its input words only: all of them where they are few.
  const before = batchNormalization === "fold" ? "up" : "scaled";
  const layers = graph.nodes.some(({ name }) => name === before) ? { [before]: { output: "14,9" } } : {};
  const { program, graph: prepared } = compile(graph, {
    machine: DEFAULT_MACHINE,
    assignment: { default: { datapath: "wide:64", format: "32,20" }, layers },
    seed: 1,
    batchNormalization,
  });
  expect(checkProgram(program)).toBeNull();
  const formatOf = (tensor: string) => {
    const found = program.tensors.find(({ name }) => name === tensor);
    if (found === undefined) throw new Error(`no tensor ${tensor}`);
    return found.format;
  };
  const count = graph.input.shape.reduce((a, b) => a * b, 1);
  const input = Float32Array.from(randomFloats(count, 5, -1, 1));
  const format = formatOf(program.input);
  const raws = allocateRaws(format, count);
  input.forEach((value, index) => {
    setRaw(raws, index, quantizeFloat64(value, register(format)).raw);
  });
  const opened = fastEngine.open(program);
  if ("fault" in opened) throw new Error(opened.fault.message);
  const result = opened.session.run({ firstImage: 0, count: 1, raws }, { statistics: false, capture: true });
  expect(result.fault).toBeNull();
  const words = result.captured.get(program.output);
  const output = formatOf(program.output);
  const numbers = Array.from({ length: words?.length ?? 0 }, (_, index) =>
    words === undefined ? Number.NaN : rawToFloat64(rawAt(words, index, output), output.fractionLength),
  );
  const hasSoftmax = prepared.nodes.at(-1)?.op === "softmax";
  const exponentials = numbers.map(Math.exp);
  const sum = exponentials.reduce((a, b) => a + b, 0);
  const actual = hasSoftmax ? exponentials.map((value) => value / sum) : numbers;
  const expected = await execute(tf, file, input, [1, ...graph.input.shape]);
  expect(actual).toHaveLength(expected.data.length);
  actual.forEach((value, index) => {
    expect(Math.abs(value - (expected.data[index] ?? Number.NaN))).toBeLessThan(2e-3);
  });
});
