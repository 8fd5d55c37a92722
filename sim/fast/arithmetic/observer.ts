/** Where and when a register overflowed. */
export interface OverflowPlace {
  /** Step of the array or the lanes in which the register is written, and cycles after that step's. */
  readonly laneStep: number;
  readonly extraCycles: number;
  readonly row: number;
  readonly column: number;
  readonly pixel: number;
  readonly channel: number;
  /** k, or what `OverflowSite.step` says, counted from 0 inside the instruction. */
  readonly step: number;
}

/**
 * Is shown every quantization of one register: the exact value, rounded away by `droppedBits` bits (≤ 0: none), and
 * the word after the fit.
 */
export interface RegisterObserver {
  number(exact: number, rounded: number, word: number, droppedBits: number): void;
  big(exact: bigint, rounded: bigint, word: bigint, droppedBits: number): void;
  /** The exact value was numerator · 2^−exactFraction / denominator. */
  quotient(numerator: bigint, denominator: bigint, exactFraction: number, rounded: bigint, word: bigint): void;
  /** Follows a quantization whose word is not the rounded value. */
  overflowed(place: OverflowPlace): void;
}
