import type { ConfigureActivation } from "../../isa/instructions/configure-activation.ts";
import type { ConfigureBounds } from "../../isa/instructions/configure-bounds.ts";
import type { ConfigureDivisor } from "../../isa/instructions/configure-divisor.ts";
import type { ConfigurePieces } from "../../isa/instructions/configure-pieces.ts";
import type { ConfigurePixels } from "../../isa/instructions/configure-pixels.ts";
import type { ConfigureReduction } from "../../isa/instructions/configure-reduction.ts";
import type { ConfigureTable } from "../../isa/instructions/configure-table.ts";
import { type Machine, ON_CHIP_MEMORIES, type OnChipMemoryName } from "../../isa/machine.ts";
import type { Program } from "../../isa/program/program.ts";
import type { OverflowSite } from "../evidence.ts";
import { BankAdders } from "./array/bank-adders.ts";
import type { Dram } from "./dram.ts";
import { MachineFault } from "./machine-fault.ts";
import { WordMemory } from "./memory.ts";
import type { Observer } from "./observer.ts";
import { RegisterFile } from "./register-file.ts";
import { Tokens } from "./tokens.ts";

/** Settings that are not registers: counters of the address generators, the activation, and what functions are made of. */
/** Settings that are not registers: counters of the address generators, the activation and the divisor. */
interface ComputeSettings {
  reduction?: ConfigureReduction;
  pixels?: ConfigurePixels;
  activation?: ConfigureActivation;
  table?: ConfigureTable;
  pieces?: ConfigurePieces;
  bounds?: ConfigureBounds;
  divisor?: ConfigureDivisor;
}

/** Everything that the machine holds during one image. New for every image: nothing lasts longer. */
export class MachineState {
  readonly machine: Machine;
  /** Seed of the stochastic registers. */
  readonly seed: number;
  /** Number of the image in its data set. */
  readonly image: number;
  readonly dram: Dram;
  readonly memories: Readonly<Record<OnChipMemoryName, WordMemory>>;
  readonly loadRegisters: RegisterFile = new RegisterFile();
  readonly computeRegisters: RegisterFile = new RegisterFile();
  readonly settings: ComputeSettings = {};
  readonly tokens: Tokens = new Tokens();
  readonly bankAdders: BankAdders = new BankAdders();
  readonly observer: Required<Observer>;
  /** Overflows of `trap` registers in this cycle. */
  readonly trapped: OverflowSite[] = [];
  /** The current cycle, from 0. */
  cycle = 0;
  /** Index of the instruction at work at this moment, so that a fault knows its own. */
  executing = 0;

  constructor(program: Program, image: number, dram: Dram, observer: Required<Observer>) {
    this.machine = program.machine;
    this.seed = program.seed;
    this.image = image;
    this.dram = dram;
    this.observer = observer;
    this.memories = Object.fromEntries(
      ON_CHIP_MEMORIES.map((name) => [name, new WordMemory(name, program.machine[name].capacityBits)]),
    ) as Record<OnChipMemoryName, WordMemory>;
  }

  /** A setting; faults (`configuration`) where it was never made. */
  setting<Name extends keyof ComputeSettings>(name: Name): NonNullable<ComputeSettings[Name]> {
    const setting = this.settings[name];
    if (setting === undefined) {
      throw new MachineFault("configuration", `configure.${name} is needed, but there was none`);
    }
    return setting;
  }
}
