import type { OverflowSite } from "./evidence.ts";

export type FaultKind =
  | "illegal-instruction"
  | "address"
  | "uninitialised"
  | "configuration"
  | "hazard"
  | "token"
  | "deadlock"
  | "overflow-trap";

/**
 * What the simulated machine did. A value, never thrown across an interface. Everything but a trap follows from the
 * program alone and is found before the first cycle, when `cycle` is null.
 */
export interface Fault {
  readonly kind: FaultKind;
  /** Index of the instruction; null for a deadlock of several units. */
  readonly pc: number | null;
  readonly cycle: number | null;
  /** Which word, which memory, what was expected. */
  readonly message: string;
  /** For a trap: the register, element and step. */
  readonly site: OverflowSite | null;
}

/** The fault of a `trap` register, from where it happened. */
export function trapFault(site: OverflowSite): Fault {
  const { instruction, cycle, register, image, pixel, channel, step, before } = site;
  const place = `image ${image}, pixel ${pixel}, channel ${channel}${step < 0 ? "" : `, step ${step}`}`;
  const message = `the ${register} register cannot hold raw ${before} (${place}); give it integer bits, or another overflow mode than trap`;
  return { kind: "overflow-trap", pc: instruction, cycle, message, site };
}
