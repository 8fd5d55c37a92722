import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { OverflowSpec } from "../../../isa/numerics/overflow.ts";
import { quantize } from "../../../isa/numerics/quantize.ts";
import { register } from "../../../isa/numerics/register.ts";
import type { RoundingMode } from "../../../isa/numerics/rounding.ts";

const FOLDER = fileURLToPath(new URL("../../oracles/systemc/", import.meta.url));
const SYSTEMC_HEADER = "/usr/include/systemc";

/** Layout of the vectors, as test/oracles/systemc/README.md gives it. */
const SOURCE_FRACTION = 4;
const SOURCES = 1024;
const ROUNDINGS: readonly RoundingMode[] = [
  "down",
  "zero",
  "nearest-up",
  "nearest-zero",
  "nearest",
  "nearest-down",
  "nearest-even",
];

function sourceRaw(index: number): number {
  return index < 512 ? index - 256 : index - 512;
}

function overflows(wordLength: number, signed: boolean): OverflowSpec[] {
  const upTo = (mode: OverflowSpec["mode"]): OverflowSpec[] =>
    Array.from({ length: wordLength + 1 }, (_, saturatedBits) => ({ mode, saturatedBits }));
  const saturating = (["saturate", "saturate-zero", "saturate-symmetric"] as const).map((mode) => ({
    mode,
    saturatedBits: 0,
  }));
  return [...saturating, ...upTo("wrap"), ...(signed ? upTo("wrap-sign-magnitude") : [])];
}

/** The committed vectors: `result(group)` is the 1,024 raws of one group, in order of the sources. */
function readVectors(): { groups: number; result: (group: number) => Int16Array } {
  const bytes = gunzipSync(readFileSync(join(FOLDER, "vectors.gz")));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const groups = view.getUint32(0, true);
  const distinct = view.getUint32(4, true);
  const start = 8 + 4 * groups;
  expect(bytes.byteLength).toBe(start + 2 * SOURCES * distinct);
  const result = (group: number): Int16Array => {
    const offset = start + 2 * SOURCES * view.getUint32(8 + 4 * group, true);
    return Int16Array.from({ length: SOURCES }, (_, index) => view.getInt16(offset + 2 * index, true));
  };
  return { groups, result };
}

describe("SystemC 2.3.4", () => {
  const { groups, result } = readVectors();

  test.each([
    [true, 11_200],
    [false, 6_650],
  ])(
    "sc_fix and sc_ufix agree for every 9-bit word, W 1…10, F −2…7, Q, O and N (signed target: %s, %i groups)",
    (signed, expectedGroups) => {
      let group = signed ? 0 : 11_200;
      const first = group;
      const wrong: string[] = [];
      for (let wordLength = 1; wordLength <= 10; wordLength++) {
        for (let fractionLength = -2; fractionLength <= 7; fractionLength++) {
          for (const { mode, saturatedBits } of overflows(wordLength, signed)) {
            for (const rounding of ROUNDINGS) {
              const spec = register({ wordLength, fractionLength, signed }, rounding, mode, saturatedBits);
              const expected = result(group++);
              // A source of the signed and one of the unsigned 9-bit format with the same value are one case for us.
              for (let raw = -256; raw < 512; raw++) {
                const found = Number(quantize(BigInt(raw), SOURCE_FRACTION, spec).raw);
                const asSigned = raw < 256 ? expected[raw + 256] : found;
                const asUnsigned = raw >= 0 ? expected[raw + 512] : found;
                if (found !== asSigned || found !== asUnsigned) {
                  wrong.push(`${JSON.stringify(spec)} of ${raw}: ${found}, SystemC ${asSigned} and ${asUnsigned}`);
                }
              }
            }
          }
        }
      }
      expect(group - first).toBe(expectedGroups);
      expect(groups).toBe(17_850);
      expect(wrong.slice(0, 10)).toEqual([]);
    },
  );

  test("the vectors hold what peers.md reads off by hand: W = 4, 20 wraps to 4, mirrors to −5, saturates to 7", () => {
    // y = 20 is raw 320 at F = 4 of the unsigned source; target W = 4, F = 0.
    const at = (overflowIndex: number): number | undefined => {
      let group = 0;
      for (let wordLength = 1; wordLength < 4; wordLength++) group += 10 * overflows(wordLength, true).length * 7;
      group += 2 * overflows(4, true).length * 7 + overflowIndex * 7;
      return result(group)[512 + 320];
    };
    expect(sourceRaw(512 + 320)).toBe(20 * 16);
    expect([at(0), at(1), at(2), at(3), at(8)]).toEqual([7, 0, 7, 4, -5]);
  });
});

describe.runIf(process.env.MACROSCOPE_LONG === "1")("SystemC as installed", () => {
  test.skipIf(!existsSync(SYSTEMC_HEADER))("writes the committed vectors again, bit for bit", () => {
    const build = mkdtempSync(join(tmpdir(), "macroscope-systemc-"));
    try {
      const program = join(build, "vectors");
      execFileSync("make", ["-C", FOLDER, `BUILD=${build}`, program], { stdio: "ignore" });
      const written = execFileSync(program, {
        env: { ...process.env, SYSTEMC_DISABLE_COPYRIGHT_MESSAGE: "1" },
        maxBuffer: 2 ** 26,
        stdio: ["ignore", "pipe", "ignore"],
      });
      expect(written.equals(gunzipSync(readFileSync(join(FOLDER, "vectors.gz"))))).toBe(true);
    } finally {
      rmSync(build, { recursive: true, force: true });
    }
  });
});
