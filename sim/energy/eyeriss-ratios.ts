import { ON_CHIP_MEMORIES } from "../../isa/machine.ts";
import type { ActionName, Component } from "../actions/action-counts.ts";
import { HOROWITZ_45NM } from "./horowitz-45nm.ts";
import type { CostKind, EnergyRow, EnergyTable, WidthLaw } from "./table.ts";

/*
 * Ratios of the Eyeriss papers, energy of one 16-bit multiply-accumulate = 1: register file 1, neighbouring element 2,
 * global buffer of 100 KB 6, DRAM 200, each per 16-bit word; linear in the word length, the multiplier in its product.
 * Logic that those papers do not price is put in proportion by the 45 nm table. Leakage has no ratio and no row.
 */

const EYERISS = "Y.-H. Chen et al., Eyeriss, ISCA and ISSCC 2016, 65 nm, ratios at 16 bits";
const AT_65_NM = { nodeNm: 65, voltageV: 1 } as const;
const WORD_BITS = 16;

/** Energy of a 16-bit multiplication and of a 16-bit addition in the 45 nm table, pJ: how a MAC divides. */
const MULTIPLY_16_PJ = 0.0029947917 * WORD_BITS ** 2 + 0.0010416667 * WORD_BITS;
const ADD_16_PJ = 0.005 + 0.0029464286 * WORD_BITS;
const MAC_PJ: number = MULTIPLY_16_PJ + ADD_16_PJ;

function perWord(component: Component, action: ActionName, ratio: number, kind: CostKind, note: string): EnergyRow {
  return {
    component,
    action,
    law: { form: "linear", base: 0, perBit: [ratio / WORD_BITS] },
    ...AT_65_NM,
    source: EYERISS,
    spread: { low: 0.5, high: 2 },
    kind,
    note,
  };
}

/** Priced by the ratios themselves. */
const RATIOS: readonly EnergyRow[] = [
  {
    component: "multiplier",
    action: "multiply",
    law: { form: "product", perProduct: MULTIPLY_16_PJ / MAC_PJ / WORD_BITS ** 2, perMean: 0 },
    ...AT_65_NM,
    source: `${EYERISS}; share of the MAC by horowitz-45nm`,
    spread: { low: 0.8, high: 1.1 },
    kind: "derived",
    note: "the multiplier's share of one MAC, proportional to the product of its widths",
  },
  {
    component: "adder",
    action: "add",
    law: { form: "linear", base: 0, perBit: [ADD_16_PJ / MAC_PJ / WORD_BITS] },
    ...AT_65_NM,
    source: `${EYERISS}; share of the MAC by horowitz-45nm`,
    spread: { low: 0.5, high: 4 },
    kind: "derived",
    note: "the adder's share of one MAC, proportional to its width",
  },
  perWord("accumulatorRegister", "write", 1, "derived", "register file 1"),
  perWord("pipelineRegister", "write", 1, "assumed", "priced as the register file"),
  perWord("operandRegister", "write", 2, "derived", "a word that moves to the neighbouring element 2"),
  ...ON_CHIP_MEMORIES.flatMap((component) =>
    (["read", "write"] as const).map((action) =>
      perWord(component, action, 6, "derived", "global buffer 6, whatever the capacity; the way to the array included"),
    ),
  ),
  perWord("dram", "read", 200, "derived", "DRAM 200"),
  perWord("dram", "write", 200, "derived", "DRAM 200"),
  perWord("bus", "transfer", 0, "derived", "contained in the buffer's 6 and the DRAM's 200"),
];

/** Logic without a ratio, from the 45 nm table. */
const SCALED_COMPONENTS: readonly Component[] = [
  "divider",
  "comparator",
  "activation",
  "rounding",
  "saturation",
  "randomGenerator",
];

const SCALED: readonly EnergyRow[] = HOROWITZ_45NM.rows
  .filter(({ component }) => SCALED_COMPONENTS.includes(component))
  .map((row) => ({
    ...row,
    law: scaled(row.law, 1 / MAC_PJ),
    source: `${row.source}; divided by that table's 16-bit MAC`,
    kind: "assumed",
    note: `not priced by Eyeriss; ${row.note}`,
  }));

function scaled(law: WidthLaw, factor: number): WidthLaw {
  switch (law.form) {
    case "linear":
      return { form: "linear", base: law.base * factor, perBit: law.perBit.map((each) => each * factor) };
    case "product":
      return { form: "product", perProduct: law.perProduct * factor, perMean: law.perMean * factor };
    case "capacity":
      return { ...law, points: law.points.map((point) => ({ ...point, perBit: point.perBit * factor })) };
  }
}

export const EYERISS_RATIOS: EnergyTable = {
  name: "eyeriss-ratios",
  unit: "MAC",
  description: "relative to one 16-bit multiply-accumulate: register 1, neighbour 2, buffer 6, DRAM 200",
  rows: [...RATIOS, ...SCALED],
};
