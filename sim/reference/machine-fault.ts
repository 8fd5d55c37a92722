import type { FaultKind } from "../fault.ts";

/**
 * A fault on its way from the place that finds it to the clock loop, which adds instruction and cycle and returns it as a
 * `Fault` value. Never leaves this folder.
 */
export class MachineFault extends Error {
  readonly kind: FaultKind;
  /** Index of the instruction, null where it is no single one; undefined: the one at work. */
  readonly pc: number | null | undefined;

  constructor(kind: FaultKind, message: string, pc?: number | null) {
    super(message);
    this.name = "MachineFault";
    this.kind = kind;
    this.pc = pc;
  }
}
