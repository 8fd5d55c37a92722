import { diagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import type { ActionCount } from "../actions/action-counts.ts";
import { type CapacityPoint, type EnergyRow, type EnergyTable, rowOf, type WidthLaw } from "./table.ts";

/** What one action costs, in the table's unit. */
export interface Cost {
  readonly value: number;
  readonly row: EnergyRow;
  /** The law was used beyond the points it is drawn through. */
  readonly extrapolated: boolean;
}

/** The cost of one action; `DiagnosticError` ENERGY_COST where the table has no row for it. Never zero by default. */
export function costOf(table: EnergyTable, action: ActionCount): Cost {
  const row = rowOf(table, action.component, action.action);
  if (!row) {
    throw diagnosticError(
      "ENERGY_COST",
      `energy table ${table.name}`,
      `no cost for ${action.component}/${action.action} at ${action.widths.join(" × ")} bits`,
      "add a row with its source, or leave that action out of the counts",
    );
  }
  const { value, extrapolated } = evaluate(row.law, action);
  if (!(value >= 0 && Number.isFinite(value))) {
    throw new InvariantError(`${table.name}: ${action.component}/${action.action} costs ${value} at ${action.widths}`);
  }
  return { value, row, extrapolated };
}

function evaluate(law: WidthLaw, action: ActionCount): { value: number; extrapolated: boolean } {
  const [first = Number.NaN, second = Number.NaN] = action.widths;
  switch (law.form) {
    case "linear": {
      const value = law.perBit.reduce(
        (sum, each, index) => sum + each * (action.widths[index] ?? Number.NaN),
        law.base,
      );
      return { value, extrapolated: false };
    }
    case "product":
      return { value: law.perProduct * first * second + (law.perMean * (first + second)) / 2, extrapolated: false };
    case "capacity": {
      const { perBit, extrapolated } = bankEnergy(law.points, law.slopeBelow, action.bankBits ?? Number.NaN);
      return { value: first * perBit, extrapolated };
    }
  }
}

/** Energy per bit of a bank: piecewise straight in log-log. */
function bankEnergy(
  points: readonly CapacityPoint[],
  slopeBelow: number,
  bankBits: number,
): { perBit: number; extrapolated: boolean } {
  const lowest = points[0] as CapacityPoint;
  const highest = points[points.length - 1] as CapacityPoint;
  if (bankBits < lowest.bankBits) {
    return { perBit: lowest.perBit * (bankBits / lowest.bankBits) ** slopeBelow, extrapolated: true };
  }
  const above = points.findIndex((point) => point.bankBits >= bankBits);
  const index = above < 0 ? points.length - 1 : Math.max(above, 1);
  const [left, right] = [points[index - 1] as CapacityPoint, points[index] as CapacityPoint];
  const slope = Math.log(right.perBit / left.perBit) / Math.log(right.bankBits / left.bankBits);
  const perBit = left.perBit * (bankBits / left.bankBits) ** slope;
  return { perBit, extrapolated: bankBits > highest.bankBits };
}
