import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { registerConv2dBackpropFilter } from "../../runtime/training/conv2d-backprop-filter.ts";
import { seededRandom } from "../../runtime/training/random.ts";
import { loadTensorFlow, type Tensor4D, type TensorFlow } from "../../runtime/training/tensorflow.ts";
import { registerFastWasmKernels } from "../../runtime/training/wasm-speed.ts";

let tf: TensorFlow;

beforeAll(async () => {
  ({ tf } = await loadTensorFlow());
  registerConv2dBackpropFilter(tf);
  registerFastWasmKernels(tf);
});

/** Runs `compute` on the plain JavaScript backend of TensorFlow.js, the independent second opinion. */
async function onCpu<T>(compute: () => T): Promise<T> {
  const backend = tf.getBackend();
  await tf.setBackend("cpu");
  try {
    return compute();
  } finally {
    await tf.setBackend(backend);
  }
}

/** Small whole numbers: sums are exact in float32, so that backends must agree whatever their order of addition. */
function wholeNumbers(count: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => Math.floor(random.between(-4, 5)));
}

describe("the gradients of a convolution", () => {
  const geometry = fc.record({
    batch: fc.integer({ min: 1, max: 3 }),
    rows: fc.integer({ min: 4, max: 8 }),
    columns: fc.integer({ min: 4, max: 8 }),
    inputs: fc.integer({ min: 1, max: 3 }),
    outputs: fc.integer({ min: 1, max: 3 }),
    kernelRows: fc.integer({ min: 1, max: 4 }),
    kernelColumns: fc.integer({ min: 1, max: 4 }),
    stride: fc.constantFrom<[number, number]>([1, 1], [2, 2], [1, 2], [3, 1]),
    pad: fc.constantFrom<"valid" | "same">("valid", "same"),
    seed: fc.integer(),
  });

  test("equal those of the JavaScript backend for any shape, stride and padding", async () => {
    await fc.assert(
      fc.asyncProperty(geometry, async (g) => {
        const gradients = () => {
          const xShape: [number, number, number, number] = [g.batch, g.rows, g.columns, g.inputs];
          const wShape: [number, number, number, number] = [g.kernelRows, g.kernelColumns, g.inputs, g.outputs];
          const x = tf.tensor4d(wholeNumbers(g.batch * g.rows * g.columns * g.inputs, g.seed), xShape);
          const filters = g.kernelRows * g.kernelColumns * g.inputs * g.outputs;
          const w = tf.tensor4d(wholeNumbers(filters, g.seed + 1), wShape);
          const y = tf.conv2d(x, w, g.stride, g.pad);
          const dy = tf.tensor(wholeNumbers(y.size, g.seed + 2), y.shape);
          const [dx, dw] = tf.grads((a, b) => tf.conv2d(a as typeof x, b as typeof w, g.stride, g.pad))([x, w], dy);
          return [...(dx?.dataSync() ?? []), ...(dw?.dataSync() ?? [])];
        };
        const here = tf.tidy(gradients);
        const there = await onCpu(() => tf.tidy(gradients));
        expect(here.length).toBeGreaterThan(0);
        expect(here).toEqual(there);
      }),
      { numRuns: 60 },
    );
  });

  test("equal difference quotients on a 2-channel 5×4 image with a 3×2 filter, stride [2, 1]", () => {
    tf.tidy(() => {
      const x = tf.tensor4d(wholeNumbers(40, 1), [1, 5, 4, 2]);
      const values = wholeNumbers(3 * 2 * 2 * 3, 2);
      const sumOfSquares = (filter: Float32Array) =>
        tf
          .conv2d(x, tf.tensor4d(filter, [3, 2, 2, 3]), [2, 1], "valid")
          .square()
          .sum();
      const gradient = tf.grad((w) =>
        tf
          .conv2d(x, w as typeof x, [2, 1], "valid")
          .square()
          .sum(),
      )(tf.tensor4d(values, [3, 2, 2, 3]));
      // The loss is quadratic in each weight, so the central difference over whole numbers is exact.
      const quotients = Array.from(values, (_, index) => {
        const [up, down] = [1, -1].map((step) => {
          const moved = values.slice();
          moved[index] = (moved[index] ?? NaN) + step;
          return sumOfSquares(moved).dataSync()[0] ?? NaN;
        });
        return ((up ?? NaN) - (down ?? NaN)) / 2;
      });
      expect([...gradient.dataSync()]).toEqual(quotients);
    });
  });

  test("in NCHW equal those in NHWC", () => {
    tf.tidy(() => {
      const x = tf.tensor4d(wholeNumbers(2 * 5 * 6 * 3, 3), [2, 5, 6, 3]);
      const dy = tf.tensor4d(wholeNumbers(2 * 4 * 4 * 2, 4), [2, 4, 4, 2]);
      const attributes = { strides: 1, pad: "valid", filterShape: [2, 3, 3, 2] };
      const run = (inputs: { x: typeof x; dy: typeof x }, dataFormat: string) =>
        tf.engine().runKernel("Conv2DBackpropFilter", inputs, { ...attributes, dataFormat }) as typeof x;
      const last = run({ x, dy }, "NHWC");
      const first = run({ x: x.transpose([0, 3, 1, 2]), dy: dy.transpose([0, 3, 1, 2]) }, "NCHW");
      expect([...first.dataSync()]).toEqual([...last.dataSync()]);
    });
  });

  test("leave no tensor behind, and registering twice changes nothing", () => {
    registerConv2dBackpropFilter(tf);
    registerFastWasmKernels(tf);
    const gradient = () =>
      tf.tidy(() =>
        tf.grad((w) => tf.conv2d(tf.ones([1, 6, 6, 1]) as Tensor4D, w as never, 1, "valid").sum())(
          tf.ones([3, 3, 1, 1]),
        ),
      );
    gradient().dispose();
    const before = tf.memory().numTensors;
    gradient().dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("matrix products with transposed operands", () => {
  test("equal those of the JavaScript backend, single and in stacks", async () => {
    const products = () =>
      tf.tidy(() => {
        const a = tf.tensor(wholeNumbers(2 * 3 * 5, 7), [2, 3, 5]);
        const b = tf.tensor(wholeNumbers(2 * 5 * 4, 8), [2, 5, 4]);
        const at = a.transpose([0, 2, 1]);
        const bt = b.transpose([0, 2, 1]);
        const matrices = [a.matMul(b), at.matMul(b, true), a.matMul(bt, false, true), at.matMul(bt, true, true)];
        const flat = at.slice([0], [1]).squeeze<typeof a>([0]);
        matrices.push(flat.matMul(b.slice([0], [1]).squeeze([0]), true));
        return matrices.map((matrix) => [...matrix.dataSync()]);
      });
    const here = products();
    expect(here[1]).toEqual(here[0]);
    expect(here[2]).toEqual(here[0]);
    expect(here[3]).toEqual(here[0]);
    expect(here).toEqual(await onCpu(products));
  });
});
