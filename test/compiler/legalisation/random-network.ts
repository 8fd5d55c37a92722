/** Random tensor graphs of the operators that the legaliser claims, over small ugly shapes. */
import { inferTensors } from "../../../compiler/tensor-graph/evaluation/infer-tensors.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type {
  AnyTensor,
  AttributeValue,
  TensorGraph,
  TensorNode,
} from "../../../compiler/tensor-graph/tensor-graph.ts";

/** Numbers of one draw, from a seed: splitmix32. */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 0 ≤ x < 1. */
  unit(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  }

  /** Integer from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)] as T;
  }

  chance(share: number): boolean {
    return this.unit() < share;
  }

  numbers(count: number, low = -1, high = 1): number[] {
    return Array.from({ length: count }, () => low + this.unit() * (high - low));
  }

  permutation(length: number): number[] {
    const axes = Array.from({ length }, (_, axis) => axis);
    for (let i = length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [axes[i], axes[j]] = [axes[j] as number, axes[i] as number];
    }
    return axes;
  }
}

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** A graph that grows node by node; the newest value is `value`. */
export class Growing {
  readonly draw: Draw;
  readonly opset: number;
  readonly #nodes: TensorNode[] = [];
  readonly #constants: Map<string, AnyTensor> = new Map();
  readonly #input: { readonly name: "x"; readonly type: "float32"; readonly shape: readonly number[] };
  value = "x";
  shape: readonly number[];

  constructor(draw: Draw, shape: readonly number[], opset = 17) {
    this.draw = draw;
    this.opset = opset;
    this.shape = shape;
    this.#input = { name: "x", type: "float32", shape };
  }

  float(shape: readonly number[], low = -1, high = 1): string {
    return this.constant(tensorFrom("float32", shape, this.draw.numbers(product(shape), low, high)));
  }

  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.constant(tensorFrom("int64", shape, values));
  }

  constant(tensor: AnyTensor): string {
    const name = `c${this.#constants.size}`;
    this.#constants.set(name, tensor);
    return name;
  }

  /** Appends a node, whose first output becomes the newest value. */
  add(
    operator: string,
    inputs: readonly string[] = [this.value],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    outputs = 1,
  ): readonly string[] {
    const position = this.#nodes.length;
    const names = Array.from({ length: outputs }, (_, index) => `v${position}_${index}`);
    this.#nodes.push({
      name: `${operator}_${position}`,
      operator,
      domain: "",
      opset: this.opset,
      inputs,
      outputs: names,
      attributes,
    });
    this.value = names[0] as string;
    this.shape = this.shapeOf(this.value);
    return names;
  }

  shapeOf(value: string): readonly number[] {
    return inferTensors(this.graph(value)).get(value)?.shape ?? [];
  }

  get length(): number {
    return this.#nodes.length;
  }

  graph(output: string = this.value): TensorGraph {
    return {
      name: "random",
      inputs: [this.#input],
      constants: this.#constants,
      nodes: [...this.#nodes],
      outputs: [output],
    };
  }
}

type Step = (growing: Growing) => void;

/** Steps over values of any rank. */
const ANY: readonly Step[] = [
  (g) => g.add("Relu"),
  (g) =>
    g.add("Clip", [
      g.value,
      g.constant(tensorFrom("float32", [], [0])),
      g.constant(tensorFrom("float32", [], [g.draw.pick([6, 0.5])])),
    ]),
  (g) => g.add("Clip", [g.value, "", g.constant(tensorFrom("float32", [], [0.25]))]),
  (g) => g.add("LeakyRelu", [g.value], { alpha: 0.125 }),
  (g) => g.add("Sigmoid"),
  (g) => g.add("Tanh"),
  (g) => g.add("HardSigmoid", [g.value], { alpha: 0.3, beta: 0.4 }),
  (g) => g.add("HardSwish"),
  (g) => g.add("Neg"),
  (g) => g.add("Identity"),
  (g) => g.add("Mul", [g.value, g.value]),
  (g) => g.add("Max", [g.value, g.constant(tensorFrom("float32", [], [-0.25]))]),
  (g) => g.add("Softmax", [g.value], { axis: g.draw.int(-g.shape.length, g.shape.length - 1) }),
  // Constants along some of the axes, on either side.
  (g) => {
    const shape = g.shape.map((size) => (g.draw.chance(0.5) ? size : 1)).slice(g.draw.chance(0.3) ? -1 : 0);
    const operator = g.draw.pick(["Add", "Sub", "Mul", "Div"]);
    const constant = operator === "Div" ? g.float(shape, 0.5, 2) : g.float(shape);
    g.add(operator, operator !== "Div" && g.draw.chance(0.4) ? [constant, g.value] : [g.value, constant]);
  },
  (g) => g.add("PRelu", [g.value, g.float([...g.shape.slice(1, 2), ...g.shape.slice(2).map(() => 1)], 0, 1)]),
  (g) => g.add("Transpose", [g.value], { perm: g.draw.permutation(g.shape.length) }),
  (g) => g.add("Reshape", [g.value, g.integers(regrouped(g))]),
  (g) => g.add("Flatten", [g.value], { axis: g.draw.int(0, Math.min(g.shape.length, 1)) }),
  (g) => g.add("Unsqueeze", [g.value, g.integers([g.draw.int(0, g.shape.length)])]),
  (g) => {
    const ones = g.shape.flatMap((size, axis) => (size === 1 ? [axis] : []));
    if (ones.length > 0 && g.shape.length > 1) g.add("Squeeze", [g.value, g.integers([g.draw.pick(ones)])]);
  },
  (g) => {
    const axis = g.draw.int(0, g.shape.length - 1);
    const size = g.shape[axis] as number;
    const start = g.draw.int(0, size - 1);
    const stop = g.draw.int(start + 1, size);
    g.add("Slice", [
      g.value,
      g.integers([start]),
      g.integers([stop]),
      g.integers([axis]),
      g.integers([g.draw.int(1, 3)]),
    ]);
  },
  (g) => {
    const axis = g.draw.int(0, g.shape.length - 1);
    const size = g.shape[axis] as number;
    const indices = Array.from({ length: g.draw.int(1, 4) }, () => g.draw.int(-size, size - 1));
    g.add("Gather", [g.value, g.draw.chance(0.3) ? g.integers([indices[0] as number], []) : g.integers(indices)], {
      axis,
    });
  },
  // Parts in another order.
  (g) => {
    const axis = g.draw.int(0, g.shape.length - 1);
    const size = g.shape[axis] as number;
    if (size < 2) return;
    const first = g.draw.int(1, size - 1);
    const [a = "", b = ""] = g.add("Split", [g.value, g.integers([first, size - first])], { axis }, 2);
    g.add("Concat", [b, a, b], { axis });
  },
  // The value with a transposed copy of itself, where that has its shape.
  (g) => {
    const before = g.value;
    const { shape } = g;
    g.add("Tanh");
    g.add("Transpose", [g.value], { perm: g.draw.permutation(shape.length) });
    g.add("Reshape", [g.value, g.integers(shape)]);
    g.add(g.draw.pick(["Add", "Sub", "Mul"]), g.draw.chance(0.5) ? [before, g.value] : [g.value, before]);
  },
  // A mean along some axes, which then repeats.
  (g) => {
    const before = g.value;
    const axes = g.shape.map((_, axis) => axis).filter(() => g.draw.chance(0.5));
    if (axes.length === 0) return;
    g.add(g.draw.pick(["ReduceMean", "ReduceMax"]), [g.value], { axes, keepdims: 1 });
    if (g.draw.chance(0.7))
      g.add(g.draw.pick(["Add", "Mul"]), g.draw.chance(0.5) ? [before, g.value] : [g.value, before]);
  },
  (g) => {
    const pads = [...g.shape, ...g.shape].map(() => g.draw.int(0, 3)).map((pad) => (pad === 3 ? 0 : pad));
    if (product(g.shape) < 400) g.add("Pad", [g.value, g.integers(pads)]);
  },
  (g) => {
    if (g.shape.length > 3 || product(g.shape) > 300) return;
    g.add(
      "Resize",
      [
        g.value,
        "",
        g.constant(
          tensorFrom(
            "float32",
            [g.shape.length],
            g.shape.map((_, axis) => (axis === 0 ? 1 : g.draw.int(1, 2))),
          ),
        ),
      ],
      {
        mode: "nearest",
        coordinate_transformation_mode: "asymmetric",
        nearest_mode: "floor",
      },
    );
  },
  (g) => {
    const features = g.shape.at(-1) as number;
    const constant = g.float([features, g.draw.int(1, 5)]);
    g.add("MatMul", [g.value, constant]);
  },
  (g) => {
    if (g.shape.length < 2) return;
    g.add("MatMul", [g.float([g.draw.int(1, 5), g.shape.at(-2) as number]), g.value]);
  },
  (g) => {
    const [steps = 0, batch, features = 1] = g.shape;
    if (g.shape.length === 3 && batch === 1 && steps <= 3) recurrent(g, features);
  },
  (g) => {
    if (g.shape.length !== 4 || g.shape[0] !== 1) return;
    const [, channels = 1, rows = 1, columns = 1] = g.shape;
    const mode = g.draw.pick(["DCR", "CRD"]);
    if (channels % 4 === 0) g.add("DepthToSpace", [g.value], { blocksize: 2, mode });
    else if (rows % 2 === 0 && columns % 2 === 0) g.add("SpaceToDepth", [g.value], { blocksize: 2 });
  },
  (g) => {
    if (g.shape.length !== 2) return;
    const [rows = 1, columns = 1] = g.shape;
    const transA = g.draw.chance(0.3);
    const features = transA ? rows : columns;
    const units = g.draw.int(1, 4);
    const transB = g.draw.chance(0.5);
    const bias = g.float(g.draw.pick([[units], [1], [1, units], [transA ? columns : rows, units]]));
    g.add("Gemm", [g.value, g.float(transB ? [units, features] : [features, units]), bias], {
      alpha: 0.5,
      beta: 2,
      transA: transA ? 1 : 0,
      transB: transB ? 1 : 0,
    });
  },
];

/** Steps over batches of one with channels and one or two spatial axes. */
const SPATIAL: readonly Step[] = [
  (g) => convolution(g),
  (g) => convolution(g),
  (g) => transposedConvolution(g),
  (g) => pool(g),
  (g) => pool(g),
  (g) => g.add("GlobalAveragePool"),
  (g) => {
    const channels = g.shape[1] as number;
    g.add("BatchNormalization", [
      g.value,
      g.float([channels]),
      g.float([channels]),
      g.float([channels]),
      g.float([channels], 0.5, 2),
    ]);
  },
  (g) => g.add("LRN", [g.value], { size: g.draw.int(1, 4), alpha: 0.5, beta: 0.75, bias: 1.5 }),
];

const MOST_ELEMENTS = 1500;

/** A graph of up to `steps` steps that ends in a vector in row-major order. */
export function randomNetwork(seed: number, steps: number): TensorGraph {
  const draw = new Draw(seed);
  const shape = draw.pick([
    [1, draw.int(1, 4), draw.int(1, 6), draw.int(1, 7)],
    [1, draw.int(1, 6), draw.int(1, 9)],
    [1, draw.int(1, 12)],
  ]);
  const g = new Growing(draw, shape);
  // Three axes are channels and positions only where a window reads them.
  if (shape.length === 3) convolution(g);
  else g.add("Tanh");
  for (let step = 0; step < steps; step++) {
    const spatial = (g.shape.length === 3 || g.shape.length === 4) && g.shape[0] === 1;
    draw.pick(spatial && draw.chance(0.5) ? SPATIAL : ANY)(g);
    if (product(g.shape) > MOST_ELEMENTS || g.shape.length > 5 || g.shape.length === 0) break;
  }
  g.add("Flatten", [g.value], { axis: 0 });
  return g.graph();
}

function convolution(g: Growing): void {
  const [, channels = 1, ...spatial] = g.shape;
  const groups = g.draw.pick([1, 1, channels, ...[2, 3].filter((count) => channels % count === 0)]);
  const filters = groups * g.draw.int(1, 3);
  const kernel = spatial.map(() => g.draw.int(1, 3));
  const dilations = spatial.map(() => g.draw.int(1, 2));
  const extents = kernel.map((size, axis) => (size - 1) * (dilations[axis] as number) + 1);
  const pads = windowPads(g, spatial, extents);
  const inputs = [g.value, g.float([filters, channels / groups, ...kernel])];
  g.add("Conv", g.draw.chance(0.5) ? [...inputs, g.float([filters])] : inputs, {
    group: groups,
    kernel_shape: kernel,
    dilations,
    strides: spatial.map(() => g.draw.int(1, 2)),
    ...(g.draw.chance(0.3) ? { auto_pad: g.draw.pick(["SAME_UPPER", "SAME_LOWER"]) } : { pads }),
  });
}

/** Beginnings, then ends; enough for one window. */
function windowPads(g: Growing, spatial: readonly number[], extents: readonly number[]): number[] {
  const before = extents.map((extent) => g.draw.int(0, Math.min(extent - 1, 2)));
  const after = extents.map((extent, axis) =>
    Math.max(g.draw.int(0, Math.min(extent - 1, 2)), extent - (spatial[axis] as number) - (before[axis] as number)),
  );
  return [...before, ...after];
}

function transposedConvolution(g: Growing): void {
  const [, channels = 1, ...spatial] = g.shape;
  const groups = g.draw.pick([1, channels]);
  const filters = g.draw.int(1, 2);
  const kernel = spatial.map(() => g.draw.int(1, 3));
  const strides = spatial.map(() => g.draw.int(1, 3));
  const pads = spatial.map((size, axis) => Math.min(g.draw.int(0, 1), (kernel[axis] as number) - 1, size - 1));
  g.add("ConvTranspose", [g.value, g.float([channels, filters, ...kernel]), g.float([filters * groups])], {
    group: groups,
    kernel_shape: kernel,
    strides,
    pads: [...pads, ...spatial.map(() => 0)],
    output_padding: strides.map((stride) => g.draw.int(0, stride - 1)),
  });
}

function pool(g: Growing): void {
  const [, , ...spatial] = g.shape;
  const kernel = spatial.map(() => g.draw.int(1, 3));
  const pads = windowPads(g, spatial, kernel);
  // A window of padding alone has no maximum.
  const fits = kernel.every(
    (size, axis) => (pads[axis] as number) < size && (pads[axis + kernel.length] as number) < size,
  );
  if (!fits) return;
  const operator = g.draw.pick(["MaxPool", "AveragePool"]);
  g.add(operator, [g.value], {
    kernel_shape: kernel,
    strides: spatial.map(() => g.draw.int(1, 3)),
    ceil_mode: g.draw.int(0, 1),
    pads,
    ...(operator === "AveragePool" ? { count_include_pad: g.draw.int(0, 1) } : {}),
  });
}

/** The sizes joined and split again at random; one of them may be left open. */
function regrouped(g: Growing): number[] {
  let rest = product(g.shape);
  const sizes: number[] = [];
  const most = g.draw.int(0, 3);
  for (let count = 0; count < most; count++) {
    const divisors = Array.from({ length: rest }, (_, index) => index + 1).filter((size) => rest % size === 0);
    const size = g.draw.pick(divisors);
    sizes.push(size);
    rest /= size;
  }
  sizes.push(rest);
  if (g.draw.chance(0.5)) sizes[g.draw.int(0, sizes.length - 1)] = -1;
  return sizes;
}

function recurrent(g: Growing, features: number): void {
  const hidden = g.draw.int(1, 3);
  const direction = g.draw.pick(["forward", "reverse", "bidirectional"]);
  const directions = direction === "bidirectional" ? 2 : 1;
  const [operator, gates] = g.draw.pick([
    ["LSTM", 4],
    ["GRU", 3],
  ] as const);
  const weights = [g.float([directions, gates * hidden, features]), g.float([directions, gates * hidden, hidden])];
  const bias = g.draw.chance(0.5) ? [g.float([directions, 2 * gates * hidden])] : [];
  g.add(operator, [g.value, ...weights, ...bias], { hidden_size: hidden, direction });
}
