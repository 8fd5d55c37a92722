import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatText, parseFormat } from "../../../../isa/index.ts";
import {
  assignmentOf,
  integerBitsOf,
  registerBits,
  type SearchRegister,
  type SearchSpace,
  sensible,
  shortened,
  startFormats,
  withFormat,
} from "../../../../runtime/exploration/search/search-space.ts";
import { looksAt } from "../../../../runtime/exploration/trial-runner.ts";

const register = (
  layer: string,
  name: SearchRegister["register"],
  integerBits: number,
  producer: string | null = null,
): SearchRegister => ({
  layer,
  register: name,
  signed: true,
  integerBits,
  observedIntegerBits: integerBits,
  provenIntegerBits: null,
  producer,
});

const SPACE: SearchSpace = {
  registers: [
    register("a", "product", 1),
    register("a", "accumulator", 5),
    register("a", "output", 4),
    register("b", "input", 4, "a"),
    register("b", "product", -2),
    register("b", "accumulator", 9),
  ],
  defaults: { datapath: "intrinsic" },
  automatic: () => null,
};

const texts = (formats: readonly { wordLength: number; fractionLength: number; signed: boolean }[]): string[] =>
  formats.map(formatText);

describe("the formats a search may choose", () => {
  it("start at the integer bits, a product with no more fraction bits than its accumulator", () => {
    const start = startFormats(SPACE, 16);
    expect(texts(start)).toEqual(["12,11", "16,11", "16,12", "16,12", "5,7", "16,7"]);
    expect(assignmentOf(SPACE, start)).toEqual({
      default: { datapath: "intrinsic" },
      // b reads a's words as they are.
      layers: {
        a: { product: "12,11", accumulator: "16,11", output: "16,12" },
        b: { product: "5,7", accumulator: "16,7" },
      },
    });
  });

  it("follow what they depend on: inputs their producer, products their accumulator", () => {
    const start = startFormats(SPACE, 16);
    const output = withFormat(SPACE, start, 2, parseFormat("6,3"));
    expect(formatText(output[3] ?? parseFormat("1,0"))).toBe("6,3");
    const narrow = withFormat(SPACE, output, 3, parseFormat("5,2"));
    expect(assignmentOf(SPACE, narrow).layers?.b).toMatchObject({ input: "5,2" });
    const accumulator = withFormat(SPACE, start, 1, parseFormat("8,3"));
    expect(formatText(accumulator[0] ?? parseFormat("1,0"))).toBe("4,3");
    expect(registerBits(SPACE, narrow)).toBe(registerBits(SPACE, output) + 5);
  });

  it("lose one bit at either end, down to one, and stay sensible however often", () => {
    expect(shortened(parseFormat("1,0"), "low")).toBeNull();
    expect(formatText(shortened(parseFormat("5,2"), "low") ?? parseFormat("1,0"))).toBe("4,1");
    expect(formatText(shortened(parseFormat("5,2"), "high") ?? parseFormat("1,0"))).toBe("4,2");
    const move = fc.tuple(
      fc.nat({ max: SPACE.registers.length - 1 }),
      fc.constantFrom("low" as const, "high" as const),
    );
    fc.assert(
      fc.property(fc.array(move, { maxLength: 120 }), (moves) => {
        let formats = startFormats(SPACE, 16);
        for (const [index, end] of moves) {
          const old = formats[index];
          const shorter = old === undefined ? null : shortened(old, end);
          if (shorter !== null) formats = withFormat(SPACE, formats, index, shorter);
        }
        expect(sensible(SPACE, formats)).toEqual(formats);
        for (const { wordLength, fractionLength } of formats) {
          expect(wordLength).toBeGreaterThanOrEqual(1);
          expect(fractionLength).toBeGreaterThanOrEqual(-128);
        }
        const [product, accumulator, output, input] = formats;
        if (product && accumulator) expect(product.fractionLength).toBeLessThanOrEqual(accumulator.fractionLength);
        if (input && output && input.wordLength > 1) {
          expect(input.fractionLength).toBeLessThanOrEqual(output.fractionLength);
          expect(integerBitsOf(input)).toBeLessThanOrEqual(integerBitsOf(output));
        }
      }),
    );
  });

  it("are tried in looks that together are all images once, each as many as seen before", () => {
    expect(looksAt({ first: 7, images: 1000 }, 100).map(({ images }) => images)).toEqual([100, 100, 200, 400, 200]);
    expect(looksAt({ first: 7, images: 30 }, 100)).toEqual([{ first: 7, images: 30 }]);
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 600 }),
        (from, images, size) => {
          let next = from;
          for (const look of looksAt({ first: from, images }, size)) {
            expect(look.first).toBe(next);
            next += look.images;
          }
          expect(next).toBe(from + images);
        },
      ),
    );
  });
});
