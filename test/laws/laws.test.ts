/** The published laws hold for macroscope itself, and catch units that are wrong. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFormat } from "../../isa/format.ts";
import { quantize } from "../../isa/quantize.ts";
import { register } from "../../isa/register.ts";
import { round } from "../../isa/rounding.ts";
import type { Engine } from "../../sim/engine.ts";
import { ENGINE_NAMES, ENGINES } from "../../sim/engines.ts";
import { roundRational } from "../oracles/rational-rounding.ts";
import {
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
