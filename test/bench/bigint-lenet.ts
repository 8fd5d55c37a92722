/**
 * The arithmetic of the `intrinsic` datapath written straight in BigInt, layer by layer: every product rounded (nearest,
 * ties away from zero) and saturated, every addition saturated in output-stationary order, bias, ReLU, maximum pooling.
 * It knows no machine, no instruction and no evidence, and its sums go through no quantize function of the project: the
 * benchmark's opponent, and a check of the engine's raws on the way.
 */

import type { Conv2dNode, DenseNode, Graph, PoolNode } from "../../compiler/graph/graph.ts";
import { type Compilation, layerFacts } from "../../compiler/index.ts";
import { type DatapathSpec, InvariantError, quantizeFloat64, type RegisterSpec } from "../../isa/index.ts";
import { type BigintSum, bigintSum, isNearestSaturate } from "./opponents/bigint-sums.ts";

/** An image with its shape; words in row, column, channel order. */
interface Words {
  readonly shape: readonly number[];
  readonly raws: BigInt64Array;
}

type Layer = (input: Words) => Words;

/** One image of raws in, the raws of the last layer out. */
export type BigintNetwork = (image: BigInt64Array) => BigInt64Array;

/** A network of convolutions, maximum pools, dense layers and reshapes, every register `intrinsic`, nearest, saturate. */
export function bigintNetwork({ graph, assignment }: Pick<Compilation, "graph" | "assignment">): BigintNetwork {
  const layers = networkLayers(graph, assignment);
  return (image) =>
    layers.reduce((words, layer) => layer(words), { shape: graph.input.shape, raws: image } as Words).raws;
}

function networkLayers(graph: Graph, assignment: Compilation["assignment"]): readonly Layer[] {
  const facts = new Map(layerFacts(graph).map((layer) => [layer.name, layer]));
  return graph.nodes.flatMap((node): Layer[] => {
    if (node.op === "softmax") return [];
    if (node.op === "reshape") return [({ raws }) => ({ shape: node.shape, raws })];
    if (node.op === "pool") return [maximumPool(node)];
    if (node.op !== "conv2d" && node.op !== "dense") throw new InvariantError(`no BigInt arithmetic for ${node.op}`);
    const datapath = assignment[node.name];
    const layer = facts.get(node.name);
    if (datapath === undefined || layer?.weights == null) throw new InvariantError(`layer "${node.name}" lacks words`);
    const words = (values: Float32Array, register: RegisterSpec): BigInt64Array =>
      BigInt64Array.from(values, (value) => quantizeFloat64(value, register).raw);
    const filters = node.kernel.shape.at(-1) ?? 0;
    const weights = columnsOf(words(layer.weights, datapath.weight), filters);
    const bias = words(layer.bias ?? new Float32Array(filters), datapath.bias);
    if (node.activation === "relu6") throw new InvariantError("no ReLU6 here");
    const fire = neurons(
      weights,
      bias,
      node.activation === "relu",
      sumsOf(datapath),
      datapath.product.format.wordLength,
    );
    return [node.op === "conv2d" ? convolution(node, fire) : dense(node, fire)];
  });
}

/** From [k][filter] to one array of steps per filter. */
function columnsOf(weights: BigInt64Array, filters: number): BigInt64Array[] {
  const steps = weights.length / filters;
  return Array.from({ length: filters }, (_, filter) =>
    BigInt64Array.from({ length: steps }, (_step, step) => weights[step * filters + filter] ?? 0n),
  );
}

function sumsOf({ input, weight, product, accumulator, bias, output }: DatapathSpec): BigintSum {
  const { wordLength, fractionLength } = product.format;
  const same = [accumulator, bias, output].every(
    ({ format }) => format.wordLength === wordLength && format.fractionLength === fractionLength && format.signed,
  );
  if (!same || ![product, accumulator, output].every(isNearestSaturate)) {
    throw new InvariantError("the BigInt benchmark is intrinsic, nearest, saturate");
  }
  return bigintSum(input.format.fractionLength + weight.format.fractionLength - fractionLength, wordLength);
}

/** Every filter on one patch of inputs, bias and activation included; writes to `output` from `start` on. */
type Neurons = (patch: BigInt64Array, output: BigInt64Array, start: number) => void;

function neurons(
  columns: readonly BigInt64Array[],
  biases: BigInt64Array,
  relu: boolean,
  sumOf: BigintSum,
  wordLength: number,
): Neurons {
  const end = 1n << BigInt(wordLength - 1);
  return (patch, output, start) => {
    for (let filter = 0; filter < columns.length; filter++) {
      const sum = sumOf(patch, columns[filter] as BigInt64Array) + (biases[filter] as bigint);
      const fitted = sum > end - 1n ? end - 1n : sum < -end ? -end : sum;
      output[start + filter] = relu && fitted < 0n ? 0n : fitted;
    }
  };
}

function convolution(node: Conv2dNode, fire: Neurons): Layer {
  const [kernelRows = 1, kernelColumns = 1, channels = 1] = node.kernel.shape;
  const [outputRows = 1, outputColumns = 1] = node.shape;
  const filters = node.shape[2] ?? 1;
  const patch = new BigInt64Array(kernelRows * kernelColumns * channels);
  const { top, bottom, left, right } = node.padding;
  if (node.groups !== 1 || top + bottom + left + right > 0) throw new InvariantError("no padding, no groups here");
  return ({ shape, raws }) => {
    const [, columns = 1] = shape;
    const output = new BigInt64Array(outputRows * outputColumns * filters);
    for (let row = 0; row < outputRows; row++) {
      for (let column = 0; column < outputColumns; column++) {
        let step = 0;
        for (let kernelRow = 0; kernelRow < kernelRows; kernelRow++) {
          const inputRow = row * node.strides[0] + kernelRow * node.dilations[0];
          for (let kernelColumn = 0; kernelColumn < kernelColumns; kernelColumn++) {
            const inputColumn = column * node.strides[1] + kernelColumn * node.dilations[1];
            const start = (inputRow * columns + inputColumn) * channels;
            for (let channel = 0; channel < channels; channel++) patch[step++] = raws[start + channel] as bigint;
          }
        }
        fire(patch, output, (row * outputColumns + column) * filters);
      }
    }
    return { shape: node.shape, raws: output };
  };
}

function dense(node: DenseNode, fire: Neurons): Layer {
  return ({ raws }) => {
    const output = new BigInt64Array(node.shape[0] ?? 1);
    fire(raws, output, 0);
    return { shape: node.shape, raws: output };
  };
}

function maximumPool(node: PoolNode): Layer {
  const { top, bottom, left, right } = node.padding;
  if (node.kind !== "maximum" || top + bottom + left + right > 0) throw new InvariantError("maximum pools only here");
  const [outputRows = 1, outputColumns = 1, channels = 1] = node.shape;
  return ({ shape, raws }) => {
    const [, columns = 1] = shape;
    const output = new BigInt64Array(outputRows * outputColumns * channels);
    let written = 0;
    for (let row = 0; row < outputRows; row++) {
      for (let column = 0; column < outputColumns; column++) {
        for (let channel = 0; channel < channels; channel++) {
          let largest: bigint | undefined;
          for (let kernelRow = 0; kernelRow < node.kernel[0]; kernelRow++) {
            for (let kernelColumn = 0; kernelColumn < node.kernel[1]; kernelColumn++) {
              const inputRow = row * node.strides[0] + kernelRow;
              const inputColumn = column * node.strides[1] + kernelColumn;
              const raw = raws[(inputRow * columns + inputColumn) * channels + channel] as bigint;
              if (largest === undefined || raw > largest) largest = raw;
            }
          }
          output[written++] = largest ?? 0n;
        }
      }
    }
    return { shape: node.shape, raws: output };
  };
}
