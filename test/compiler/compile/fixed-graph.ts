/**
 * What a graph with a register for every point means: nested loops over exact integers, layer by layer, with the order of
 * accumulation of each dataflow and nothing of tiles, memories or instructions. Deterministic rounding only.
 */
import type {
  Conv2dNode,
  ConvTranspose2dNode,
  DenseNode,
  Graph,
  GraphNode,
  PoolNode,
} from "../../../compiler/graph/graph.ts";
import type { ResolvedAssignment } from "../../../compiler/quantization/resolve-assignment.ts";
import type { LayerOptions } from "../../../compiler/quantization/resolve-layer.ts";
import type { Machine } from "../../../isa/machine.ts";
import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import { quantize, quantizeFloat64, quantizeQuotient } from "../../../isa/numerics/quantize.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import type { DatapathSpec } from "../../../isa/program/datapath.ts";
import { functionWord } from "../../oracles/function-words.ts";

export interface FixedValue {
  readonly shape: readonly number[];
  readonly format: FixedPointFormat;
  readonly raws: readonly bigint[];
}

type Order = Pick<Machine, "dataflow" | "rows">;

/** Every stored value of a prepared graph, from the raws of its input. */
export function evaluateFixed(
  graph: Graph,
  assignment: Pick<ResolvedAssignment, "formats" | "options">,
  machine: Order,
  input: FixedValue,
): ReadonlyMap<string, FixedValue> {
  const values = new Map([[graph.input.name, input]]);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => known(values.get(name)));
    const first = known(inputs[0]);
    if (node.op === "reshape") values.set(node.name, { ...first, shape: node.shape });
    else if (node.op !== "softmax") {
      const datapath = known(assignment.formats[node.name]);
      const single = inputs.length === 1 || known(assignment.options[node.name]).explicitInput;
      const loaded = inputs.map((value) => (single ? requantized(value, datapath.input) : value));
      const countPadding = assignment.options[node.name]?.countPadding;
      const options = known(assignment.options[node.name]);
      values.set(node.name, layer(node, loaded, datapath, machine, countPadding, options));
    }
  }
  return values;
}

function layer(
  node: GraphNode,
  inputs: readonly FixedValue[],
  datapath: DatapathSpec,
  machine: Order,
  countPadding: boolean | undefined,
  options: LayerOptions,
): FixedValue {
  const x = known(inputs[0]);
  const { format } = datapath.output;
  switch (node.op) {
    case "conv2d":
      return { shape: node.shape, format, raws: convolution(node, x, datapath, machine) };
    case "dense":
      return { shape: node.shape, format, raws: dense(node, x, datapath, machine) };
    case "pool":
      return { shape: node.shape, format, raws: pool(node, x, datapath, countPadding ?? node.countPadding) };
    case "pad": {
      const { top, left } = node.padding;
      const raws = indices(node.shape).map(([row = 0, column = 0, channel = 0]) =>
        finished(pixel(x, row - top, column - left, channel), x.format, "none", datapath),
      );
      return { shape: node.shape, format, raws };
    }
    case "activation":
      return {
        shape: node.shape,
        format,
        raws: x.raws.map((raw) => finished(raw, x.format, node.activation, datapath)),
      };
    case "add": {
      let sum = x;
      inputs.slice(1).forEach((operand, index) => {
        const activation = index === inputs.length - 2 ? node.activation : "none";
        const fraction = Math.max(sum.format.fractionLength, operand.format.fractionLength);
        const raws = sum.raws.map((raw, element) => {
          const exact =
            align(raw, sum.format, fraction) + align(known(operand.raws[element]), operand.format, fraction);
          return finished(exact, { wordLength: 192, fractionLength: fraction, signed: true }, activation, datapath);
        });
        sum = { shape: node.shape, format, raws };
      });
      return sum;
    }
    case "subtract":
    case "multiply": {
      const other = known(inputs[1]);
      const product = node.op === "multiply";
      const [xFraction, otherFraction] = [x.format.fractionLength, other.format.fractionLength];
      const fraction = product ? xFraction + otherFraction : Math.max(xFraction, otherFraction);
      const raws = x.raws.map((raw, element) => {
        const second = known(other.raws[element]);
        const exact = product ? raw * second : align(raw, x.format, fraction) - align(second, other.format, fraction);
        return finished(exact, { wordLength: 192, fractionLength: fraction, signed: true }, node.activation, datapath);
      });
      return { shape: node.shape, format, raws };
    }
    case "function": {
      const word = functionWord(node.function, x.format, datapath.output, options);
      return { shape: node.shape, format, raws: x.raws.map(word) };
    }
    case "prelu": {
      const slopes = node.slopes.data;
      // Every float32 number is a multiple of 2^−149.
      const raws = x.raws.map((raw, element) => {
        const slope = raw < 0n ? known(slopes[element % slopes.length]) : 1;
        return quantize(raw * BigInt(slope * 2 ** 149), x.format.fractionLength + 149, datapath.output).raw;
      });
      return { shape: node.shape, format, raws };
    }
    case "slice":
      return moved(node, x, datapath, (at) =>
        at.map((index, axis) => known(node.start[axis]) + index * known(node.step[axis])),
      );
    case "transpose":
      return moved(node, x, datapath, (at) => {
        const source: number[] = [];
        for (const [axis, from] of node.permutation.entries()) source[from] = known(at[axis]);
        return source;
      });
    case "resize":
      return moved(node, x, datapath, ([row = 0, column = 0, channel = 0]) => [
        Math.floor(row / node.factors[0]),
        Math.floor(column / node.factors[1]),
        channel,
      ]);
    case "convTranspose2d":
      return { shape: node.shape, format, raws: transposedConvolution(node, x, datapath, machine) };
    case "concatenate": {
      const pixels = x.raws.length / known(x.shape.at(-1));
      const raws = Array.from({ length: pixels }, (_, at) =>
        inputs.flatMap((value) => {
          const channels = known(value.shape.at(-1));
          const words = value.raws.slice(at * channels, (at + 1) * channels);
          return words.map((raw) => finished(raw, value.format, "none", datapath));
        }),
      );
      return { shape: node.shape, format, raws: raws.flat() };
    }
    default:
      throw new Error(`no layer: ${node.op}`);
  }
}

function convolution(node: Conv2dNode, x: FixedValue, datapath: DatapathSpec, machine: Order): readonly bigint[] {
  const [kernelRows = 0, kernelColumns = 0, perGroup = 0, filters = 0] = node.kernel.shape;
  return indices(node.shape).map(([row = 0, column = 0, filter = 0]) => {
    const group = Math.floor((filter * node.groups) / filters);
    const terms = indices([kernelRows, kernelColumns, perGroup]).map(([i = 0, j = 0, k = 0], step) => {
      const y = row * node.strides[0] + i * node.dilations[0] - node.padding.top;
      const z = column * node.strides[1] + j * node.dilations[1] - node.padding.left;
      const weight = quantizeFloat64(known(node.kernel.data[step * filters + filter]), datapath.weight).raw;
      return pixel(x, y, z, group * perGroup + k) * weight;
    });
    return sum(terms, node.bias?.data[filter], node.activation, x.format, datapath, machine);
  });
}

/** Kernel positions that fall on input positions, last kernel row first; input positions outside the image are zeros. */
function transposedConvolution(
  node: ConvTranspose2dNode,
  x: FixedValue,
  datapath: DatapathSpec,
  machine: Order,
): readonly bigint[] {
  const [kernelRows = 0, kernelColumns = 0, perGroup = 0, filters = 0] = node.kernel.shape;
  const sources = (output: number, kernel: number, axis: 0 | 1, cut: number) =>
    Array.from({ length: kernel }, (_, index) => kernel - 1 - index).flatMap((position) => {
      const scaled = output + cut - position * node.dilations[axis];
      return scaled % node.strides[axis] === 0 ? [{ position, source: scaled / node.strides[axis] }] : [];
    });
  return indices(node.shape).map(([row = 0, column = 0, filter = 0]) => {
    const group = Math.floor((filter * node.groups) / filters);
    const terms = sources(row, kernelRows, 0, node.padding.top).flatMap((y) =>
      sources(column, kernelColumns, 1, node.padding.left).flatMap((z) =>
        Array.from({ length: perGroup }, (_, k) => {
          const step = (y.position * kernelColumns + z.position) * perGroup + k;
          const weight = quantizeFloat64(known(node.kernel.data[step * filters + filter]), datapath.weight).raw;
          return pixel(x, y.source, z.source, group * perGroup + k) * weight;
        }),
      ),
    );
    const all = terms.length === 0 ? [0n] : terms;
    return sum(all, node.bias?.data[filter], node.activation, x.format, datapath, machine);
  });
}

/** Every element through the output register alone. */
function moved(
  { shape }: GraphNode,
  x: FixedValue,
  datapath: DatapathSpec,
  from: (position: readonly number[]) => readonly number[],
): FixedValue {
  const raws = indices(shape).map((position) => {
    const source = from(position);
    const offset = x.shape.reduce((total, size, axis) => total * size + known(source[axis]), 0);
    return finished(known(x.raws[offset]), x.format, "none", datapath);
  });
  return { shape, format: datapath.output.format, raws };
}

function dense(node: DenseNode, x: FixedValue, datapath: DatapathSpec, machine: Order): readonly bigint[] {
  const [, units = 0] = node.kernel.shape;
  const channels = x.shape.at(-1) ?? 1;
  const positions = x.raws.length / channels;
  const ordered =
    node.inputOrder === "as stored"
      ? x.raws
      : x.raws.map((_, k) => known(x.raws[(k % positions) * channels + Math.floor(k / positions)]));
  return Array.from({ length: units }, (_, unit) => {
    const terms = ordered.map(
      (raw, k) => raw * quantizeFloat64(known(node.kernel.data[k * units + unit]), datapath.weight).raw,
    );
    return sum(terms, node.bias?.data[unit], node.activation, x.format, datapath, machine);
  });
}

/** Exact products in ascending k to a word of the output. */
function sum(
  terms: readonly bigint[],
  bias: number | undefined,
  activation: "none" | "relu" | "relu6",
  inputFormat: FixedPointFormat,
  datapath: DatapathSpec,
  { dataflow, rows }: Order,
): bigint {
  const { product, accumulator } = datapath;
  const exactFraction = inputFormat.fractionLength + datapath.weight.format.fractionLength;
  const products = terms.map((term) => quantize(term, exactFraction, product).raw);
  const add = (a: bigint, b: bigint, format: FixedPointFormat): bigint => {
    const fraction = Math.max(accumulator.format.fractionLength, format.fractionLength);
    return quantize(align(a, accumulator.format, fraction) + align(b, format, fraction), fraction, accumulator).raw;
  };
  const biasWord = bias === undefined ? 0n : quantizeFloat64(bias, datapath.bias).raw;
  const first = datapath.biasOrder === "first";
  const start = first ? quantize(biasWord, datapath.bias.format.fractionLength, accumulator).raw : 0n;
  const groups = dataflow === "output-stationary" ? [products] : chunked(products, rows);
  let total = 0n;
  if (dataflow === "output-stationary") {
    total = products.reduce((a, b) => add(a, b, product.format), start);
  } else if (dataflow === "tree") {
    total = groups.reduce(
      (a, group) =>
        add(
          a,
          group.reduce((x, y) => x + y, 0n),
          product.format,
        ),
      start,
    );
  } else {
    const columns = groups.map((group) => group.reduce((a, b) => add(a, b, product.format), 0n));
    const [opening, ...others] = first ? [start, ...columns] : columns;
    total = others.reduce((a, b) => add(a, b, accumulator.format), known(opening));
  }
  const register = datapath.sum ?? accumulator;
  let value = datapath.sum ? quantize(total, accumulator.format.fractionLength, datapath.sum).raw : total;
  if (bias !== undefined && !first) {
    const fraction = Math.max(register.format.fractionLength, datapath.bias.format.fractionLength);
    const exact = align(value, register.format, fraction) + align(biasWord, datapath.bias.format, fraction);
    value = quantize(exact, fraction, register).raw;
  }
  return finished(value, register.format, activation, datapath);
}

function pool(node: PoolNode, x: FixedValue, datapath: DatapathSpec, countPadding: boolean): readonly bigint[] {
  const [rows = 0, columns = 0] = x.shape;
  const { accumulator, output } = datapath;
  return indices(node.shape).map(([row = 0, column = 0, channel = 0]) => {
    const valid = indices(node.kernel)
      .map(
        ([i = 0, j = 0]) =>
          [row * node.strides[0] - node.padding.top + i, column * node.strides[1] - node.padding.left + j] as const,
      )
      .filter(([y, z]) => y >= 0 && y < rows && z >= 0 && z < columns)
      .map(([y, z]) => pixel(x, y, z, channel));
    if (node.kind === "maximum") return valid.reduce((a, b) => (a > b ? a : b));
    const fraction = Math.max(accumulator.format.fractionLength, x.format.fractionLength);
    const total = valid.reduce(
      (a, b) =>
        quantize(align(a, accumulator.format, fraction) + align(b, x.format, fraction), fraction, accumulator).raw,
      0n,
    );
    const count = countPadding ? node.kernel[0] * node.kernel[1] : valid.length;
    if (datapath.averageDivider) {
      return quantizeQuotient(total, BigInt(count), accumulator.format.fractionLength, output).raw;
    }
    const reciprocal = BigInt(Math.floor(2 ** 16 / count + 0.5));
    return quantize(total * reciprocal, accumulator.format.fractionLength + 16, output).raw;
  });
}

/** Activation and output register. */
function finished(
  raw: bigint,
  format: FixedPointFormat,
  activation: "none" | "relu" | "relu6",
  { accumulator, output }: DatapathSpec,
): bigint {
  const bound = quantizeFloat64(6, register(accumulator.format)).raw;
  const fraction = Math.max(format.fractionLength, accumulator.format.fractionLength);
  let value = align(raw, format, fraction);
  if (activation !== "none" && value < 0n) value = 0n;
  const limit = align(bound, accumulator.format, fraction);
  if (activation === "relu6" && value > limit) value = limit;
  return quantize(value, fraction, output).raw;
}

function requantized(value: FixedValue, target: RegisterSpec): FixedValue {
  if (JSON.stringify(value.format) === JSON.stringify(target.format)) return value;
  const raws = value.raws.map((raw) => quantize(raw, value.format.fractionLength, target).raw);
  return { shape: value.shape, format: target.format, raws };
}

function align(raw: bigint, format: FixedPointFormat, fraction: number): bigint {
  return raw << BigInt(fraction - format.fractionLength);
}

/** Zero outside the image. */
function pixel({ shape, raws }: FixedValue, row: number, column: number, channel: number): bigint {
  const [rows = 0, columns = 0, channels = 0] = shape;
  if (row < 0 || row >= rows || column < 0 || column >= columns) return 0n;
  return known(raws[(row * columns + column) * channels + channel]);
}

function indices(shape: readonly number[]): readonly (readonly number[])[] {
  return shape.reduce<readonly (readonly number[])[]>(
    (all, size) => all.flatMap((index) => Array.from({ length: size }, (_, at) => [...index, at])),
    [[]],
  );
}

function chunked(values: readonly bigint[], size: number): readonly (readonly bigint[])[] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, at) => values.slice(at * size, (at + 1) * size));
}

function known<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("missing value");
  return value;
}
