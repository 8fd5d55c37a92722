import { DATAFLOWS } from "../../../isa/dataflow/table.ts";
import type { Port } from "../ports.ts";
import type { MatrixArray } from "./matrix-array.ts";
import { OutputStationaryArray } from "./output-stationary.ts";
import { INPUT_STATIONARY, StationaryOperandArray, WEIGHT_STATIONARY } from "./stationary-operand.ts";
import type { Tile } from "./tile.ts";
import { TreeArray } from "./tree.ts";

/** The machine's array, ready for its first step. */
export function buildArray(tile: Tile): MatrixArray {
  const { sum, across } = DATAFLOWS[tile.state.machine.dataflow];
  if (sum === "carries") return new OutputStationaryArray(tile);
  if (sum === "gathers") return new TreeArray(tile);
  return new StationaryOperandArray(tile, across === "filters" ? WEIGHT_STATIONARY : INPUT_STATIONARY);
}

/** What one array step moves through each memory port. */
export function arrayPorts(tile: Tile): Port[] {
  const { machine } = tile.state;
  const word = { input: tile.operandA.format.wordLength, weight: tile.weight.format.wordLength };
  const bits = DATAFLOWS[machine.dataflow].portBits(machine, tile.pixels, word);
  const bankBits = machine.columns * tile.accumulator.format.wordLength;
  return [
    { cause: "input", bits: bits.input, bitsPerCycle: machine.inputScratchpad.bitsPerCycle },
    { cause: "weights", bits: bits.weight, bitsPerCycle: machine.weightScratchpad.bitsPerCycle },
    { cause: "accumulator", bits: bankBits, bitsPerCycle: machine.accumulatorBank.bitsPerCycle },
  ];
}
