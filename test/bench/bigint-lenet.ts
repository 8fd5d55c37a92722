/**
 * The arithmetic of the `intrinsic` datapath written straight in BigInt, layer by layer: every product rounded (nearest,
 * ties away from zero) and saturated, every addition saturated in output-stationary order, bias, ReLU, maximum pooling.
 * It knows no machine, no instruction and no evidence, and its sums go through no quantize function of the project: the
 * benchmark's opponent, and a check of the engine's raws on the way. Words of any length would do; telling V8 by
 * `BigInt.asIntN(64, …)` around every operation that 64 bits suffice makes it two to three times as fast.
 */

import type { Conv2dNode, DenseNode, Graph, PoolNode } from "../../compiler/graph/graph.ts";
import { type Compilation, layerFacts } from "../../compiler/index.ts";
import { type DatapathSpec, InvariantError, quantizeFloat64, type RegisterSpec } from "../../isa/index.ts";

/** An image with its shape; words in row, column, channel order. */
interface Words {
  readonly shape: readonly number[];
  readonly raws: readonly bigint[];
}

type Layer = (input: Words) => Words;

/** One image of raws in, the raws of the last layer out. */
export type BigintNetwork = (image: readonly bigint[]) => readonly bigint[];

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
    const words = (values: Float32Array, register: RegisterSpec): bigint[] =>
      Array.from(values, (value) => quantizeFloat64(value, register).raw);
    const filters = node.kernel.shape.at(-1) ?? 0;
    const weights = columnsOf(words(layer.weights, datapath.weight), filters);
    const bias = words(layer.bias ?? new Float32Array(filters), datapath.bias);
    if (node.activation === "relu6") throw new InvariantError("no ReLU6 here");
    const fire = neurons(weights, bias, node.activation === "relu", arithmeticOf(datapath));
    return [node.op === "conv2d" ? convolution(node, fire) : dense(node, fire)];
  });
}

/** From [k][filter] to one array of steps per filter. */
function columnsOf(weights: readonly bigint[], filters: number): bigint[][] {
  return Array.from({ length: filters }, (_, filter) => weights.filter((_, index) => index % filters === filter));
}

interface Arithmetic {
  /** Bits a product drops. */
  readonly shift: bigint;
  /** What rounds to nearest before the shift: half a unit; one bit less for a negative product, whose tie goes down. */
  readonly half: bigint;
  readonly halfBelow: bigint;
  readonly min: bigint;
  readonly max: bigint;
}

function arithmeticOf({ input, weight, product, accumulator, bias, output }: DatapathSpec): Arithmetic {
  const { wordLength, fractionLength } = product.format;
  const same = [accumulator, bias, output].every(
    ({ format }) => format.wordLength === wordLength && format.fractionLength === fractionLength && format.signed,
  );
  const plain = [product, accumulator, output].every(
    ({ rounding, overflow }) => rounding === "nearest" && overflow === "saturate",
  );
  const shift = BigInt(input.format.fractionLength + weight.format.fractionLength - fractionLength);
  if (!same || !plain || shift < 1n) throw new InvariantError("the BigInt benchmark is intrinsic, nearest, saturate");
  const end = 1n << BigInt(wordLength - 1);
  const half = 1n << (shift - 1n);
  return { shift, half, halfBelow: half - 1n, min: -end, max: end - 1n };
}

/** Every filter on one patch of inputs, bias and activation included; appends to `output`. */
type Neurons = (patch: readonly bigint[], output: bigint[]) => void;

function neurons(
  columns: readonly (readonly bigint[])[],
  biases: readonly bigint[],
  relu: boolean,
  { shift, half, halfBelow, min, max }: Arithmetic,
): Neurons {
  const sumOf = (patch: readonly bigint[], weights: readonly bigint[], bias: bigint): bigint => {
    let sum = 0n;
    for (let step = 0; step < weights.length; step++) {
      const exact = (patch[step] as bigint) * (weights[step] as bigint);
      let product = (exact + (exact < 0n ? halfBelow : half)) >> shift;
      if (product > max) product = max;
      else if (product < min) product = min;
      sum += product;
      if (sum > max) sum = max;
      else if (sum < min) sum = min;
    }
    sum += bias;
    return sum > max ? max : sum < min ? min : sum;
  };
  return (patch, output) => {
    for (let filter = 0; filter < columns.length; filter++) {
      const sum = sumOf(patch, columns[filter] as readonly bigint[], biases[filter] as bigint);
      output.push(relu && sum < 0n ? 0n : sum);
    }
  };
}

function convolution(node: Conv2dNode, fire: Neurons): Layer {
  const [kernelRows = 1, kernelColumns = 1, channels = 1] = node.kernel.shape;
  const [outputRows = 1, outputColumns = 1] = node.shape;
  const { top, bottom, left, right } = node.padding;
  if (node.groups !== 1 || top + bottom + left + right > 0) throw new InvariantError("no padding, no groups here");
  return ({ shape, raws }) => {
    const [, columns = 1] = shape;
    const output: bigint[] = [];
    const patch: bigint[] = new Array<bigint>(kernelRows * kernelColumns * channels).fill(0n);
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
        fire(patch, output);
      }
    }
    return { shape: node.shape, raws: output };
  };
}

function dense(node: DenseNode, fire: Neurons): Layer {
  return ({ raws }) => {
    const output: bigint[] = [];
    fire(raws, output);
    return { shape: node.shape, raws: output };
  };
}

function maximumPool(node: PoolNode): Layer {
  const { top, bottom, left, right } = node.padding;
  if (node.kind !== "maximum" || top + bottom + left + right > 0) throw new InvariantError("maximum pools only here");
  const [outputRows = 1, outputColumns = 1, channels = 1] = node.shape;
  return ({ shape, raws }) => {
    const [, columns = 1] = shape;
    const output: bigint[] = [];
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
          output.push(largest ?? 0n);
        }
      }
    }
    return { shape: node.shape, raws: output };
  };
}
