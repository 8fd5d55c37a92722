/** Drawn networks with a type for every layer that hls4ml has, their configuration, and what hls4ml makes of an image. */
import fc from "fast-check";
import type { Graph, GraphNode, Tensor } from "../../../../compiler/graph/graph.ts";
import {
  activate,
  average,
  cast,
  type Exact,
  exact,
  maximum,
  type OracleType,
  OVERFLOWS,
  ROUNDINGS,
  sumOf,
  typeText,
} from "../../../oracles/hls4ml.ts";

const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

/** `fraction`: at least so many fraction bits. */
export function oracleTypes(fraction = 0, maximumFraction = 6): fc.Arbitrary<OracleType> {
  return fc
    .record({
      integer: small(2, 6),
      fraction: small(fraction, maximumFraction),
      signed: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
      rounding: fc.constantFrom(...(Object.keys(ROUNDINGS) as (keyof typeof ROUNDINGS)[])),
      overflow: fc.constantFrom(...(Object.keys(OVERFLOWS) as (keyof typeof OVERFLOWS)[])),
    })
    .map(({ integer, fraction: bits, ...rest }) => ({ wordLength: integer + bits, integer, ...rest }));
}

export interface DrawnTypes {
  readonly input: OracleType;
  readonly weight: OracleType;
  readonly bias: OracleType;
  readonly accum: OracleType;
  readonly result: OracleType;
  /** Of the layer's own activation. */
  readonly inner: OracleType;
  readonly outer: OracleType;
  readonly pool: OracleType;
  readonly dense: OracleType;
  readonly denseResult: OracleType;
  readonly last: OracleType;
}

export interface DrawnNetwork {
  readonly graph: Graph;
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly image: readonly number[];
  readonly expected: readonly Exact[];
}

/** Wide enough that nothing is lost. */
export const WIDE: OracleType = { wordLength: 40, integer: 20, signed: true, rounding: "TRN", overflow: "WRAP" };

function tensor(shape: readonly number[], seed: number): Tensor {
  const length = shape.reduce((product, side) => product * side, 1);
  let state = seed * 2 + 1;
  const data = Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (((state >>> 24) % 17) - 8) / 4;
  });
  return { shape, data };
}

/** Convolution, its activation, perhaps another one, perhaps a pool, then a dense layer. */
export const drawnNetworks: fc.Arbitrary<DrawnNetwork> = fc
  .record({
    rows: small(2, 5),
    columns: small(2, 4),
    channels: small(1, 2),
    kernel: small(1, 2),
    filters: small(1, 3),
    inner: fc.constantFrom("none" as const, "relu" as const, "relu6" as const),
    outer: fc.constantFrom(null, "relu" as const, "relu6" as const),
    pooled: fc.constantFrom(null, "maximum" as const, "average" as const),
    units: small(1, 3),
    seed: small(0, 1000),
    types: fc.record({
      input: oracleTypes(),
      weight: oracleTypes(2),
      bias: oracleTypes(2),
      accum: oracleTypes(),
      result: fc.oneof(oracleTypes(), fc.constant(WIDE)),
      inner: fc.oneof(oracleTypes(), fc.constant(WIDE)),
      outer: fc.oneof(oracleTypes(), fc.constant(WIDE)),
      pool: fc.oneof(oracleTypes(), fc.constant(WIDE)),
      dense: oracleTypes(),
      denseResult: oracleTypes(),
      last: fc.oneof(oracleTypes(), fc.constant(WIDE)),
    }),
  })
  .map((drawn) => networkOf(drawn));

interface Drawn {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  readonly kernel: number;
  readonly filters: number;
  readonly inner: "none" | "relu" | "relu6";
  readonly outer: "relu" | "relu6" | null;
  readonly pooled: "maximum" | "average" | null;
  readonly units: number;
  readonly seed: number;
  readonly types: DrawnTypes;
}

function networkOf(drawn: Drawn): DrawnNetwork {
  const { rows, columns, channels, kernel, filters, inner, outer, pooled, units, seed, types } = drawn;
  const [height, width] = [rows - kernel + 1, columns - kernel + 1];
  const convolution = tensor([kernel, kernel, channels, filters], seed);
  const bias = tensor([filters], seed + 1);
  const none = { top: 0, bottom: 0, left: 0, right: 0 };
  const nodes: GraphNode[] = [
    {
      op: "conv2d",
      name: "c",
      inputs: ["x"],
      shape: [height, width, filters],
      kernel: convolution,
      bias,
      strides: [1, 1],
      dilations: [1, 1],
      padding: none,
      groups: 1,
      activation: inner,
      requantization: null,
    },
  ];
  const precision = (fields: Readonly<Record<string, OracleType>>) => ({
    Precision: Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, typeText(type)])),
  });
  const innerName = inner === "none" ? "linear" : inner;
  const layers: Record<string, unknown> = {
    x: precision({ result: types.input }),
    c: precision({ weight: types.weight, bias: types.bias, accum: types.accum, result: types.result }),
    [`c_${innerName}`]: precision({ result: types.inner }),
  };
  let source = "c";
  if (outer !== null) {
    nodes.push({ op: "activation", name: "act", inputs: ["c"], shape: [height, width, filters], activation: outer });
    layers.act = precision({ result: types.outer });
    source = "act";
  }
  if (pooled !== null) {
    nodes.push({
      op: "pool",
      name: "p",
      inputs: [source],
      shape: [1, 1, filters],
      kind: pooled,
      kernel: [height, width],
      strides: [1, 1],
      padding: none,
      countPadding: false,
      requantization: null,
    });
    layers.p = precision(
      pooled === "maximum" ? { accum: WIDE, result: types.pool } : { accum: WIDE, result: types.pool },
    );
    source = "p";
  }
  const features = filters * (pooled === null ? height * width : 1);
  const dense = tensor([features, units], seed + 2);
  nodes.push(
    { op: "reshape", name: "flat", inputs: [source], shape: [features] },
    {
      op: "dense",
      name: "d",
      inputs: ["flat"],
      shape: [units],
      kernel: dense,
      bias: null,
      inputOrder: "as stored",
      activation: "none",
      requantization: null,
    },
  );
  layers.flat = precision({ result: types.pool });
  layers.d = precision({ weight: types.weight, accum: types.dense, result: types.denseResult });
  layers.d_linear = precision({ result: types.last });
  const image = Array.from({ length: rows * columns * channels }, (_, index) => (((index + seed) * 37) % 61) / 16 - 2);

  // What hls4ml computes.
  const weightAt = (data: Float32Array, index: number): Exact => cast(exact(data[index] ?? 0), types.weight);
  const input = image.map((value) => cast(exact(value), types.input));
  let values: Exact[] = [];
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      for (let filter = 0; filter < filters; filter++) {
        const taken: Exact[] = [];
        const weights: Exact[] = [];
        for (let i = 0; i < kernel; i++)
          for (let j = 0; j < kernel; j++)
            for (let channel = 0; channel < channels; channel++) {
              taken.push(input[((row + i) * columns + column + j) * channels + channel] ?? 0n);
              weights.push(weightAt(convolution.data, ((i * kernel + j) * channels + channel) * filters + filter));
            }
        const start = cast(exact(bias.data[filter] ?? 0), types.bias);
        values.push(activate(sumOf(taken, weights, start, types.accum, types.result), innerName, types.inner));
      }
  if (outer !== null) values = values.map((value) => activate(value, outer, types.outer));
  if (pooled !== null) {
    const pool = pooled === "maximum" ? maximum : average;
    values = Array.from({ length: filters }, (_, filter) =>
      pool(
        values.filter((_value, index) => index % filters === filter),
        WIDE,
        types.pool,
      ),
    );
  }
  const expected = Array.from({ length: units }, (_, unit) => {
    const weights = values.map((_value, index) => weightAt(dense.data, index * units + unit));
    return activate(sumOf(values, weights, 0n, types.dense, types.denseResult), "linear", types.last);
  });
  const graph: Graph = { name: "drawn", input: { name: "x", shape: [rows, columns, channels] }, nodes, output: "d" };
  const Model = { Precision: { default: "fixed<16,6>" }, ReuseFactor: 1 };
  return { graph, configuration: { Model, LayerName: layers }, image, expected };
}
