import type { Program } from "../../../isa/program/program.ts";
import { EVIDENCE_REGISTERS, type EvidenceRegister } from "../../evidence.ts";
import { GeneratorBank } from "../arithmetic/generator-bank.ts";
import type { KernelLibrary } from "../kernels/contract.ts";
import type { Dram } from "../memory/dram.ts";
import type { Extent, OnChipMemories, Region } from "../memory/on-chip.ts";
import type { InstructionPlace, QuantizingParts, Step } from "../step.ts";
import type { AddressTables } from "./address-tables.ts";
import type { BankBounds } from "./bank-bounds.ts";
import type { OrderProofs } from "./order-proofs.ts";
import type { ResidentWeights } from "./resident-weights.ts";
import type { SumsScratch } from "./sums-snapshot.ts";

/** What the preparation of an instruction draws on. */
export interface PrepareContext {
  readonly program: Program;
  readonly library: KernelLibrary;
  readonly memories: OnChipMemories;
  readonly dram: Dram;
  readonly weights: ResidentWeights;
  readonly bank: BankBounds;
  readonly tables: AddressTables;
  readonly proofs: OrderProofs;
  readonly scratch: SumsScratch;
  /** Names of the kernels in use. */
  readonly kernelNames: Set<string>;
}

/** An instruction after the first pass, which names all it reads and writes. */
export interface Plan {
  /** Registers that quantize whenever the instruction runs. */
  readonly registers: QuantizingParts["registers"];
  /** The second pass, once memories are allocated; null where nothing is left to do per image. */
  readonly bind: () => Step | null;
}

/** `step`, then the hand-over of what it wrote to readers of the other signedness. */
export function mirrored(step: Step, region: Region, extent: Extent): Step {
  const mirror = region.mirror(extent);
  if (mirror === null) return step;
  return (context) => {
    step(context);
    mirror();
  };
}

/** Generators of a lane register: row 0, one for each of the first `lanes` lanes. */
export function laneGenerators(
  { program }: PrepareContext,
  { instruction }: InstructionPlace,
  register: EvidenceRegister,
  lanes: number,
): GeneratorBank {
  const registerCode = EVIDENCE_REGISTERS.indexOf(register);
  const columns = Math.min(lanes, program.machine.columns);
  return new GeneratorBank({ seed: program.seed, instruction, registerCode }, { firstRow: 0, rows: 1, columns });
}
