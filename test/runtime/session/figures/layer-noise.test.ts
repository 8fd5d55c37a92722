/** Noise of single layers against a network computed by hand. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../../../../compiler/compile.ts";
import type { Graph } from "../../../../compiler/graph/graph.ts";
import { DEFAULT_MACHINE } from "../../../../isa/machine.ts";
import { LayerNoiseMeter } from "../../../../runtime/session/figures/layer-noise.ts";
import { openFloatReference } from "../../../../runtime/session/float.ts";
import { quantizeImages } from "../../../../runtime/session/host-input.ts";
import { ENGINES } from "../../../../sim/engines.ts";

const IMAGES = 3;

/** Two dense layers: y = W2 · (W1 · x), sizes 3 → 2 → 2. */
function graphOf(first: readonly number[], second: readonly number[]): Graph {
  const dense = (name: string, input: string, rows: number, data: readonly number[]) =>
    ({
      op: "dense",
      name,
      inputs: [input],
      shape: [2],
      kernel: { shape: [rows, 2], data: Float32Array.from(data) },
      bias: null,
      inputOrder: "as stored",
      activation: "none",
      requantization: null,
    }) as const;
  const nodes = [dense("one", "x", 3, first), dense("two", "one", 2, second)];
  return { name: "two", input: { name: "x", shape: [3] }, nodes, output: "two" };
}

function product(x: readonly number[], weights: readonly number[]): number[] {
  return [0, 1].map((unit) => x.reduce((sum, value, row) => sum + value * (weights[2 * row + unit] ?? 0), 0));
}

const quarters = (length: number) =>
  fc
    .array(fc.integer({ min: -8, max: 8 }), { minLength: length, maxLength: length })
    .map((all) => all.map((n) => n / 4));

function decibels(signal: readonly number[], noise: readonly number[]): number | null {
  const power = (values: readonly number[]): number => values.reduce((sum, value) => sum + value * value, 0);
  return power(signal) === 0 || power(noise) === 0 ? null : 10 * Math.log10(power(signal) / power(noise));
}

describe("the noise of a layer", () => {
  it("is what its own registers add to its fixed-point input, and what of that reaches the output", async () => {
    let noisy = 0;
    await fc.assert(
      fc.asyncProperty(quarters(6), quarters(4), quarters(3 * IMAGES), async (first, second, x) => {
        const graph = graphOf(first, second);
        const assignment = { default: { datapath: "wide", format: "8,2", rounding: "down" } } as const;
        // Output registers of one fraction bit: only they lose something.
        const layers = { one: { ...assignment.default, output: "8,1" }, two: { ...assignment.default, output: "8,1" } };
        const { program } = compile(graph, {
          machine: DEFAULT_MACHINE,
          assignment: { ...assignment, layers },
          seed: 1,
        });
        const opened = ENGINES.fast.open(program);
        if ("fault" in opened) throw new Error(opened.fault.message);
        const values = Float32Array.from(x);
        const inputs = quantizeImages(program, values, IMAGES, 0).raws;
        const batch = { firstImage: 0, count: IMAGES, raws: inputs };
        const { captured } = opened.session.run(batch, { statistics: false, capture: true });
        const { network } = await openFloatReference(graph);
        const meter = new LayerNoiseMeter(program, network);
        await meter.add({ count: IMAGES, values, inputs, captured });
        network.dispose();

        const half = (all: readonly number[]): number[] =>
          all.map((value) => Math.max(-64, Math.min(63.5, Math.floor(2 * value) / 2)));
        const own = { one: [] as number[][], two: [] as number[][] };
        for (let image = 0; image < IMAGES; image++) {
          const input = x.slice(3 * image, 3 * image + 3);
          const one = product(input, first);
          const fixedOne = half(one);
          const two = product(one, second);
          const twoOfFixed = product(fixedOne, second);
          const difference = (a: readonly number[], b: readonly number[]): number[] =>
            a.map((value, index) => value - (b[index] ?? 0));
          const noiseOne = difference(fixedOne, one);
          const noiseTwo = difference(half(twoOfFixed), twoOfFixed);
          own.one.push([...noiseOne, ...one, ...product(noiseOne, second), ...two]);
          own.two.push([...noiseTwo, ...twoOfFixed, ...noiseTwo, ...two]);
        }
        for (const name of ["one", "two"] as const) {
          const column = (at: number): number[] => own[name].flatMap((row) => row.slice(2 * at, 2 * at + 2));
          const [noise, signal, arrived, output] = [column(0), column(1), column(2), column(3)];
          const found = meter.figures().get(name);
          const close = (value: number | null | undefined, expected: number | null): void => {
            if (expected === null) expect(value ?? null).toBeNull();
            else expect(value).toBeCloseTo(expected, 4);
          };
          close(found?.ownSqnrDb, decibels(signal, noise));
          close(found?.outputSqnrDb, decibels(output, arrived));
          const power = (values: readonly number[]): number => values.reduce((sum, value) => sum + value * value, 0);
          close(found?.gain, power(noise) === 0 ? null : power(arrived) / power(noise));
          if (power(noise) > 0) noisy++;
        }
      }),
      { numRuns: 25 },
    );
    expect(noisy).toBeGreaterThan(10);
  });
});
