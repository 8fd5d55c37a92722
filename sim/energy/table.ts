import type { ActionName, Component } from "../actions/action-counts.ts";

/**
 * Energy of one action as a function of its widths W₀, W₁ (bits, see `ACTIONS`), in the table's unit.
 *
 * - `linear`: base + Σ perBit[i] · Wᵢ
 * - `product`: perProduct · W₀ · W₁ + perMean · (W₀ + W₁) / 2
 * - `capacity`: W₀ times the energy per bit of a memory bank, a straight line in log-log through `points`, continued with
 *   the slope `slopeBelow` under the first and with the last slope above the last; both continuations are extrapolations
 */
export type WidthLaw =
  | { readonly form: "linear"; readonly base: number; readonly perBit: readonly number[] }
  | { readonly form: "product"; readonly perProduct: number; readonly perMean: number }
  | { readonly form: "capacity"; readonly points: readonly CapacityPoint[]; readonly slopeBelow: number };

export interface CapacityPoint {
  /** Capacity of the bank; ascending. */
  readonly bankBits: number;
  readonly perBit: number;
}

/**
 * Where a number comes from: `published` as it stands, `measured` here, `derived` by a formula from published numbers,
 * `assumed` by judgement.
 */
export const COST_KINDS = ["published", "measured", "derived", "assumed"] as const;
export type CostKind = (typeof COST_KINDS)[number];

export interface EnergyRow {
  readonly component: Component;
  readonly action: ActionName;
  readonly law: WidthLaw;
  /** Technology, nm. */
  readonly nodeNm: number;
  /** Supply, V. Null where the source does not say. */
  readonly voltageV: number | null;
  readonly source: string;
  /** The energy may lie between low · value and high · value; low ≤ 1 ≤ high. */
  readonly spread: { readonly low: number; readonly high: number };
  readonly kind: CostKind;
  /** How the law follows from the source, with its residuals; or what the assumption is. */
  readonly note: string;
}

export interface EnergyTable {
  readonly name: string;
  /** `pJ`, or a relative unit such as `MAC` (one 16-bit multiply-accumulate). */
  readonly unit: "pJ" | "MAC";
  readonly description: string;
  readonly rows: readonly EnergyRow[];
}

/** The table's row for an action. */
export function rowOf(table: EnergyTable, component: Component, action: ActionName): EnergyRow | undefined {
  return table.rows.find((row) => row.component === component && row.action === action);
}
