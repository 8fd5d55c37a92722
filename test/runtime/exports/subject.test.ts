import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import { formatText } from "../../../isa/numerics/format.ts";
import { exportSubject } from "../../../runtime/exports/index.ts";

/** Two unsigned layers that are subtracted, and one of them doubled. */
function graph() {
  const builder = new GraphBuilder("g", { name: "x", shape: [4] }, "test");
  const dense = (name: string, input: string) =>
    builder.add({
      op: "dense",
      name,
      inputs: [input],
      kernel: { shape: [4, 4], data: new Float32Array(16).fill(0.25) },
      bias: null,
      inputOrder: "as stored",
      activation: "none",
      requantization: null,
    });
  dense("a", "x");
  dense("b", "a");
  builder.add({ op: "subtract", name: "difference", inputs: ["a", "b"], activation: "none" });
  return builder.finish("difference");
}

describe("what exports render", () => {
  const { layers } = exportSubject({
    model: "m",
    lowerable: graph(),
    where: "test",
    assignment: {
      default: { datapath: "wide", format: "u8,4" },
      layers: { b: { input: "u6,4", product: "14,7", output: "u10,2" } },
    },
  });
  const shown = layers.map(({ name, registers }) => [
    name,
    ...registers.map(({ register, spec, exact }) => `${register} ${formatText(spec.format)}${exact ? " exact" : ""}`),
  ]);

  it("are the registers that a layer has, and where nothing is lost", () => {
    expect(shown).toEqual([
      ["a", "input u8,4", "weight u8,4", "product u16,8 exact", "accumulator 32,8 exact", "output u8,4"],
      // Its own input register is narrower than what it reads; a sum is exact though its terms are not.
      ["b", "input u6,4", "weight u8,4", "product 14,7", "accumulator 32,8 exact", "output u10,2"],
      ["difference", "input u8,4 exact", "accumulator 14,4 exact", "output u8,4"],
    ]);
  });
});
