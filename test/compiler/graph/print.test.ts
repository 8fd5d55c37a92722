import { expect, it } from "vitest";
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import { OPERATORS } from "../../../compiler/graph/operators.ts";
import { printGraph } from "../../../compiler/graph/print.ts";
import { exampleGraph } from "./example.ts";

it("prints one line per node, with what differs from the plain case", () => {
  expect(printGraph(exampleGraph())).toBe(`graph example
image [7, 5, 3] = input
convolution [4, 4, 6] = conv2d(image) · kernel [3, 2, 1, 6] · bias [6] · strides 2 × 1 · dilations 1 × 2 · padding top 1 bottom 2 left 0 right 1 · groups 3 · relu6
normalized [4, 4, 6] = batchNormalization(convolution) · gamma [6] · beta [6] · mean [6] · variance [6] · epsilon 0.001
offset [4, 4, 6] = constant() · value [4, 4, 6]
sum [4, 4, 6] = add(normalized, offset)
positive [4, 4, 6] = activation(sum) · relu
difference [4, 4, 6] = subtract(positive, sum)
product [4, 4, 6] = multiply(difference, difference) · relu6
bent [4, 4, 6] = function(product) · leakyRelu · slope 0.25
leaned [4, 4, 6] = prelu(bent) · slopes [6]
local [4, 4, 6] = lrn(leaned) · alpha 0.5 · beta 0.75 · bias 2 · size 5
part [2, 2, 6] = slice(local) · 0:4:2, 1:3, 0:6
turned [2, 2, 6] = transpose(part) · axes 1, 0, 2
larger [2, 4, 6] = resize(turned) · factors 1 × 2
spread [4, 4, 6] = convTranspose2d(larger) · kernel [2, 1, 3, 6] · bias [6] · strides 2 × 1 · padding top 1 bottom 0 left 0 right 0 · output padding 1 × 0 · groups 2
both [4, 4, 12] = concatenate(positive, spread)
padded [5, 4, 12] = pad(both) · padding top 0 bottom 1 left 0 right 0
means [3, 2, 12] = pool(padded) · average of 2 × 2 · strides 2 × 2 · padding top 0 bottom 1 left 0 right 0 · padding counts
coarse [3, 2, 12] = quantize(means) · 6,3 · nearest-even · saturate
narrow [3, 2, 12] = register(coarse) · u4,3 · nearest-even · saturate · held by its readers
words [3, 2, 12] = requantize(narrow) · shift 3 · down · 0 … 255
flat [72] = reshape(words)
scores [10] = dense(flat) · kernel [72, 10]
probabilities [10] = softmax(scores)
output probabilities
`);
});

it("the example holds every operator there is", () => {
  const used = exampleGraph().nodes.map(({ op }) => op);
  expect(used.toSorted()).toEqual(Object.keys(OPERATORS).toSorted());
});

it("a builder never gives a name twice", () => {
  const builder = new GraphBuilder("names", { name: "a", shape: [1] }, "test");
  expect([
    builder.uniqueName("a"),
    builder.uniqueName("a"),
    builder.uniqueName("a/2"),
    builder.uniqueName("b"),
  ]).toEqual(["a/2", "a/3", "a/2/2", "b"]);
});
