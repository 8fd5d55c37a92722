/** An exact value raw · 2^−fractionLength. Nothing here loses a bit. */
export interface Exact {
  readonly raw: bigint;
  readonly fractionLength: number;
}

/** The raw of the same value at a fraction length at least as large. */
export function aligned(value: Exact, fractionLength: number): bigint {
  return value.raw << BigInt(fractionLength - value.fractionLength);
}

/** Applies an operation on raws to two values aligned to the larger of their fraction lengths. */
export function combine(a: Exact, b: Exact, operation: (a: bigint, b: bigint) => bigint): Exact {
  const fractionLength = Math.max(a.fractionLength, b.fractionLength);
  return { raw: operation(aligned(a, fractionLength), aligned(b, fractionLength)), fractionLength };
}

export function add(a: Exact, b: Exact): Exact {
  return combine(a, b, (x, y) => x + y);
}

export function multiply(a: Exact, b: Exact): Exact {
  return { raw: a.raw * b.raw, fractionLength: a.fractionLength + b.fractionLength };
}

export function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

export function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
