/** Files for $readmemh: read back word for word, and by Icarus Verilog where it is installed. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FixedPointFormat, parseFormat } from "../../../isa/numerics/format.ts";
import { quantize } from "../../../isa/numerics/quantize.ts";
import { allocateRaws, rawAt, setRaw } from "../../../isa/numerics/raws.ts";
import { register } from "../../../isa/numerics/register.ts";
import { hexWords } from "../../../runtime/exports/mem/words.ts";
import { formats, rawsOf } from "../../arbitraries/numerics.ts";
import { invoke } from "../cli/invoke.ts";
import { isInstalled, runTool } from "./tools.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "macroscope-mem-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));
const path = (name: string): string => join(FOLDER, name);

/** Ugly words in the last layer, an unsigned one before it. */
const ASSIGNMENT = `default: { datapath: intrinsic, format: "16,8" }
layers:
  fc1: { output: "u9,5" }
  fc2:
    weight: "7,6"
    product: { format: "14,9", rounding: zero }
    accumulator: { format: "13,7", overflow: wrap }
    output: "11,5"
`;

/** Words of a file, by what its name in index.json says of them. */
interface IndexFile {
  readonly file: string;
  readonly layer: string | null;
  readonly role: string;
  readonly axes: readonly string[];
  readonly shape: readonly number[];
  readonly wordLength: number;
  readonly fractionLength: number;
  readonly signed: boolean;
}

function wordsOf(folder: string, { file, wordLength, signed, shape }: IndexFile): bigint[] {
  const lines = readFileSync(join(folder, file), "utf8").trimEnd().split("\n");
  expect(lines.length).toBe(shape.reduce((product, side) => product * side, 1));
  const digits = new RegExp(`^[0-9a-f]{${Math.ceil(wordLength / 4)}}$`);
  expect(lines.find((line) => !digits.test(line) || BigInt(`0x${line}`) >> BigInt(wordLength) !== 0n)).toBeUndefined();
  return lines.map((line) => (signed ? BigInt.asIntN(wordLength, BigInt(`0x${line}`)) : BigInt(`0x${line}`)));
}

describe("a line of hexadecimal digits", () => {
  it("is a word in two's complement with leading zeros, for every format to 64 bits", () => {
    const words = formats().chain((format) =>
      fc.tuple(fc.constant(format), fc.array(rawsOf(format), { minLength: 1 })),
    );
    fc.assert(
      fc.property(words, ([format, drawn]: [FixedPointFormat, bigint[]]) => {
        const raws = allocateRaws(format, drawn.length);
        drawn.forEach((raw, index) => {
          setRaw(raws, index, raw);
        });
        const { wordLength, signed } = format;
        const lines = hexWords(raws, format).trimEnd().split("\n");
        expect(lines.every((line) => line.length === Math.ceil(wordLength / 4) && /^[0-9a-f]+$/.test(line))).toBe(true);
        const read = lines.map((line) =>
          signed ? BigInt.asIntN(wordLength, BigInt(`0x${line}`)) : BigInt(`0x${line}`),
        );
        expect(read).toEqual(drawn.map((_, index) => rawAt(raws, index, format)));
      }),
    );
  });

  it("of −1 in 5, 8 and 33 bits, and of nothing", () => {
    expect(hexWords(Int32Array.of(-1, 5), parseFormat("5,0", "test"))).toBe("1f\n05\n");
    expect(hexWords(Int32Array.of(-1), parseFormat("8,0", "test"))).toBe("ff\n");
    expect(hexWords(BigInt64Array.of(-1n), parseFormat("33,0", "test"))).toBe("1ffffffff\n");
    expect(hexWords(new Int32Array(0), parseFormat("8,0", "test"))).toBe("");
  });
});

describe("export --to mem of LeNet", () => {
  const folder = path("words");
  let files: readonly IndexFile[] = [];
  const find = (name: string): IndexFile => files.find(({ file }) => file === name) as IndexFile;

  beforeAll(async () => {
    writeFileSync(path("formats.yaml"), ASSIGNMENT);
    const made = await invoke("export", path("formats.yaml"), "--to", "mem", "-o", folder, "--images", "2");
    expect([made.code, made.stderr]).toEqual([0, ""]);
    expect(made.stdout).toContain("mem of lenet5, 15 files of words");
    const index = JSON.parse(readFileSync(join(folder, "index.json"), "utf8"));
    expect(index).toMatchObject({ schema: "macroscope/mem/1", model: "lenet5", data: "mnist-test", images: 2 });
    files = index.files;
  }, 120_000);

  it("holds a file for every constant, the images and every layer's words, all named in README and index", () => {
    expect(readdirSync(folder).sort()).toEqual([...files.map(({ file }) => file), "README.md", "index.json"].sort());
    const readme = readFileSync(join(folder, "README.md"), "utf8");
    for (const file of files) {
      expect(readme).toContain(`| ${file.file} |`);
      wordsOf(folder, file);
    }
    expect(readme).toContain(
      "| fc1_output.mem | `fc1` output | u9,5 | unsigned | 2 x 1 x 1 x 500: image, row, column, channel |",
    );
    expect(readme).toContain("| `fc2` (dense) | product | 14,9 | zero saturate |");
    expect(readme).toContain("Products are added one by one, step k ascending");
    expect(find("conv2_weight.mem")).toMatchObject({
      layer: "conv2",
      axes: ["kernel row", "kernel column", "input channel", "filter"],
      shape: [5, 5, 20, 50],
    });
  });

  it("has the words that run dumps", async () => {
    const dump = path("words.jsonl");
    const flags = ["--assign", path("formats.yaml"), "--images", "2", "--observe", "2", "--workers", "1"];
    const ran = await invoke("run", ...flags, "--dump", dump);
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    const [, ...records] = readFileSync(dump, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const layers = files.filter(({ role }) => role === "output");
    expect(layers.map(({ layer }) => layer)).toEqual(["conv1", "pool1", "conv2", "pool2", "fc1", "fc2"]);
    for (const file of layers) {
      const dumped = records.filter(({ layer }) => layer === file.layer).flatMap(({ raws }) => raws.map(BigInt));
      expect(wordsOf(folder, file)).toEqual(dumped);
    }
  }, 120_000);

  it("gives the last layer's words again when they are computed from the files by definition", () => {
    const [x, w, b, y] = ["fc1_output", "fc2_weight", "fc2_bias", "fc2_output"].map((name) =>
      wordsOf(folder, find(`${name}.mem`)),
    ) as [bigint[], bigint[], bigint[], bigint[]];
    const product = register(parseFormat("14,9", "test"), "zero");
    const accumulator = register(parseFormat("13,7", "test"), "nearest", "wrap");
    const output = register(parseFormat("11,5", "test"));
    const found = [0, 1].flatMap((image) =>
      Array.from({ length: 10 }, (_, filter) => {
        let sum = 0n;
        for (let k = 0; k < 500; k++) {
          const exact = (x[image * 500 + k] ?? 0n) * (w[k * 10 + filter] ?? 0n);
          const term = quantize(exact, 5 + 6, product).raw;
          sum = quantize((sum << 2n) + term, 9, accumulator).raw;
        }
        return quantize(quantize(sum + (b[filter] ?? 0n), 7, accumulator).raw, 7, output).raw;
      }),
    );
    expect(found).toEqual(y);
  });

  it.runIf(isInstalled("iverilog", "-V"))("is read by Icarus Verilog, whose own sums are the expected words", () => {
    const bench = `module bench;
  localparam K = 500, N = 10;
  reg [8:0] x [0:2*K-1];
  reg [6:0] w [0:K*N-1];
  reg [12:0] b [0:N-1];
  reg [10:0] y [0:2*N-1];
  integer image, f, k, wrong;
  reg signed [47:0] p, s;
  function signed [47:0] saturated(input signed [47:0] v, input integer bits);
    begin
      saturated = v;
      if (v > (48'sd1 <<< (bits - 1)) - 1) saturated = (48'sd1 <<< (bits - 1)) - 1;
      if (v < -(48'sd1 <<< (bits - 1))) saturated = -(48'sd1 <<< (bits - 1));
    end
  endfunction
  function signed [47:0] toward_zero(input signed [47:0] v, input integer bits);
    toward_zero = v >= 0 ? v >>> bits : -((-v) >>> bits);
  endfunction
  function signed [47:0] nearest(input signed [47:0] v, input integer bits);
    nearest = v >= 0 ? (v + (48'sd1 <<< (bits - 1))) >>> bits : -((-v + (48'sd1 <<< (bits - 1))) >>> bits);
  endfunction
  function signed [47:0] wrapped(input signed [47:0] v);
    reg signed [12:0] low;
    begin
      low = v[12:0];
      wrapped = low;
    end
  endfunction
  initial begin
    $readmemh("fc1_output.mem", x);
    $readmemh("fc2_weight.mem", w);
    $readmemh("fc2_bias.mem", b);
    $readmemh("fc2_output.mem", y);
    wrong = 0;
    for (image = 0; image < 2; image = image + 1)
      for (f = 0; f < N; f = f + 1) begin
        s = 0;
        for (k = 0; k < K; k = k + 1) begin
          p = $signed({1'b0, x[image * K + k]}) * $signed(w[k * N + f]);
          p = saturated(toward_zero(p, 2), 14);
          s = wrapped(nearest((s <<< 2) + p, 2));
        end
        s = wrapped(s + $signed(b[f]));
        s = saturated(nearest(s, 2), 11);
        if (s !== $signed(y[image * N + f])) begin
          wrong = wrong + 1;
          $display("image %0d, filter %0d: %0d, expected %0d", image, f, s, $signed(y[image * N + f]));
        end
      end
    $display("%0d wrong of %0d", wrong, 2 * N);
  end
endmodule
`;
    writeFileSync(join(FOLDER, "bench.v"), bench);
    runTool(folder, "iverilog", "-g2005", "-o", path("bench"), path("bench.v"));
    expect(runTool(folder, "vvp", "-n", path("bench")).trim()).toBe("0 wrong of 20");
  });

  it("takes the place of a folder written before, and of no other", async () => {
    const again = await invoke("export", path("formats.yaml"), "--to", "mem", "-o", folder);
    expect([again.code, again.stderr]).toEqual([0, ""]);
    expect(JSON.parse(readFileSync(join(folder, "index.json"), "utf8")).images).toBe(1);
    mkdirSync(path("mine"));
    writeFileSync(path("mine/notes.txt"), "keep me");
    const refused = await invoke("export", path("formats.yaml"), "--to", "mem", "-o", path("mine"));
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("which would be lost");
    expect(readdirSync(path("mine"))).toEqual(["notes.txt"]);
    expect(readdirSync(FOLDER).filter((name) => name.startsWith("."))).toEqual([]);
  }, 60_000);

  it.each([
    [["--to", "csv", "--images", "3"], "csv holds no words of images"],
    [["--to", "mem", "--datapath", "extrinsic"], "error[WORDS]"],
  ])("%s is refused", async (flags, expected) => {
    const ran = await invoke("export", path("formats.yaml"), "-o", path("refused"), ...flags);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(expected);
    expect(readdirSync(FOLDER)).not.toContain("refused");
  });
});
