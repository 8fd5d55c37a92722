import type { Dataflow } from "../../../isa/machine.ts";
import type { Port } from "../ports.ts";
import type { MatrixArray } from "./matrix-array.ts";
import { OutputStationaryArray } from "./output-stationary.ts";
import { INPUT_STATIONARY, StationaryOperandArray, WEIGHT_STATIONARY } from "./stationary-operand.ts";
import type { Tile } from "./tile.ts";
import { TreeArray } from "./tree.ts";

/** A dataflow: its wiring, and the bits that one array step moves through the ports. */
interface Wiring {
  readonly build: (tile: Tile) => MatrixArray;
  readonly inputBits: (tile: Tile) => number;
  readonly weightBits: (tile: Tile) => number;
}

const WIRINGS: Readonly<Record<Dataflow, Wiring>> = {
  "output-stationary": {
    build: (tile) => new OutputStationaryArray(tile),
    inputBits: (tile) => tile.state.machine.rows * inputWord(tile),
    weightBits: (tile) => tile.state.machine.columns * weightWord(tile),
  },
  "weight-stationary": {
    build: (tile) => new StationaryOperandArray(tile, WEIGHT_STATIONARY),
    inputBits: (tile) => tile.state.machine.rows * inputWord(tile),
    weightBits: (tile) => tile.state.machine.columns * weightWord(tile),
  },
  "input-stationary": {
    build: (tile) => new StationaryOperandArray(tile, INPUT_STATIONARY),
    inputBits: (tile) => tile.state.machine.columns * inputWord(tile),
    weightBits: (tile) => tile.state.machine.rows * weightWord(tile),
  },
  tree: {
    build: (tile) => new TreeArray(tile),
    inputBits: (tile) => tile.state.machine.rows * inputWord(tile),
    weightBits: (tile) => {
      const { rows, columns } = tile.state.machine;
      return Math.ceil((rows * columns * weightWord(tile)) / tile.pixels);
    },
  },
};

/** The machine's array, ready for its first step. */
export function buildArray(tile: Tile): MatrixArray {
  return WIRINGS[tile.state.machine.dataflow].build(tile);
}

/** What one array step moves through each memory port. */
export function arrayPorts(tile: Tile): Port[] {
  const { machine } = tile.state;
  const { inputBits, weightBits } = WIRINGS[machine.dataflow];
  const bankBits = machine.columns * tile.accumulator.format.wordLength;
  return [
    { cause: "input", bits: inputBits(tile), bitsPerCycle: machine.inputScratchpad.bitsPerCycle },
    { cause: "weights", bits: weightBits(tile), bitsPerCycle: machine.weightScratchpad.bitsPerCycle },
    { cause: "accumulator", bits: bankBits, bitsPerCycle: machine.accumulatorBank.bitsPerCycle },
  ];
}

function inputWord(tile: Tile): number {
  return tile.operandA.format.wordLength;
}

function weightWord(tile: Tile): number {
  return tile.weight.format.wordLength;
}
