import type { FixedPointFormat } from "../isa/numerics/format.ts";
import type { Program } from "../isa/program/program.ts";

/** Widths of the two ports of a block's signed multiplier: AMD DSP48E2, 27 × 18 (UG579, "DSP48E2 Features"). */
export const DSP_PORTS = { wide: 27, narrow: 18 } as const;

/**
 * Blocks of one multiplier. An operand wider than a port is cut into a signed part on top, as wide as the port, and
 * unsigned parts below it, one bit narrower each, since the port reads a sign there; every pair of parts takes a
 * block. Of the two ways round the one with fewer blocks counts. An unsigned operand needs a bit for its zero sign.
 * Blocks that only add partial products, and short multipliers put into logic, are not modelled.
 */
export function multiplierBlocks(a: FixedPointFormat, b: FixedPointFormat): number {
  const [first, second] = [signedBits(a), signedBits(b)];
  const { wide, narrow } = DSP_PORTS;
  return Math.min(parts(first, wide) * parts(second, narrow), parts(first, narrow) * parts(second, wide));
}

/** Blocks of the array: of a multiplier that every layer fits, times rows × columns; 0 where no layer multiplies on it. */
export function arrayBlocks({ machine, layers }: Pick<Program, "machine" | "layers">): number {
  const widest = layers
    .filter(({ macs }) => macs > 0)
    .reduce(
      (most, { datapath: { input, weight } }) => Math.max(most, multiplierBlocks(input.format, weight.format)),
      0,
    );
  return widest * machine.rows * machine.columns;
}

function signedBits({ wordLength, signed }: FixedPointFormat): number {
  return signed ? wordLength : wordLength + 1;
}

function parts(bits: number, port: number): number {
  return bits <= port ? 1 : 1 + Math.ceil((bits - port) / (port - 1));
}
