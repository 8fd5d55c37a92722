/** Which channels are scaled, and how far. */
import { describe, expect, it } from "vitest";
import { chosenExponents, type ExponentRequest } from "../../../compiler/equalization/channel-exponents.ts";
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import type { Activation, Graph, Tensor } from "../../../compiler/graph/graph.ts";
import type { LayerEntry } from "../../../compiler/quantization/specification.ts";

interface Case {
  /** One depthwise weight a channel, and those of a 1 × 1 convolution behind, filter after filter. */
  readonly weights: readonly number[];
  readonly behind: readonly (readonly number[])[];
  readonly bias?: readonly number[];
  /** Sums of each channel; the greatest for values, the least, where it is given, below 0. */
  readonly sums: readonly number[];
  readonly least?: readonly number[];
  readonly activation?: Activation;
}

const row = (values: readonly number[]): Tensor => ({ shape: [values.length], data: Float32Array.from(values) });
const WINDOW = { strides: [1, 1], dilations: [1, 1], padding: { top: 0, bottom: 0, left: 0, right: 0 } } as const;

function network({ weights, behind, bias, activation = "none" }: Case): Graph {
  const channels = weights.length;
  const builder = new GraphBuilder("two", { name: "image", shape: [1, 1, channels] }, "test");
  builder.add({
    ...WINDOW,
    op: "conv2d",
    name: "dw",
    inputs: ["image"],
    kernel: { shape: [1, 1, 1, channels], data: Float32Array.from(weights) },
    bias: bias === undefined ? null : row(bias),
    groups: channels,
    activation,
  });
  const data = Float32Array.from(weights.flatMap((_, channel) => behind.map((filter) => filter[channel] ?? 0)));
  const kernel = { shape: [1, 1, channels, behind.length], data };
  const pointwise = { op: "conv2d", name: "pw", inputs: ["dw"], bias: null, groups: 1, activation: "none" } as const;
  return builder.finish(builder.add({ ...WINDOW, ...pointwise, kernel }));
}

function chosen(
  each: Case,
  entry: LayerEntry = { datapath: "wide", format: "8,auto" },
  which: ExponentRequest["which"] = "starved",
): readonly number[] | undefined {
  const { sums, least = sums.map(() => 0), activation } = each;
  const max = Math.max(...sums);
  const min = activation === "relu" ? 0 : Math.min(...least);
  const exponents = chosenExponents(network(each), {
    specification: { default: entry },
    ranges: { image: { min: 0, max: 1 }, dw: { min, max }, pw: { min: -1, max: 1 } },
    sums: new Map([["dw", { min: Float64Array.from(least), max: Float64Array.from(sums) }]]),
    which,
    where: "test",
  });
  return exponents.dw;
}

const FAULT: Case = { weights: [100, 0.3], behind: [[0.001, 1]], sums: [100, 0.3] };

describe("chosenExponents", () => {
  it("brings a channel of 0.3 beside one of 100 to within a factor of 2 of it", () => {
    expect(chosen(FAULT)).toEqual([0, 8]);
  });

  it("leaves channels alone that have words, unless all that gain are asked for", () => {
    const mild: Case = { weights: [100, 3], behind: [[0.01, 0.3]], sums: [100, 3] };
    expect(chosen(mild)).toBeUndefined();
    expect(chosen(mild, undefined, "all")).toEqual([0, 5]);
    expect(chosen(FAULT, { datapath: "wide", format: "16,auto" })).toBeUndefined();
    expect(chosen(FAULT, { datapath: "wide", format: "8,0" })).toBeUndefined();
    expect(chosen(FAULT, { datapath: "wide", format: "8,0", weight: "8,auto" }, "all")).toEqual([0, 8]);
  });

  it("leaves a starved channel alone that hardly matters behind, unless all that gain are asked for", () => {
    const minor: Case = { weights: [100, 100, 0.3], behind: [[1, 0.5, 0.5]], sums: [100, 100, 0.3] };
    expect(chosen(minor)).toBeUndefined();
    expect(chosen(minor, undefined, "all")?.[2]).toBeGreaterThan(0);
  });

  it("leaves a channel of zeros alone", () => {
    const dead: Case = { weights: [100, 0.3, 0], behind: [[0.001, 1, 0.001]], sums: [100, 0.3, 0] };
    expect(chosen(dead)).toEqual([0, 8, 0]);
  });

  it("scales nothing where the weights behind would lose more than the words gain", () => {
    // The filter's largest weight sets its step, beside which 0.001 · 2^−e is nothing.
    expect(chosen({ ...FAULT, behind: [[1, 0.001]] })).toBeUndefined();
    // Two filters with a binary point of their own each: what one gains outweighs what the other loses.
    const two = {
      ...FAULT,
      behind: [
        [0.001, 1],
        [1, 0.001],
      ],
    };
    expect(chosen(two)?.[1]).toBeGreaterThan(0);
    expect(chosen(two)?.[1]).toBeLessThan(8);
  });

  it("lets no weight grow beyond the largest of its layer, unless each filter has a binary point of its own", () => {
    const heavy = { ...FAULT, weights: [100, 30] };
    expect(chosen(heavy)).toEqual([0, 8]);
    expect(chosen(heavy, { datapath: "intrinsic", format: "8,auto" })).toEqual([0, 1]);
    const onePoint = { format: "8,auto", perFilter: false };
    expect(chosen(heavy, { datapath: "wide", format: "8,auto", weight: onePoint })).toEqual([0, 1]);
  });

  it("lets no sum before the activation and no bias grow beyond the largest sum", () => {
    expect(chosen({ ...FAULT, activation: "relu", least: [0, -11] })).toEqual([0, 3]);
    expect(chosen({ ...FAULT, bias: [0, 3] })).toEqual([0, 5]);
  });

  it("makes no weight so small that float32 could not hold it", () => {
    const tiny: Case = { ...FAULT, behind: [[2 ** -132, 2 ** -122]] };
    expect(chosen(tiny)).toEqual([0, 4]);
  });

  it("touches no layer that goes through a quantizer of another kind", () => {
    const weight = { format: "8,auto", quantizer: "ternary" };
    expect(chosen(FAULT, { datapath: "wide", format: "8,auto", weight })).toBeUndefined();
  });
});
