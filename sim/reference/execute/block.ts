import type { Dram } from "../../../isa/machine.ts";
import type { Execution } from "./execution.ts";

/** A strided block in DRAM: word (y, x, c) lies y·rowStride + x·columnStride + c words after the address. */
export interface Block {
  readonly dramAddress: number;
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** The DRAM addresses of a block's words of W bits, row-major. */
export function* blockAddresses(block: Block, wordLength: number): Generator<number> {
  for (let row = 0; row < block.rows; row++) {
    for (let column = 0; column < block.columns; column++) {
      for (let channel = 0; channel < block.channels; channel++) {
        const words = row * block.rowStride + column * block.columnStride + channel;
        yield block.dramAddress + words * wordLength;
      }
    }
  }
}

/**
 * The bits that the DRAM channel moves for a block. Consecutive words of the block that follow each other in DRAM form a
 * run; a run moves whole DRAM words, wherever it starts.
 */
export function transferBits(block: Block, wordLength: number, { wordBits }: Dram): number {
  let bits = 0;
  let runStart = block.dramAddress;
  let runEnd = runStart;
  const closeRun = (): void => {
    bits += Math.ceil((runEnd - runStart) / wordBits) * wordBits;
  };
  for (const address of blockAddresses(block, wordLength)) {
    if (address !== runEnd) {
      closeRun();
      runStart = address;
    }
    runEnd = address + wordLength;
  }
  closeRun();
  return bits;
}

/** Waits for the DRAM's latency, then moves the bits, so many a cycle. All words take effect together in the last cycle. */
export function* transfer(bits: number, { latencyCycles, bytesPerCycle }: Dram, effect: () => void): Execution {
  for (let cycle = 0; cycle < latencyCycles; cycle++) yield "busy";
  for (let remaining = bits - 8 * bytesPerCycle; remaining > 0; remaining -= 8 * bytesPerCycle) yield "busy";
  effect();
  yield "busy";
}
