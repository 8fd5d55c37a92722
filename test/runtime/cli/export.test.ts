import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { EXPORT_FORMATS } from "../../../runtime/exports/index.ts";
import { invoke } from "./invoke.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "macroscope-export-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));

function file(name: string, content = ""): string {
  const path = join(FOLDER, name);
  if (content !== "") writeFileSync(path, content);
  return path;
}

const ASSIGNMENT =
  'default: { datapath: wide, format: "10,6", rounding: nearest-even }\nlayers:\n  conv1: { format: "u8,8" }\n';

describe("macroscope export", () => {
  it.each(EXPORT_FORMATS)("writes %s and says what the format leaves out", async (format) => {
    const [from, to] = [file("formats.yaml", ASSIGNMENT), file(`out.${format}`)];
    const { code, stdout, stderr } = await invoke("export", from, "--to", format, "-o", to);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`${format} of lenet5`);
    expect(readFileSync(to).length).toBeGreaterThan(1000);
    expect(stdout.includes("Not in it")).toBe(!["json", "csv", "hls4ml"].includes(format));
  });

  it.each(["json", "csv", "hls4ml"])(
    "writes %s that --assign reads: the same digest",
    async (format) => {
      const [from, to] = [file("formats.yaml", ASSIGNMENT), file(`again.${format}`)];
      await invoke("export", from, "--to", format, "-o", to);
      const results = [from, to].map((_, index) => file(`result${index}.json`));
      for (const [index, assign] of [from, to].entries()) {
        const run = ["run", "--assign", assign, "--images", "2", "--workers", "1", "--json", results[index] ?? ""];
        expect((await invoke(...run)).code).toBe(0);
      }
      const [first, second] = results.map((path) => JSON.parse(readFileSync(path, "utf8")).digest as string);
      expect(first).toMatch(/^[0-9a-f]{64}$/);
      expect(second).toBe(first);
      // hls4ml has these words in registers of its own kind.
      if (format === "hls4ml") return;
      // A result is read too, with the network and the ranges it was made with.
      const [csv, json] = [file("result.csv"), file("summary.json")];
      const { code, stderr } = await invoke("export", results[1] ?? "", "--to", "csv", "-o", csv, "--json", json);
      expect([code, stderr]).toEqual([0, expect.any(String)]);
      const direct = file("direct.csv");
      await invoke("export", from, "--to", "csv", "-o", direct);
      expect(readFileSync(csv, "utf8")).toBe(readFileSync(direct, "utf8"));
      expect(JSON.parse(readFileSync(json, "utf8"))).toMatchObject({ schema: "macroscope/export/1", model: "lenet5" });
    },
    60_000,
  );

  it("exports what a search found, and says where it found nothing", async () => {
    const configuration = { model: "lenet5", assignment: { default: { format: "16,8" } } };
    const chosen = { name: "chosen", assignment: { default: { datapath: "intrinsic", format: "9,5" } } };
    const found = file("bits.json", JSON.stringify({ schema: "macroscope/bits/1", configuration, chosen }));
    const to = file("bits.sv");
    expect((await invoke("export", found, "--to", "systemverilog", "-o", to)).code).toBe(0);
    expect(readFileSync(to, "utf8")).toContain("localparam int conv1_weight_W = 9;");
    const none = file("none.json", JSON.stringify({ schema: "macroscope/bits/1", configuration, chosen: null }));
    const { code, stderr } = await invoke("export", none, "--to", "json", "-o", file("none.out"));
    expect(code).toBe(2);
    expect(stderr).toContain("a search that found no assignment");
  });

  it("names the registers whose mode the format lacks, of many the first and how many, and writes nothing", async () => {
    const odd = {
      product: '{ format: "8,4", rounding: stochastic }',
      output: '{ format: "8,4", rounding: stochastic }',
    };
    const few = file(
      "few.yaml",
      `default: { format: "8,4" }\nlayers: { conv1: { product: ${odd.product}, output: ${odd.output} } }\n`,
    );
    const named = await invoke("export", few, "--to", "cpp-ap", "-o", file("odd.h"));
    for (const register of ["product", "output"]) {
      expect(named.stderr).toMatch(
        new RegExp(`layer "conv1": ${register}: ap_fixed has no rounding stochastic.*json, csv`),
      );
    }
    const from = file("odd.yaml", 'default: { format: "8,4", rounding: stochastic }\n');
    const { code, stderr } = await invoke("export", from, "--to", "cpp-ap", "-o", file("odd.h"));
    expect(code).toBe(2);
    expect(stderr).toMatch(/layer "conv1": input and [0-9]+ more: ap_fixed has no rounding stochastic.*json, csv/);
    expect(() => readFileSync(join(FOLDER, "odd.h"))).toThrow();
  });

  it.each([
    ["text.csv", "layer,kind,register,word_length\nconv1,conv2d,input,8\n", "no column fraction_length"],
    ["wrong.json", '{"schema":"macroscope/assignment/1","model":"m","layers":[{"name":1}]}', "layers.0.name"],
    ["sweep.json", '{"schema":"macroscope/sweep/1","configuration":{}}', "holds no assignment"],
    ["type.yaml", "Model: { Precision: 'fixed<16' }\n", "which is no type"],
    [
      "mode.yaml",
      "Model: { Precision: 'fixed<9,3>' }\nLayerName: { conv1: { Precision: { result: 'fixed<16,6,RND_CONV_ODD>' } } }\n",
      "RND_CONV_ODD",
    ],
    ["auto.yaml", "Model: { Precision: auto }\nLayerName: {}\n", "auto for the whole model"],
    [
      "name.yaml",
      "LayerName: { conv9: { Precision: { result: 'fixed<8,4>' } } }\n",
      "hls4ml has no layer of this name",
    ],
    ["variable.yaml", "LayerName: { conv1: { Precision: { table: 'fixed<8,4>' } } }\n", "Conv2D has no such variable"],
  ])("refuses %s with a reason", async (name, content, reason) => {
    const { code, stderr } = await invoke("export", file(name, content), "--to", "json", "-o", file("refused"));
    expect(code).toBe(2);
    expect(stderr).toContain(reason);
  });

  it("reads a configuration as hls4ml writes it, and says which entries change no word", async () => {
    const text = `Model:
  Precision: { default: "fixed<16,6>", maximum: "fixed<40,20>" }
  ReuseFactor: 1
LayerName:
  conv1: { Precision: { weight: "ap_fixed<8,2>", bias: "fixed<8,2>", accum: "fixed<24,12,RND,SAT>", result: "fixed<9,3>" }, Trace: true }
  flatten: { Precision: "fixed<3,2>" }
  fc1: { Precision: { accum: auto } }
`;
    const to = file("foreign.csv");
    const exported = await invoke("export", file("hls4ml.yaml", text), "--to", "csv", "-o", to);
    expect(exported).toMatchObject({ code: 0 });
    expect(exported.stderr).toMatch(/^[^\n]*LayerName.flatten changes no word: [^\n]*\n$/);
    const table = readFileSync(to, "utf8");
    expect(table).toContain("conv1,conv2d,input,16,10,6,true,down,wrap,0,ap,false");
    expect(table).toContain("conv1,conv2d,product,24,12,12,true,nearest-up,saturate,0,ap,false");
    expect(table).toContain("conv1,conv2d,accumulator,24,12,12,true,nearest-up,saturate,0,ap,false");
    expect(table).toContain("conv1,conv2d,output,9,6,3,true,down,wrap,0,ap,false");
    // 16,10 · 16,10 over 800 terms and a bias, cut to 40 bits.
    expect(table).toContain("fc1,dense,accumulator,40,20,20,true,down,wrap,0,ap,false");
    expect(table).toMatch(/conv1,conv2d,product,.*,first,/);
  });
});
