import type { ActionCounts, Component } from "../actions/action-counts.ts";
import { costOf } from "./cost.ts";
import { COST_KINDS, type CostKind, type EnergyTable } from "./table.ts";

/** An energy with the range that the spreads of its rows allow; all three in the table's unit. */
export interface EnergyAmount {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface EnergyReport {
  /** Name of the table. */
  readonly table: string;
  readonly unit: EnergyTable["unit"];
  readonly total: EnergyAmount;
  /** Components that did something, in the order of `ACTIONS`. */
  readonly byComponent: { readonly [Name in Component]?: EnergyAmount };
  /** How much of the total stands on which kind of number. */
  readonly byKind: Readonly<Record<CostKind, number>>;
  /** Components whose law was used beyond the points it is drawn through. */
  readonly extrapolated: readonly Component[];
}

const NOTHING: EnergyAmount = { value: 0, low: 0, high: 0 };

/**
 * Σ action count × energy per action. Spreads add up as if all rows erred the same way, so low and high are bounds, not
 * a deviation. `DiagnosticError` ENERGY_COST where the table lacks an action.
 */
export function energyOf(actions: ActionCounts, table: EnergyTable): EnergyReport {
  let total = NOTHING;
  const byComponent: { [Name in Component]?: EnergyAmount } = {};
  const byKind = Object.fromEntries(COST_KINDS.map((kind) => [kind, 0])) as Record<CostKind, number>;
  const extrapolated = new Set<Component>();
  for (const action of actions) {
    const cost = costOf(table, action);
    const value = cost.value * action.count;
    const { low, high } = cost.row.spread;
    const amount: EnergyAmount = { value, low: low * value, high: high * value };
    total = sum(total, amount);
    byComponent[action.component] = sum(byComponent[action.component] ?? NOTHING, amount);
    byKind[cost.row.kind] += value;
    if (cost.extrapolated) extrapolated.add(action.component);
  }
  return { table: table.name, unit: table.unit, total, byComponent, byKind, extrapolated: [...extrapolated] };
}

function sum(a: EnergyAmount, b: EnergyAmount): EnergyAmount {
  return { value: a.value + b.value, low: a.low + b.low, high: a.high + b.high };
}
