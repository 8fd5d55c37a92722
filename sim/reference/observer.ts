import type { Unit } from "../../isa/instructions/definition.ts";
import type { StallCause } from "../../isa/tokens.ts";
import type { OverflowSite } from "../evidence.ts";

/** How a unit spends one cycle: at work, waiting (and why), or finished with everything. */
export type Activity = "busy" | "idle" | StallCause;

/**
 * One quantization: a register is written. `site` says where and when, with the rounded raw before and the word after
 * the fit. The exact value was exact / denominator · 2^−exactFraction.
 */
export interface Quantization {
  readonly site: OverflowSite;
  readonly overflowed: boolean;
  /** Whether a quotient was quantized; the denominator is 1 otherwise. */
  readonly isQuotient: boolean;
  readonly exact: bigint;
  readonly denominator: bigint;
  readonly exactFraction: number;
  /** F of the register. */
  readonly fractionLength: number;
}

/**
 * Watches the machine; can change nothing. Evidence and cycle counts are observers, and so can traces be. Within one
 * cycle the order of calls is: cycle, then quantizations, starts and ends as they come, then one `unit` call per unit.
 */
export interface Observer {
  /** A cycle begins. */
  cycle?(cycle: number): void;
  /** The instruction's first cycle. */
  started?(instruction: number, cycle: number): void;
  /** One past the instruction's last cycle. */
  ended?(instruction: number, cycle: number): void;
  quantized?(quantization: Quantization): void;
  unit?(unit: Unit, activity: Activity, cycle: number): void;
}

/** One observer that passes everything on to several, in their order. */
export function broadcast(observers: readonly Observer[]): Required<Observer> {
  return {
    cycle: (cycle) => {
      for (const observer of observers) observer.cycle?.(cycle);
    },
    started: (instruction, cycle) => {
      for (const observer of observers) observer.started?.(instruction, cycle);
    },
    ended: (instruction, cycle) => {
      for (const observer of observers) observer.ended?.(instruction, cycle);
    },
    quantized: (quantization) => {
      for (const observer of observers) observer.quantized?.(quantization);
    },
    unit: (unit, activity, cycle) => {
      for (const observer of observers) observer.unit?.(unit, activity, cycle);
    },
  };
}
