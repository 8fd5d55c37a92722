/** The published laws hold for macroscope itself, and catch units that are wrong. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFormat } from "../../isa/numerics/format.ts";
import { quantize } from "../../isa/numerics/quantize.ts";
import { register } from "../../isa/numerics/register.ts";
import { round } from "../../isa/numerics/rounding.ts";
import type { Engine } from "../../sim/engine.ts";
import { ENGINE_NAMES, ENGINES } from "../../sim/engines.ts";
import { roundRational } from "../oracles/rational-rounding.ts";
import {
  type AsyncLaw,
  asyncRegisterUnitLaws,
  asyncRoundingUnitLaws,
  batchedRegisterUnitLaws,
  batchedRoundingUnitLaws,
  DETERMINISTIC_ROUNDING_MODES,
  type DeterministicRoundingMode,
  deterministicRoundingModes,
  engineLaws,
  type Law,
  type RoundingUnit,
  registers,
  registerUnitLaws,
  roundingUnitLaws,
} from "../testing.ts";

const MODES = DETERMINISTIC_ROUNDING_MODES as readonly DeterministicRoundingMode[];

/** Names of the laws that do not hold. */
function broken(laws: readonly Law[], numRuns = 500): string[] {
  return laws.flatMap(({ name, check }) => {
    try {
      check({ numRuns, seed: 1, endOnFailure: true });
      return [];
    } catch (error) {
      expect(String(error)).toContain("Counterexample");
      return [name];
    }
  });
}

describe("laws of rounding units", () => {
  it.each(MODES)("%s: macroscope's own unit and the rational definition keep all", (mode) => {
    expect(broken(roundingUnitLaws((raw, bits) => round(raw, bits, mode), mode))).toEqual([]);
    const rational: RoundingUnit = (raw, bits) =>
      roundRational({ numerator: raw, denominator: 2n ** BigInt(bits) }, mode);
    expect(broken(roundingUnitLaws(rational, mode, { sourceBits: 9, maxDroppedBits: 12 }))).toEqual([]);
  });

  it("no mode passes for another", () => {
    for (const claimed of MODES) {
      for (const actual of MODES) {
        if (actual === claimed) continue;
        const laws = roundingUnitLaws((raw, bits) => round(raw, bits, actual), claimed);
        expect(broken(laws), `${actual} as ${claimed}`).toContain("gives what the definition gives");
      }
    }
  });

  const wrong: readonly [string, RoundingUnit, DeterministicRoundingMode, string][] = [
    [
      "Math.round, exact below 2^53 only",
      (raw, bits) => BigInt(Math.round(Number(raw) / 2 ** bits)),
      "nearest-up",
      "keeps a value that is on the grid",
    ],
    ["division that cuts towards zero", (raw, bits) => raw / (1n << BigInt(bits)), "down", "rounds to its own side"],
    [
      "half added before a shift",
      (raw, bits) => (raw + (1n << BigInt(bits)) / 2n) >> BigInt(bits),
      "nearest",
      "treats a value and its negative alike",
    ],
    [
      "a sticky bit that is lost",
      (raw, bits) => round((raw >> 1n) << 1n, bits, "up"),
      "up",
      "gives what the definition gives",
    ],
    [
      "two roundings in a row",
      (raw, bits) =>
        bits < 2 ? round(raw, bits, "nearest-even") : round(round(raw, 1, "nearest-even"), bits - 1, "nearest-even"),
      "nearest-even",
      "is off by half a step at most",
    ],
    ["always one up", (raw, bits) => (raw >> BigInt(bits)) + 1n, "up", "keeps a value that is on the grid"],
    ["a 32-bit shift", (raw, bits) => BigInt(Number(BigInt.asIntN(32, raw)) >> bits), "down", "is monotone"],
  ];

  it.each(wrong)("%s is caught", (_name, unit, mode, lawName) => {
    expect(broken(roundingUnitLaws(unit, mode))).toContain(lawName);
  });
});

describe("laws of registers", () => {
  it("hold for macroscope's own registers", () => {
    fc.assert(
      fc.property(registers(deterministicRoundingModes()), (spec) => {
        const unit = (raw: bigint, fractionLength: number): bigint => quantize(raw, fractionLength, spec).raw;
        return broken(registerUnitLaws(unit, spec), 20).length === 0;
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  it.each([
    [
      "wraps where it should saturate",
      register(parseFormat("6,2")),
      register(parseFormat("6,2"), "nearest", "wrap"),
      "is monotone",
    ],
    ["saturates one too high", register(parseFormat("6,2")), register(parseFormat("7,2")), "gives words of its format"],
    [
      "rounds another way",
      register(parseFormat("6,2")),
      register(parseFormat("6,2"), "down"),
      "gives what the definition gives",
    ],
  ])("a register that %s is caught", (_name, claimed, actual, lawName) => {
    const unit = (raw: bigint, fractionLength: number): bigint => quantize(raw, fractionLength, actual).raw;
    expect(broken(registerUnitLaws(unit, claimed))).toContain(lawName);
  });
});

describe("laws of engines", () => {
  it.each(ENGINE_NAMES)("hold for %s", (name) => {
    expect(broken(engineLaws(ENGINES[name]), 20)).toEqual([]);
  });

  it("catch an engine that numbers images from zero, and one that flips a bit", () => {
    const changed = (change: (session: ReturnType<Engine["open"]>) => ReturnType<Engine["open"]>): Engine => ({
      name: "changed",
      open: (program) => change(ENGINES.fast.open(program)),
    });
    const restarting = changed((opened) =>
      "fault" in opened
        ? opened
        : {
            session: {
              kernels: opened.session.kernels,
              cycles: opened.session.cycles,
              run: (batch, options) => opened.session.run({ ...batch, firstImage: 0 }, options),
            },
          },
    );
    expect(broken(engineLaws(restarting), 60)).toEqual(["gives the same whether images come together or one by one"]);
    const flipping = changed((opened) =>
      "fault" in opened
        ? opened
        : {
            session: {
              kernels: opened.session.kernels,
              cycles: opened.session.cycles,
              run: (batch, options) => {
                const result = opened.session.run(batch, options);
                if (result.outputs instanceof Int32Array) result.outputs[0] = (result.outputs[0] ?? 0) ^ 1;
                return result;
              },
            },
          },
    );
    expect(broken(engineLaws(flipping), 20)).toContain(
      "gives what the reference engine gives, in every raw, count, first offender and cycle",
    );
  });
});

/** The message of the first law that does not hold. */
async function failure(laws: readonly (Law | AsyncLaw)[], name = "gives what the definition gives"): Promise<string> {
  const found = laws.find((law) => law.name === name);
  try {
    await found?.check({ seed: 7, numRuns: 500 });
    return "";
  } catch (error) {
    const { message, cause } = error as Error;
    return `${message}\n${cause instanceof Error ? cause.message : ""}`;
  }
}

describe("a failing law", () => {
  it("shrinks to the smallest failing word and says what was found, expected and dropped", async () => {
    const text = await failure(roundingUnitLaws((raw, bits) => raw >> BigInt(bits), "zero", { sourceBits: 24 }));
    expect(text).toContain("Counterexample: [[-1n,1]]");
    expect(text).toContain(
      "raw -1, 1 bits dropped: found -1, expected 0 (zero); kept -1, guard 1, sticky 0 (dropped 1)",
    );
    const register16 = register(parseFormat("8,4", "test"), "nearest-even");
    const nearestUp = { ...register16, rounding: "nearest-up" } as const;
    const wrong = await failure(
      registerUnitLaws((raw, fraction) => quantize(raw, fraction, nearestUp).raw, register16),
    );
    expect(wrong).toMatch(
      /raw -?\d+ of F \d+ into 8,4 nearest-even saturate: found -?\d+, expected -?\d+; kept -?\d+, guard 1, sticky 0/,
    );
  });
});

describe("units of one shift or of fixed formats", () => {
  const mode = "nearest-even";

  it("keep the laws with their own shift alone, signed and unsigned", () => {
    for (const signed of [true, false]) {
      const limits = { droppedBits: 3, sourceBits: 9, signed };
      const unit: RoundingUnit = (raw) => round(raw, 3, mode);
      expect(broken(roundingUnitLaws(unit, mode, limits))).toEqual([]);
      // A half adder in the place of the tie rule.
      expect(broken(roundingUnitLaws((raw) => (raw + 4n) >> 3n, mode, limits))).toContain(
        "gives what the definition gives",
      );
    }
  });

  it("keep the laws between two formats, and are caught where they do not fit their word", () => {
    const spec = register(parseFormat("6,2", "test"), mode);
    for (const [text, wrongToo] of [
      ["u9,5", true],
      ["12,7", true],
      ["5,1", false],
    ] as const) {
      const source = parseFormat(text, "test");
      const right = registerUnitLaws((raw) => quantize(raw, source.fractionLength, spec).raw, spec, { source });
      expect(broken(right), text).toEqual([]);
      const wrapping = register(spec.format, mode, "wrap");
      const wrong = registerUnitLaws((raw) => quantize(raw, source.fractionLength, wrapping).raw, spec, { source });
      expect(broken(wrong).includes("gives what the definition gives"), text).toBe(wrongToo);
    }
  });
});

describe("units that answer later, and units that take many raws", () => {
  const spec = register(parseFormat("9,3", "test"), "nearest", "wrap");

  it("keep the same laws, and break them by the same words", async () => {
    const later = async (raw: bigint, bits: number): Promise<bigint> => {
      await Promise.resolve();
      return round(raw, bits, "up");
    };
    for (const { check } of asyncRoundingUnitLaws(later, "up")) await check({ numRuns: 100, seed: 3 });
    expect(await failure(asyncRoundingUnitLaws(later, "down"))).toMatch(/Counterexample: \[\[-?1n,1\]\]/);
    const words = async (raw: bigint, fraction: number): Promise<bigint> => quantize(raw, fraction, spec).raw;
    for (const { check } of asyncRegisterUnitLaws(words, spec)) await check({ numRuns: 100, seed: 3 });
  });

  it("get raws of one shift together and must answer each", async () => {
    const sizes: number[] = [];
    const together = (raws: readonly bigint[], bits: number): bigint[] => {
      sizes.push(raws.length);
      return raws.map((raw) => round(raw, bits, "odd"));
    };
    for (const { check } of batchedRoundingUnitLaws(together, "odd", { droppedBits: 5 }))
      await check({ numRuns: 50, seed: 3 });
    expect(Math.max(...sizes)).toBeGreaterThan(5);
    expect(await failure(batchedRoundingUnitLaws(together, "zero"))).toContain(
      "raw 1, 1 bits dropped: found 1, expected 0 (zero)",
    );
    expect(await failure(batchedRoundingUnitLaws((raws) => raws.slice(1), "odd"))).toContain("found 0 answers");
    const words = (raws: readonly bigint[], fraction: number) =>
      Promise.resolve(raws.map((raw) => quantize(raw, fraction, spec).raw));
    for (const { check } of batchedRegisterUnitLaws(words, spec)) await check({ numRuns: 50, seed: 3 });
  });
});
