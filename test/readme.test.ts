/** The README is true: its commands run, its output is what the program prints. `UPDATE=1` under MACROSCOPE_LONG rewrites the generated parts. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { tensorFrom } from "../compiler/tensor-graph/tensor.ts";
import { encodeModel } from "./compiler/importers/onnx-model.ts";
import { COMMAND, shell } from "./runtime/cli/invoke.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const README = join(ROOT, "README.md");
const text = (): string => readFileSync(README, "utf8");
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

/** The code blocks of one language. */
function blocks(language: string): string[] {
  return [...text().matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map((match) => match[1] ?? "");
}

function generated(mark: string): string {
  const match = new RegExp(`<!-- ${mark}: start -->\\n([\\s\\S]*?)<!-- end -->`).exec(text());
  if (!match) throw new Error(`the README has no part ${mark}`);
  return match[1] ?? "";
}

/** The README's part must be this text; with UPDATE=1 it is made so. */
function expectGenerated(mark: string, content: string): void {
  if (process.env.UPDATE === "1") {
    const part = new RegExp(`(<!-- ${mark}: start -->\\n)[\\s\\S]*?(<!-- end -->)`);
    writeFileSync(
      README,
      text().replace(part, (_, start, end) => `${start}${content}${end}`),
    );
  }
  expect(generated(mark)).toBe(content);
}

/** Ten classes of a 28 × 28 picture: a convolution, a relu and a dense layer. */
function smallOnnxModel(): Uint8Array {
  const wave = (shape: readonly number[]) => {
    const length = shape.reduce((product, side) => product * side, 1);
    return tensorFrom(
      "float32",
      shape,
      Array.from({ length }, (_, index) => Math.sin(index) / 8),
    );
  };
  return encodeModel({
    inputs: { picture: { shape: ["batch", 1, 28, 28] } },
    constants: { kernel: wave([2, 1, 5, 5]), matrix: wave([2 * 12 * 12, 10]) },
    nodes: [
      { operator: "Conv", inputs: ["picture", "kernel"], outputs: ["sums"], attributes: { strides: [2n, 2n] } },
      { operator: "Relu", inputs: ["sums"], outputs: ["features"] },
      { operator: "Flatten", inputs: ["features"], outputs: ["flat"] },
      { operator: "MatMul", inputs: ["flat", "matrix"], outputs: ["classes"] },
    ],
    outputs: ["classes"],
  });
}

const LONG = process.env.MACROSCOPE_LONG === "1";

// The long run would only say again what the everyday one said.
describe.skipIf(LONG)("the README", () => {
  it("starts with the two commands, and both scripts exist", () => {
    expect(blocks("sh")[0]).toBe("npm ci && npm start\nnpm ci && npm test\n");
    expect(scripts.start).toBeDefined();
    expect(scripts.test).toBeDefined();
  });

  it("names npm scripts that exist", () => {
    const named = [...text().matchAll(/npm run ([a-z:]+)/g)].map((match) => match[1] ?? "");
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it("shows commands that run, on a model, data and formats of its own", async () => {
    const folder = mkdtempSync(join(tmpdir(), "macroscope-readme-"));
    try {
      mkdirSync(join(folder, "path/to/idx"), { recursive: true });
      for (const file of ["model.json", "weights.bin"]) {
        copyFileSync(join(ROOT, "runtime/assets/lenet5", file), join(folder, "path/to", file));
      }
      for (const part of ["images", "labels"]) {
        copyFileSync(
          join(ROOT, `runtime/assets/mnist/test-${part}.idx.gz`),
          join(folder, `path/to/idx/${part}.idx.gz`),
        );
      }
      writeFileSync(join(folder, "path/to/model.onnx"), smallOnnxModel());
      writeFileSync(join(folder, "widths.yaml"), blocks("yaml")[0] ?? "");
      const lines = blocks("sh")
        .slice(1)
        .flatMap((block) => block.split("\n"))
        .filter((line) => line.includes("npx macroscope"));
      expect(lines.length).toBeGreaterThanOrEqual(12);
      for (const line of lines) {
        // Fewer images, so that a test stays short; the reference engine steps about five seconds an image.
        const short = line
          .replaceAll("npx macroscope", "macroscope")
          .replace(/--images 20?\b/, "--images 1")
          .replace("bits --target 0.99", "bits --target 0.8 --strategy uniform --images 60 --search-images 60")
          .replace(/macroscope (run|sweep)(?! --config)(?!.*--images)/, "macroscope $1 --images 20");
        const { code, stderr } = await shell(short, { cwd: folder });
        // compare ends with 1 where it finds a difference.
        const answers = line.includes("macroscope compare") ? [0, 1] : [0];
        expect({ line, stderr }).toEqual({ line, stderr: "" });
        expect(answers, line).toContain(code);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 240_000);

  it("has a code example that runs as it stands", () => {
    const example = (blocks("ts")[0] ?? "").replace("images: 100", "images: 5");
    const result = execFileSync(process.execPath, ["--input-type=module", "-e", example], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect(result).toMatch(/fixed: 1,[\s\S]*[0-9a-f]{64}/);
  }, 60_000);
});

describe.runIf(LONG)("the README's results", () => {
  it("are what `npm start` prints", ({ skip }) => {
    const output = execFileSync(process.execPath, [COMMAND, "run"], { cwd: ROOT, encoding: "utf8" });
    // Another float backend rounds its float32 sums otherwise, in the last digits of a few figures.
    if (!output.includes("(wasm, SIMD)")) skip("the README shows the WASM backend's figures");
    // Time and memory are the only lines that differ from run to run.
    const lasting = output.replace(/^took .*\n/m, "").trimEnd();
    expectGenerated("output", `\`\`\`text\n${lasting}\n\`\`\`\n`);
  }, 600_000);

  it("are what `npm run results:lenet` prints", () => {
    const table = join(ROOT, "dist/test/results/lenet-table.js");
    const output = execFileSync(process.execPath, [table], { cwd: ROOT, encoding: "utf8" });
    expectGenerated("results", `${output.trimEnd()}\n`);
  }, 1_200_000);
});
