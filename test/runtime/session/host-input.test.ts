/** Images become words of the input tensor on the host, with the same evidence as a register inside the machine. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import { quantizeFloat64 } from "../../../isa/numerics/quantize.ts";
import { rawAt } from "../../../isa/numerics/raws.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import type { LayerSymbol, Program } from "../../../isa/program/program.ts";
import { inputTrap, quantizeImages } from "../../../runtime/session/host-input.ts";
import { deterministicRoundingModes, registers } from "../../arbitraries/numerics.ts";

const ELEMENTS = 6;

/** As much of a program as the host looks at. */
function programWithInput(spec: RegisterSpec, seed = 1): Program {
  const datapath = { input: spec, weight: spec, product: spec, accumulator: spec, bias: spec, output: spec };
  const layer: LayerSymbol = {
    name: "first",
    kind: "copy",
    firstInstruction: 0,
    endInstruction: 0,
    macs: 0,
    datapath: { ...datapath, averageDivider: false },
    inputs: ["image"],
    output: "image",
    constants: {},
    doubleRounding: false,
  };
  return {
    machine: DEFAULT_MACHINE,
    seed,
    instructions: [],
    tensors: [{ name: "image", role: "input", address: 0, shape: [2, 3, 1], format: spec.format }],
    constants: [],
    layers: [layer],
    tiles: [],
    compileOverflow: [],
    input: "image",
    output: "image",
    hostOperators: [],
    metadata: {},
  };
}

/** float32 values around a register's range, extremes among them. */
function images(spec: RegisterSpec, count: number): fc.Arbitrary<Float32Array> {
  const end = 2 ** Math.min(120, Math.max(-120, spec.format.wordLength - spec.format.fractionLength));
  const value = fc.oneof(
    fc.double({ min: -2 * end, max: 2 * end, noNaN: true }),
    fc.constantFrom<number[]>(0, -0, 1, -1, 0.5 * end, 2 ** -149, -(2 ** -126), 3.4028234663852886e38),
  );
  return fc
    .array(value, { minLength: count * ELEMENTS, maxLength: count * ELEMENTS })
    .map((all) => Float32Array.from(all));
}

/** A float32 as an integer at 149 fraction bits. */
function exact(value: number): bigint {
  return BigInt(value * 2 ** 149);
}

describe("quantizing images on the host", () => {
  it("gives the words of quantizeFloat64 and exact counts, ranges and errors", () => {
    const drawn = registers(deterministicRoundingModes()).chain((spec) => fc.tuple(fc.constant(spec), images(spec, 3)));
    fc.assert(
      fc.property(drawn, fc.nat(3), ([spec, values], observed) => {
        const { raws, evidence } = quantizeImages(programWithInput(spec), values, 3, observed);
        const quantized = Array.from(values, (value) => quantizeFloat64(value, spec));
        expect(quantized.map((_, index) => rawAt(raws, index, spec.format))).toEqual(quantized.map(({ raw }) => raw));
        expect(evidence.overflow).toBe(quantized.filter(({ overflowed }) => overflowed).length);
        const first = quantized.findIndex(({ overflowed }) => overflowed);
        if (first < 0) expect(evidence.first).toBeNull();
        else {
          expect(evidence.first).toMatchObject({
            image: Math.floor(first / ELEMENTS),
            pixel: first % ELEMENTS,
            register: "input",
            instruction: -1,
            before: quantized[first]?.rounded,
            after: quantized[first]?.raw,
          });
        }
        const seen = quantized.slice(0, observed * ELEMENTS);
        if (observed === 0) {
          expect(evidence.statistics).toBeNull();
          return;
        }
        const statistics = evidence.statistics;
        const rounded = seen.map((each) => each.rounded);
        expect(statistics).toMatchObject({
          count: seen.length,
          min: rounded.reduce((a, b) => (a < b ? a : b)),
          max: rounded.reduce((a, b) => (a > b ? a : b)),
          flushedToZero: seen.filter(({ rounded: word }, index) => word === 0n && values[index] !== 0).length,
        });
        // Σ (rounded − exact), both at 149 + 192 fraction bits.
        const fraction = spec.format.fractionLength;
        const scale = (raw: bigint, from: number): bigint => raw << BigInt(149 + 192 - from);
        const error = rounded.reduce(
          (sum, word, index) => sum + scale(word, fraction) - scale(exact(values[index] ?? 0), 149),
          0n,
        );
        expect(scale(statistics?.errorSum ?? 0n, statistics?.errorFraction ?? 0)).toBe(error);
      }),
      { numRuns: 300, seed: 6 },
    );
  });

  it("stochastic rounding draws the same words for an image wherever it stands in a run", () => {
    const spec = register({ wordLength: 8, fractionLength: 3, signed: true }, "stochastic");
    const values = Float32Array.from({ length: 4 * ELEMENTS }, (_, index) => index / 7);
    const all = quantizeImages(programWithInput(spec, 5), values, 4, 4);
    const again = quantizeImages(programWithInput(spec, 5), values, 4, 0);
    expect(again.raws).toEqual(all.raws);
    expect(quantizeImages(programWithInput(spec, 5), values, 2, 0).raws).toEqual(all.raws.slice(0, 2 * ELEMENTS));
    expect(quantizeImages(programWithInput(spec, 6), values, 4, 0).raws).not.toEqual(all.raws);
    const rest = quantizeImages(programWithInput(spec, 5), values.subarray(ELEMENTS), 3, 0, 1);
    expect(rest.raws).toEqual(all.raws.slice(ELEMENTS));
  });

  it("a trap in the input register is a fault with its element; without overflow there is none", () => {
    const spec = register({ wordLength: 4, fractionLength: 2, signed: true }, "nearest", "trap");
    const values = new Float32Array(2 * ELEMENTS).fill(1);
    expect(inputTrap(quantizeImages(programWithInput(spec), values, 2, 0))).toBeNull();
    values[ELEMENTS + 4] = 7;
    expect(inputTrap(quantizeImages(programWithInput(spec), values, 2, 0))).toMatchObject({
      kind: "overflow-trap",
      site: { image: 1, pixel: 4, before: 28n },
    });
    expect(inputTrap(quantizeImages(programWithInput(spec), values, 2, 0, 30))?.site?.image).toBe(31);
  });
});
