/** The quantize filter through a real pipe. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { binaryRational, roundRational } from "../../oracles/rational-rounding.ts";
import { DIAGNOSTIC_LINE, errorLines, type Invocation, invoke, shell } from "./invoke.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-quantize-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function quantize(options: string, lines: readonly (string | bigint | number)[]) {
  return shell(`macroscope quantize ${options}`, { cwd: folder, input: lines.map((line) => `${line}\n`).join("") });
}

describe("quantize", () => {
  it("takes formats as other tools write them, with their modes", async () => {
    const raws = [24, 25, -8, 127, 128];
    const own = await quantize("--from 9,4 --to 4,1 --rounding nearest-up --overflow saturate --dialect ap", raws);
    for (const [from, to] of [
      ["sfix9_En4", "ap_fixed<4,3,AP_RND,AP_SAT>"],
      ["'sfixed(4 downto -4)'", "fixed<4,3,RND,SAT>"],
      ["'(9, 4)'", "ac_fixed<4,3,true,AC_RND,AC_SAT>"],
    ]) {
      expect(await quantize(`--from ${from} --to '${to}'`, raws)).toEqual(own);
    }
    const cut = await quantize("--from 9,4 --to 'ap_fixed<4,3>'", raws);
    expect(cut).toEqual(await quantize("--from 9,4 --to 4,1 --rounding down --overflow wrap", raws));
    const answered = await quantize("--from Q5.4 --to 4,1", raws);
    expect(answered.code).toBe(2);
    expect(answered.stderr).toContain("write 9,4 or 10,4");
  });

  it("gives one raw per line in the order read: every 9-bit raw, nearest-even and saturating", async () => {
    const raws = Array.from({ length: 512 }, (_, index) => BigInt(((index * 77) % 512) - 256));
    const { code, stdout, stderr } = await quantize("--from 9,4 --to 5,1 --rounding nearest-even", raws);
    const expected = raws.map((raw) => {
      const rounded = roundRational(binaryRational(raw, 3), "nearest-even");
      return rounded > 15n ? 15n : rounded < -16n ? -16n : rounded;
    });
    expect({ code, stderr, lines: stdout.trimEnd().split("\n").map(BigInt) }).toEqual({
      code: 0,
      stderr: "",
      lines: expected,
    });
  });

  it("reads signs, blanks, empty lines, line ends of both kinds, and no line end at the end of input", async () => {
    const ran = await shell("printf ' 8\\r\\n\\n+24\\n-8' | macroscope quantize --from 9,4 --to 9,0", { cwd: folder });
    expect(ran).toEqual({ code: 0, stdout: "1\n2\n-1\n", stderr: "" });
  });

  it("reads decimals and infinities with --values", async () => {
    const lines = ["0.5", "-0.25", "1e-3", "7.96875", "-1e30", "inf", "-Infinity", ".5", "3."];
    const { stdout } = await quantize("--to 8,4 --values", lines);
    expect(stdout.trimEnd().split("\n")).toEqual(["8", "-4", "0", "127", "-128", "127", "-128", "8", "48"]);
  });

  it("reads decimals exactly: no digit goes through a double", async () => {
    const lines = ["9007199254740993", "0.50000000000000000000000001", "-0.49999999999999999999999999", "1e999999"];
    const { code, stdout, stderr } = await quantize("--to 64,0 --values --rounding nearest-even", lines);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^error\[DECIMAL\] standard input, line 4: an exponent of 999999; /);
    const exact = await quantize("--to 64,0 --values --rounding nearest-even", lines.slice(0, 3));
    expect(exact.stdout).toBe("9007199254740993\n1\n0\n");
  });

  it.each([
    ["sc", "4"],
    ["ap", "12"],
    ["ac", "2 is refused"],
  ])("--dialect %s decides the corners", async (dialect, expected) => {
    // An unsigned wrap:1 that meets a negative value.
    const { stdout, stderr } = await quantize(`--from 6,0 --to u4,0 --overflow wrap:1 --dialect ${dialect}`, [-12]);
    if (dialect === "ac") expect(stderr).toContain("ac_fixed has no wrap:N");
    else expect(stdout).toBe(`${expected}\n`);
  });

  it("stochastic rounding follows the seed alone", async () => {
    const lines = Array.from({ length: 200 }, (_, index) => index);
    const ran = (seed: number) => quantize(`--from 12,6 --to 8,2 --rounding stochastic --seed ${seed}`, lines);
    const [first, again, other] = await Promise.all([ran(1), ran(1), ran(2)]);
    expect(again).toEqual(first);
    expect(other?.stdout).not.toBe(first?.stdout);
  });

  it("--json says counts, range and the first overflow; with - the raws go to standard error", async () => {
    const options = "--from 9,4 --to 4,0 --overflow wrap:2 --json";
    const toFile = await quantize(`${options} counts.json`, [16, 255, -256, 3]);
    const written = JSON.parse(readFileSync(join(folder, "counts.json"), "utf8"));
    expect(written).toEqual({
      schema: "macroscope/quantize/1",
      configuration: { from: "9,4", register: "4,0 nearest wrap:2", seed: 1 },
      count: 4,
      overflow: 2,
      first: { line: 2, before: 16, after: 4 },
      min: -16,
      max: 16,
    });
    const toOutput = await quantize(`${options} -`, [16, 255, -256, 3]);
    expect(toOutput.stderr).toBe(toFile.stdout);
    expect(JSON.parse(toOutput.stdout)).toEqual(written);
  });

  it("no line in, no line out", async () => {
    expect(await quantize("--from 9,4 --to 4,0", [])).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it.each([
    ["--from 9,4 --to 4,0", ["1", "x"], "line 2"],
    ["--from 9,4 --to 4,0", ["0.5"], "--values"],
    ["--from 9,4 --to 4,0", ["256"], "-256 … 255"],
    ["--from u9,4 --to 4,0", ["-1"], "0 … 511"],
    ["--to 4,0 --values", ["NaN"], "line 1"],
    ["--to 4,0 --values", ["0x10"], "line 1"],
    ["--to 4,0 --values --overflow wrap", ["inf"], "line 1"],
    ["--to 4,0 --from 9,0 --overflow trap", ["3", "99"], "line 2"],
  ])("%s with %j ends with 2 and says where", async (options, lines, words) => {
    expectRefused(await quantize(`${options} --json ${join(folder, "result.json")}`, lines), words);
  });

  it.each([
    ["--to 4,0", "--from"],
    ["--from 4,0", "--to"],
    ["--to 4,0 --values --from 9,4", "--from"],
    ["--to 4,0 --from 65,0", "W is 65"],
    ["--to 4,500 --from 5,0", "F is 500"],
    ["--to 4,0 --from 5,0 --rounding half-up", "--rounding"],
    ["--to 4,0 --from 5,0 --overflow wrap:5", "--to: saturatedBits"],
    ["--to 4,0 --from 5,0 --dialect hls", "--dialect"],
    ["--to u4,0 --from 5,0 --overflow wrap-sign-magnitude", "unsigned"],
    ["--to 4,0 --from 5,0 --seed x", "--seed"],
  ])("%s is refused before anything is read", async (options, words) => {
    expectRefused(await invoke("quantize", ...options.split(" "), "--json", join(folder, "result.json")), words);
  });

  function expectRefused(ran: Invocation, words: string): void {
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    for (const line of errorLines(ran)) expect(line).toMatch(DIAGNOSTIC_LINE);
    expect(ran.stderr).toContain(words);
    expect(readdirSync(folder)).not.toContain("result.json");
  }

  it("an endless line is refused, not collected", async () => {
    const ran = await shell("head -c 100000000 /dev/zero | tr '\\0' 1 | macroscope quantize --from 9,4 --to 4,0", {
      cwd: folder,
    });
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain("line 1");
  });
});
