import type { Pool, PoolKind } from "../../../isa/instructions/pool.ts";
import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import type { MachineState } from "../machine-state.ts";
import { type Port, slowestPort } from "../ports.ts";
import { type Execution, step } from "./execution.ts";
import { POOL_LANES, type PoolLane } from "./pool-lane.ts";
import { poolWindows } from "./pool-window.ts";

/** Input scratchpad → windows → output buffer, or the bank for sums: for each output pixel, for each C channels, one window position a step. */
export function* executePool(state: MachineState, index: number, pool: Pool): Execution {
  const { machine, memories } = state;
  const operand = state.computeRegisters.get("operandA").format;
  const output = OUTPUT_FORMAT[pool.kind](state);
  const lanes = Array.from({ length: machine.columns }, (_, lane) => POOL_LANES[pool.kind](state, index, lane));
  const stall = slowestPort(poolPorts(state, pool, operand, output));

  for (const [outputPixel, window] of poolWindows(pool).entries()) {
    const valid = window.filter((inputPixel) => inputPixel !== null);
    const count = pool.countPadding ? window.length : valid.length;
    for (let first = 0; first < pool.channels; first += lanes.length) {
      const busyLanes = [...lanes.slice(0, pool.channels - first).entries()];
      for (const [, lane] of busyLanes) lane.begin();
      for (const [position, inputPixel] of window.entries()) {
        yield* step(stall, () => {
          for (const [number, lane] of busyLanes) {
            const channel = first + number;
            if (inputPixel !== null) {
              const address = pool.inputAddress + (inputPixel * pool.channels + channel) * operand.wordLength;
              lane.take(memories.inputScratchpad.read(address, operand), {
                pixel: outputPixel,
                channel,
                step: position,
              });
            }
            if (position === window.length - 1) finishWindow(state, pool, lane, outputPixel, channel, count, output);
          }
        });
      }
    }
  }
}

function finishWindow(
  state: MachineState,
  pool: Pool,
  lane: PoolLane,
  pixel: number,
  channel: number,
  count: number,
  { wordLength }: FixedPointFormat,
): void {
  const result = lane.finish(count, { pixel, channel, step: -1 });
  const address = pool.outputAddress + (pixel * pool.channels + channel) * wordLength;
  const { accumulatorBank, outputBuffer } = state.memories;
  (pool.kind === "sum" ? accumulatorBank : outputBuffer).write(address, result, wordLength);
}

/** Format of the words that a pool writes. */
const OUTPUT_FORMAT: Readonly<Record<PoolKind, (state: MachineState) => FixedPointFormat>> = {
  maximum: ({ computeRegisters }) => computeRegisters.get("operandA").format,
  average: ({ computeRegisters }) => computeRegisters.get("output").format,
  averageDivider: ({ computeRegisters }) => computeRegisters.get("output").format,
  sum: ({ computeRegisters }) => computeRegisters.get("accumulator").format,
};

function poolPorts(
  { machine }: MachineState,
  { kind }: Pool,
  operand: FixedPointFormat,
  output: FixedPointFormat,
): Port[] {
  const { columns, inputScratchpad, accumulatorBank, outputBuffer } = machine;
  const bits = columns * output.wordLength;
  return [
    { cause: "input", bits: columns * operand.wordLength, bitsPerCycle: inputScratchpad.bitsPerCycle },
    kind === "sum"
      ? { cause: "accumulator", bits, bitsPerCycle: accumulatorBank.bitsPerCycle }
      : { cause: "output", bits, bitsPerCycle: outputBuffer.bitsPerCycle },
  ];
}
