/**
 * What the words of single registers cost: their DRAM words, the on-chip memory that holds them, the bus to it and the registers they
 * stand in. All of these fall with the word's length. Products and what adders and multipliers do belong to no one register.
 */
import { DATAPATH_REGISTERS, type DatapathRegister } from "../../../isa/program/datapath.ts";
import type { Program } from "../../../isa/program/program.ts";
import { countLoad, countStore } from "../../../sim/actions/transfer-actions.ts";
import { type ActionCounts, addActions, type Component, Tally } from "../../../sim/actions.ts";
import { walkConfiguration } from "../../../sim/configuration.ts";
import { energyOf, HOROWITZ_45NM } from "../../../sim/energy/index.ts";

/** Where a register's words lie. Biases lie among the weights, and are few. */
const HOLDERS: Readonly<Partial<Record<DatapathRegister, readonly Component[]>>> = {
  input: ["inputScratchpad"],
  weight: ["weightScratchpad"],
  accumulator: ["accumulatorBank", "accumulatorRegister"],
  output: ["outputBuffer"],
};

/** Picojoules of one image, per layer and register. `perLayer` are the program's actions. */
export function registerEnergies(
  program: Program,
  perLayer: readonly ActionCounts[],
): readonly Readonly<Record<string, number>>[] {
  const transfers = dramOfLayers(program);
  return program.layers.map((_layer, index) =>
    Object.fromEntries(
      DATAPATH_REGISTERS.flatMap((register) => {
        const holders = HOLDERS[register];
        if (holders === undefined) return [];
        const held = (perLayer[index] ?? []).filter(({ component }) => holders.includes(component));
        const actions = addActions(held, busOf(held), transfers[index]?.get(register) ?? []);
        return [[register, energyOf(actions, HOROWITZ_45NM).total.value]];
      }),
    ),
  );
}

/** Every word that a memory reads or writes crosses the bus once. */
function busOf(actions: ActionCounts): ActionCounts {
  const bus = new Tally();
  for (const { bankBits, widths, count } of actions) {
    if (bankBits !== undefined) bus.add("bus", "transfer", widths, count);
  }
  return bus.counts();
}

/** DRAM words of each layer, by the register that they fill or come from. */
function dramOfLayers(program: Program): readonly ReadonlyMap<DatapathRegister, ActionCounts>[] {
  const walk = walkConfiguration(program);
  if ("fault" in walk) return [];
  return program.layers.map(({ firstInstruction, endInstruction }) => {
    const tallies = new Map<DatapathRegister, Tally>([
      ["input", new Tally()],
      ["weight", new Tally()],
      ["output", new Tally()],
    ]);
    for (const configured of walk.configured.slice(firstInstruction, endInstruction)) {
      if (configured.opcode === "load") {
        const register = configured.instruction.target === "inputScratchpad" ? "input" : "weight";
        const tally = tallies.get(register);
        if (tally) countLoad(tally, configured, program.machine);
      } else if (configured.opcode === "store") {
        const tally = tallies.get("output");
        if (tally) countStore(tally, configured.instruction, program.machine);
      }
    }
    const dram = (tally: Tally): ActionCounts => tally.counts().filter(({ component }) => component === "dram");
    return new Map([...tallies].map(([register, tally]) => [register, dram(tally)]));
  });
}
