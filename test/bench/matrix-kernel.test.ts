import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseFormat } from "../../isa/numerics/format.ts";
import { quantize } from "../../isa/numerics/quantize.ts";
import { register } from "../../isa/numerics/register.ts";
import { PLAIN_KERNELS } from "../../sim/fast/kernels/plain.ts";
import { VECTOR_KERNELS } from "../../sim/fast/kernels/wasm/library.ts";
import { CASES } from "./cases.ts";
import { openKernel } from "./matrix-kernel.ts";
import { convolutionShape, drawWork, firstPixels, macsOf, plainShape } from "./matrix-work.ts";
import { bigintMatrix, bigintSum } from "./opponents/bigint-sums.ts";

const CHANNELS = 128;
/** The benchmark's own sums of 1,152 products, fewer of them; 19 filters fill no vector. */
const SHAPE = convolutionShape(2, 3, CHANNELS, 3, 19);

describe("the work", () => {
  test("a convolution of 2 × 3 outputs reads 4 × 5 padded pixels, each word of a patch once", () => {
    expect(SHAPE).toMatchObject({ pixels: 6, filters: 19, steps: 1152, inputWords: 4 * 5 * CHANNELS });
    expect(macsOf(SHAPE)).toBe(6 * 19 * 1152);
    expect(new Set(SHAPE.stepOffsets).size).toBe(1152);
    const last = (SHAPE.pixelOffsets.at(-1) ?? 0) + (SHAPE.stepOffsets.at(-1) ?? 0);
    expect(last).toBe(SHAPE.inputWords - 1);
  });

  test("the plain product has a row of words for every pixel", () => {
    expect(plainShape(SHAPE)).toMatchObject({ pixels: 6, filters: 19, steps: 1152, inputWords: 6 * 1152 });
  });
});

describe("every case of the benchmark", () => {
  test.each(CASES)(
    "$name: the fast and the plain kernels agree, and overflow only where the data says so",
    (registers) => {
      const drawn = drawWork(SHAPE, registers, registers.data, CHANNELS);
      // Big integers are slow; the first pixel tells as much.
      const work = registers.operand.wordLength > 32 ? firstPixels(drawn, 1) : drawn;
      const [fast, plain] = [VECTOR_KERNELS, PLAIN_KERNELS].map((library) => openKernel(library, work, registers));
      fast?.run();
      plain?.run();
      expect(Array.from(fast?.sums ?? [], BigInt)).toEqual(Array.from(plain?.sums ?? [], BigInt));
      expect(fast?.overflows()).toEqual(plain?.overflows());
      expect(fast?.overflows().product).toBe(0);
      const overflows = (fast?.overflows().accumulator ?? 0) > 0;
      expect(overflows).toBe(registers.name.includes("with overflows"));
    },
  );

  test("names are unique", () => {
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
  });
});

describe("the sum in BigInt", () => {
  test("is the definition: quantized products, quantized sums, in order", () => {
    const word = fc.bigInt({ min: -(2n ** 15n), max: 2n ** 15n - 1n });
    const pair = fc.tuple(word, fc.oneof(word, fc.constantFrom(-(2n ** 15n), 2n ** 15n - 1n, 0n, -1n)));
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 12 }), fc.integer({ min: 1, max: 15 }), (pairs, fractionLength) => {
        const spec = register({ wordLength: 16, fractionLength, signed: true });
        let sum = 0n;
        for (const [x, w] of pairs) {
          const product = quantize(x * w, 2 * fractionLength, spec).raw;
          sum = quantize(sum + product, fractionLength, spec).raw;
        }
        const [patch, weights] = [0, 1].map((side) => BigInt64Array.from(pairs, (both) => both[side] ?? 0n));
        expect(bigintSum(fractionLength, 16)(patch as BigInt64Array, weights as BigInt64Array)).toBe(sum);
      }),
    );
  });

  test("a matrix product has the fast kernel's sums", () => {
    const spec = register(parseFormat("16,8"));
    const work = drawWork(SHAPE, { operand: spec.format, product: spec, accumulator: spec }, "overflow", CHANNELS);
    const [bigint, fast] = [bigintMatrix(work), openKernel(VECTOR_KERNELS, work)];
    bigint.run(macsOf(work));
    fast.run();
    expect(Array.from(bigint.sums)).toEqual(Array.from(fast.sums, Number));
  });
});
