import { ON_CHIP_MEMORIES } from "../../isa/machine.ts";
import type { EnergyRow, EnergyTable, WidthLaw } from "./table.ts";

/*
 * 45 nm, 0.9 V. The published numbers are few: integer adders of 8, 16, 32 bits 0.03, 0.05, 0.1 pJ; multipliers of 8 and
 * 32 bits 0.2, 3.1 pJ; a 64-bit read of an SRAM of 8 KB, 32 KB, 1 MB 10, 20, 100 pJ; of a DRAM 1300 to 2600 pJ. All the
 * rest is derived from them or assumed, and says so.
 */

const HOROWITZ = "M. Horowitz, Computing's energy problem, ISSCC 2014, 45 nm";
const AT_45_NM = { nodeNm: 45, voltageV: 0.9 } as const;
const KIBIBYTE_BITS = 8 * 1024;

/** Least squares through the three adders: 33/11200 pJ per bit. */
const ADDER_BASE = 0.005;
const ADDER_PER_BIT = 0.0029464286;
/** An incrementer has half adders in place of full adders. */
const INCREMENTER_PER_BIT = ADDER_PER_BIT / 2;
/** One gate per bit: a sixth of a full adder. */
const GATE_PER_BIT = ADDER_PER_BIT / 6;
const REGISTER_PER_BIT = 0.009;

function linear(base: number, ...perBit: readonly number[]): WidthLaw {
  return { form: "linear", base, perBit };
}

const ARITHMETIC: readonly EnergyRow[] = [
  {
    component: "multiplier",
    action: "multiply",
    law: { form: "product", perProduct: 0.0029947917, perMean: 0.0010416667 },
    ...AT_45_NM,
    source: `${HOROWITZ}; fit of the QKeras energy configuration, extended to unequal widths`,
    spread: { low: 1, high: 4.1 },
    kind: "derived",
    note: "meets 0.2 pJ at 8 × 8 and 3.1 pJ at 32 × 32 bits; the Aladdin library at 40 nm gives 12.68 pJ for 32 bits",
  },
  {
    component: "adder",
    action: "add",
    law: linear(ADDER_BASE, ADDER_PER_BIT),
    ...AT_45_NM,
    source: HOROWITZ,
    spread: { low: 0.95, high: 2.2 },
    kind: "derived",
    note: "least squares; residuals +0.0014, −0.0021, +0.0007 pJ at 8, 16, 32 bits; Aladdin, 40 nm: 0.21 pJ at 32 bits",
  },
  {
    component: "divider",
    action: "divide",
    law: { form: "product", perProduct: ADDER_PER_BIT, perMean: ADDER_BASE },
    ...AT_45_NM,
    source: `${HOROWITZ}, adder`,
    spread: { low: 0.5, high: 4 },
    kind: "derived",
    note: "an array divider: one controlled subtraction cell, taken as an adder bit, per pair of operand bits",
  },
  {
    component: "comparator",
    action: "compare",
    law: linear(ADDER_BASE, ADDER_PER_BIT),
    ...AT_45_NM,
    source: `${HOROWITZ}, adder`,
    spread: { low: 0.3, high: 2.2 },
    kind: "derived",
    note: "a subtraction whose sign selects an operand",
  },
  {
    component: "activation",
    action: "relu",
    law: linear(0, GATE_PER_BIT),
    ...AT_45_NM,
    source: `${HOROWITZ}, adder`,
    spread: { low: 0.3, high: 3 },
    kind: "assumed",
    note: "one gate per bit, a sixth of an adder bit",
  },
  {
    component: "activation",
    action: "clip",
    law: linear(ADDER_BASE, ADDER_PER_BIT + 2 * GATE_PER_BIT),
    ...AT_45_NM,
    source: `${HOROWITZ}, adder`,
    spread: { low: 0.3, high: 3 },
    kind: "assumed",
    note: "a comparison with the bound and two gates per bit",
  },
];

/** Widths: kept bits, dropped bits. */
const ROUNDING: readonly EnergyRow[] = [
  rounding("truncate", linear(0, 0, 0), "dropped bits are wires that end; free by construction"),
  rounding("guard", linear(0, INCREMENTER_PER_BIT, 0), "an incrementer, half an adder bit per kept bit"),
  rounding("sticky", linear(0, INCREMENTER_PER_BIT, GATE_PER_BIT), "an incrementer and the OR of the dropped bits"),
  rounding("jam", linear(0, 0, GATE_PER_BIT), "the OR of the dropped bits sets the lowest kept bit"),
  rounding(
    "random",
    linear(0, INCREMENTER_PER_BIT, ADDER_PER_BIT),
    "an adder on the dropped bits, an incrementer above",
  ),
];

function rounding(action: EnergyRow["action"], law: WidthLaw, note: string): EnergyRow {
  return {
    component: "rounding",
    action,
    law,
    ...AT_45_NM,
    source: `${HOROWITZ}, adder`,
    spread: action === "truncate" ? { low: 1, high: 1 } : { low: 0.3, high: 3 },
    kind: action === "truncate" ? "derived" : "assumed",
    note,
  };
}

/** Widths: before and after the fit. */
const SATURATION: readonly EnergyRow[] = [
  {
    component: "saturation",
    action: "wrap",
    law: linear(0, 0, 0),
    ...AT_45_NM,
    source: `${HOROWITZ}, adder`,
    spread: { low: 1, high: 1 },
    kind: "derived",
    note: "upper bits are wires that end; free by construction",
  },
  {
    component: "saturation",
    action: "saturate",
    law: linear(0, GATE_PER_BIT, GATE_PER_BIT),
    ...AT_45_NM,
    source: `${HOROWITZ}, adder`,
    spread: { low: 0.3, high: 3 },
    kind: "assumed",
    note: "one gate per bit to detect, one per bit to select",
  },
];

const REGISTERS: readonly EnergyRow[] = (["operandRegister", "pipelineRegister", "accumulatorRegister"] as const).map(
  (component): EnergyRow => ({
    component,
    action: "write",
    law: linear(0, REGISTER_PER_BIT),
    nodeNm: 40,
    voltageV: null,
    source: "Accelergy plug-in for Aladdin, 40 nm: register, 0.009 pJ per bit",
    spread: { low: 0.3, high: 2 },
    kind: "assumed",
    note: "the 40 nm number taken unscaled; clock tree not included",
  }),
);

const MOVEMENT: readonly EnergyRow[] = [
  {
    component: "randomGenerator",
    action: "step",
    law: linear(0, REGISTER_PER_BIT + 3 * GATE_PER_BIT),
    ...AT_45_NM,
    source: "register and gate of this table",
    spread: { low: 0.3, high: 3 },
    kind: "assumed",
    note: "one flip-flop and three XOR gates per bit of state",
  },
  {
    component: "bus",
    action: "transfer",
    law: linear(0, 0.1),
    ...AT_45_NM,
    source: "judgement: 1 mm of wire at 0.1 pJ per bit and mm",
    spread: { low: 0.3, high: 3 },
    kind: "assumed",
    note: "distance and coding of the interconnect are not modelled",
  },
];

const SRAM_LAW: WidthLaw = {
  form: "capacity",
  points: [
    { bankBits: 8 * KIBIBYTE_BITS, perBit: 10 / 64 },
    { bankBits: 32 * KIBIBYTE_BITS, perBit: 20 / 64 },
    { bankBits: 1024 * KIBIBYTE_BITS, perBit: 100 / 64 },
  ],
  slopeBelow: 0.5,
};

const MEMORIES: readonly EnergyRow[] = ON_CHIP_MEMORIES.flatMap((component) => [
  {
    component,
    action: "read",
    law: SRAM_LAW,
    ...AT_45_NM,
    source: `${HOROWITZ}: 64-bit reads of 8 KB, 32 KB, 1 MB`,
    spread: { low: 0.5, high: 2 },
    kind: "derived",
    note: "log-log between the points; slope ½ below 8 KiB is an extrapolation; energy taken per bit of the word",
  },
  {
    component,
    action: "write",
    law: SRAM_LAW,
    ...AT_45_NM,
    source: `${HOROWITZ}: 64-bit reads of 8 KB, 32 KB, 1 MB`,
    spread: { low: 0.5, high: 2.5 },
    kind: "assumed",
    note: "a write is taken to cost what a read costs",
  },
]);

const DRAM: readonly EnergyRow[] = (["read", "write"] as const).map(
  (action): EnergyRow => ({
    component: "dram",
    action,
    law: linear(0, 20.3125),
    ...AT_45_NM,
    source: `${HOROWITZ}: 1300 to 2600 pJ for 64 bits`,
    spread: { low: 1, high: 2 },
    kind: action === "read" ? "published" : "assumed",
    note:
      action === "read" ? "the lower end, 1300 pJ; interface included" : "a write is taken to cost what a read costs",
  }),
);

const LEAKAGE: readonly EnergyRow[] = [
  {
    component: "leakage",
    action: "memoryNanosecond",
    law: linear(0, 2e-8),
    ...AT_45_NM,
    source: "judgement: 20 pW per SRAM bit, a low-power 45 nm cell",
    spread: { low: 0.1, high: 10 },
    kind: "assumed",
    note: "depends on process option and temperature by orders of magnitude",
  },
  {
    component: "leakage",
    action: "arrayNanosecond",
    law: linear(0, 6.25e-5),
    ...AT_45_NM,
    source: "judgement: 2 µW per 16 × 16 bit element, spread over its 32 operand bits",
    spread: { low: 0.1, high: 10 },
    kind: "assumed",
    note: "depends on process option and temperature by orders of magnitude",
  },
];

/** The default table. */
export const HOROWITZ_45NM: EnergyTable = {
  name: "horowitz-45nm",
  unit: "pJ",
  description: "45 nm, 0.9 V, from the table of ISSCC 2014; registers, wires, rounding and leakage assumed",
  rows: [...ARITHMETIC, ...ROUNDING, ...SATURATION, ...REGISTERS, ...MOVEMENT, ...MEMORIES, ...DRAM, ...LEAKAGE],
};
