import type { Matrix } from "../../../isa/instructions/matrix.ts";
import { Tile } from "../array/tile.ts";
import { arrayPorts, buildArray } from "../array/wiring.ts";
import type { MachineState } from "../machine-state.ts";
import { slowestPort } from "../ports.ts";
import { type Execution, step } from "./execution.ts";

/** Steps the array until its last effect, then waits for the tail. */
export function* executeMatrix(state: MachineState, index: number, matrix: Matrix): Execution {
  const tile = new Tile(state, index, matrix);
  const array = buildArray(tile);
  const stall = slowestPort(arrayPorts(tile));
  for (let finished = false; !finished; ) {
    yield* step(stall, () => {
      finished = array.step();
    });
  }
  for (let cycle = 0; cycle < state.machine.tail; cycle++) yield "busy";
}
