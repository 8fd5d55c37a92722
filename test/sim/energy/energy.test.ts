import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ACTIONS,
  type ActionCount,
  type ActionName,
  type Component,
  countActions,
  leakageActions,
  scaleActions,
} from "../../../sim/actions.ts";
import {
  COST_KINDS,
  costOf,
  ENERGY_TABLES,
  type EnergyTable,
  EYERISS_RATIOS,
  energyOf,
  HOROWITZ_45NM,
  rowOf,
} from "../../../sim/energy/index.ts";
import { machinePrograms } from "../../arbitraries/machine-program.ts";

const KIBIBYTE_BITS = 8192;

function one(component: Component, action: ActionName, widths: readonly number[], bankBits?: number): ActionCount {
  return { component, action, widths, count: 1, ...(bankBits === undefined ? {} : { bankBits }) };
}

function picojoules(component: Component, action: ActionName, widths: readonly number[], bankBits?: number): number {
  return costOf(HOROWITZ_45NM, one(component, action, widths, bankBits)).value;
}

describe("rows of the tables", () => {
  test.each(Object.entries(ENERGY_TABLES))(
    "%s: every row says where its number comes from, none twice",
    (name, table) => {
      expect(table.name).toBe(name);
      const seen = new Set<string>();
      for (const row of table.rows) {
        const key = `${row.component}/${row.action}`;
        expect(seen.has(key), key).toBe(false);
        seen.add(key);
        expect(ACTIONS[row.component] as readonly string[], key).toContain(row.action);
        expect(COST_KINDS, key).toContain(row.kind);
        expect(row.source.length, key).toBeGreaterThan(10);
        expect(row.note.length, key).toBeGreaterThan(5);
        expect(row.nodeNm, key).toBeGreaterThan(0);
        expect(row.voltageV === null || row.voltageV > 0, key).toBe(true);
        expect(row.spread.low > 0 && row.spread.low <= 1 && row.spread.high >= 1, key).toBe(true);
        const bits = row.law.form === "linear" ? [row.law.base, ...row.law.perBit] : [];
        expect(
          bits.every((each) => Number.isFinite(each) && each >= 0),
          key,
        ).toBe(true);
      }
    },
  );

  test("the 45 nm table prices every action there is; the ratios all but leakage", () => {
    for (const [component, actions] of Object.entries(ACTIONS)) {
      for (const action of actions) {
        expect(rowOf(HOROWITZ_45NM, component as Component, action), `${component}/${action}`).toBeDefined();
        expect(rowOf(EYERISS_RATIOS, component as Component, action) !== undefined).toBe(component !== "leakage");
      }
    }
  });

  test.each(Object.values(ENERGY_TABLES))("$name: no action gets cheaper with more bits or a larger bank", (table) => {
    const widths = fc.tuple(fc.integer({ min: 1, max: 192 }), fc.integer({ min: 1, max: 192 }));
    const more = fc.tuple(fc.nat(64), fc.nat(64), fc.nat(2 ** 22));
    fc.assert(
      fc.property(widths, more, fc.integer({ min: 8, max: 2 ** 24 }), ([a, b], [moreA, moreB, moreBank], bank) => {
        for (const { component, action } of table.rows) {
          const small = costOf(table, one(component, action, [a, b], bank)).value;
          const large = costOf(table, one(component, action, [a + moreA, b + moreB], bank + moreBank)).value;
          expect(large, `${component}/${action}`).toBeGreaterThanOrEqual(small * (1 - 1e-12));
        }
      }),
    );
  });
});

describe("the 45 nm laws", () => {
  test("the multiplier meets both published points and QKeras' 0.783 pJ at 16 bits", () => {
    expect(picojoules("multiplier", "multiply", [8, 8])).toBeCloseTo(0.2, 6);
    expect(picojoules("multiplier", "multiply", [32, 32])).toBeCloseTo(3.1, 6);
    expect(picojoules("multiplier", "multiply", [16, 16])).toBeCloseTo(0.783, 3);
    expect(picojoules("multiplier", "multiply", [8, 32])).toBeCloseTo(0.0029947917 * 256 + 0.0010416667 * 20, 9);
  });

  test("the adder is the least-squares line through the published points, with the residuals its note gives", () => {
    const points = [
      [8, 0.03],
      [16, 0.05],
      [32, 0.1],
    ] as const;
    const meanX = points.reduce((sum, [x]) => sum + x, 0) / 3;
    const meanY = points.reduce((sum, [, y]) => sum + y, 0) / 3;
    const slope =
      points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) /
      points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
    const residuals = points.map(([x, y]) => y - picojoules("adder", "add", [x]));
    for (const [index, [x, y]] of points.entries()) {
      expect(residuals[index]).toBeCloseTo(y - (meanY + slope * (x - meanX)), 8);
    }
    expect(residuals.map((each) => each.toFixed(4))).toEqual(["0.0014", "-0.0021", "0.0007"]);
    expect(rowOf(HOROWITZ_45NM, "adder", "add")?.note).toContain("+0.0014, −0.0021, +0.0007");
  });

  test("SRAM reads meet 10, 20 and 100 pJ for 64 bits and lie on straight log-log lines between", () => {
    const read = (bankBits: number): number => picojoules("inputScratchpad", "read", [64], bankBits);
    expect(read(8 * KIBIBYTE_BITS)).toBeCloseTo(10, 9);
    expect(read(32 * KIBIBYTE_BITS)).toBeCloseTo(20, 9);
    expect(read(1024 * KIBIBYTE_BITS)).toBeCloseTo(100, 9);
    expect(read(16 * KIBIBYTE_BITS)).toBeCloseTo(Math.sqrt(200), 9);
    // Geometric mean of the sizes, geometric mean of the energies.
    expect(read(Math.sqrt(32 * 1024) * KIBIBYTE_BITS)).toBeCloseTo(Math.sqrt(2000), 9);
    expect(read(2 * KIBIBYTE_BITS)).toBeCloseTo(5, 9);
    expect(picojoules("outputBuffer", "write", [16], 8 * KIBIBYTE_BITS)).toBeCloseTo(2.5, 9);
  });

  test("banks below 8 KiB and above 1 MiB are marked as extrapolated, and the report names their memories", () => {
    const marked = (bankBits: number): boolean =>
      costOf(HOROWITZ_45NM, one("accumulatorBank", "read", [32], bankBits)).extrapolated;
    expect([8191, 8192, 8192 * 8 - 1, 8192 * 8, 8192 * 1024, 8192 * 1024 + 1].map(marked)).toEqual([
      true,
      true,
      true,
      false,
      false,
      true,
    ]);
    const report = energyOf([one("accumulatorBank", "read", [32], 4096)], HOROWITZ_45NM);
    expect(report.extrapolated).toEqual(["accumulatorBank"]);
  });

  test("64 bits of DRAM cost 1300 pJ, up to 2600", () => {
    const report = energyOf([one("dram", "read", [64])], HOROWITZ_45NM);
    expect(report.total).toEqual({ value: 1300, low: 1300, high: 2600 });
    expect(report.byKind.published).toBe(1300);
  });

  test("cutting bits off and wrapping are wires and free; every other logic is not", () => {
    expect(picojoules("rounding", "truncate", [16, 8])).toBe(0);
    expect(picojoules("saturation", "wrap", [16, 8])).toBe(0);
    for (const action of ["guard", "sticky", "jam", "random"] as const) {
      expect(picojoules("rounding", action, [16, 8])).toBeGreaterThan(0);
    }
    expect(picojoules("saturation", "saturate", [16, 8])).toBeGreaterThan(0);
  });
});

describe("the Eyeriss ratios", () => {
  const ratio = (component: Component, action: ActionName, widths: readonly number[]): number =>
    costOf(EYERISS_RATIOS, one(component, action, widths, 8192)).value;

  test("are 1, 1, 2, 6 and 200 at 16 bits", () => {
    expect(ratio("multiplier", "multiply", [16, 16]) + ratio("adder", "add", [16])).toBeCloseTo(1, 12);
    expect(ratio("accumulatorRegister", "write", [16])).toBe(1);
    expect(ratio("operandRegister", "write", [16])).toBe(2);
    expect(ratio("inputScratchpad", "read", [16])).toBe(6);
    expect(ratio("dram", "read", [16])).toBe(200);
    expect(ratio("dram", "write", [64])).toBe(800);
  });
});

describe("energy of counts", () => {
  test("is linear in the counts, and its parts add up to the total", () => {
    fc.assert(
      fc.property(machinePrograms(2), fc.integer({ min: 1, max: 1000 }), ({ program }, times) => {
        const { total } = countActions(program);
        for (const table of Object.values(ENERGY_TABLES)) {
          const report = energyOf(total, table);
          const many = energyOf(scaleActions(total, times), table);
          expect(many.total.value / times).toBeCloseTo(report.total.value, 6);
          const parts = Object.values(report.byComponent).reduce((sum, { value }) => sum + value, 0);
          expect(parts).toBeCloseTo(report.total.value, 6);
          const kinds = Object.values(report.byKind).reduce((sum, value) => sum + value, 0);
          expect(kinds).toBeCloseTo(report.total.value, 6);
          expect(report.total.low).toBeLessThanOrEqual(report.total.value);
          expect(report.total.high).toBeGreaterThanOrEqual(report.total.value);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("leakage joins as one more action", () => {
    const machine = { ...machineOf(), clockHz: 1e9 };
    const report = energyOf(leakageActions(machine, 1_000_000), HOROWITZ_45NM);
    expect(Object.keys(report.byComponent)).toEqual(["leakage"]);
    expect(report.total.value).toBeGreaterThan(0);
    expect(report.byKind.assumed).toBeCloseTo(report.total.value, 9);
  });

  test("a cost the table lacks is an error that names it, never zero", () => {
    expect(() => energyOf(leakageActions(machineOf(), 1), EYERISS_RATIOS)).toThrow(
      /ENERGY_COST.*eyeriss-ratios.*no cost for leakage\/memoryNanosecond/,
    );
    const empty: EnergyTable = { ...HOROWITZ_45NM, rows: [] };
    expect(() => energyOf([one("adder", "add", [8])], empty)).toThrow(/no cost for adder\/add at 8 bits/);
    expect(energyOf([], empty).total.value).toBe(0);
  });

  test("counts without the widths that a law asks for are our bug, not a cost", () => {
    expect(() => energyOf([one("multiplier", "multiply", [8])], HOROWITZ_45NM)).toThrow(/bug of macroscope/);
    expect(() => energyOf([one("inputScratchpad", "read", [8])], HOROWITZ_45NM)).toThrow(/bug of macroscope/);
  });
});

function machineOf(): Parameters<typeof leakageActions>[0] {
  const memory = { capacityBits: 65536, banks: 1, bitsPerCycle: 64 };
  return {
    name: "any",
    clockHz: 1e8,
    rows: 4,
    columns: 4,
    dataflow: "tree",
    macPipeline: 0,
    tail: 0,
    weightDoubleBuffer: false,
    drainOverlap: false,
    inputScratchpad: memory,
    weightScratchpad: memory,
    accumulatorBank: memory,
    outputBuffer: memory,
    dram: { capacityBits: 2 ** 20, wordBits: 64, bytesPerCycle: 8, latencyCycles: 1 },
  };
}
