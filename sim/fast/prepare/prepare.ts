import type { Program } from "../../../isa/program/program.ts";
import type { ConfiguredInstruction } from "../../configuration.ts";
import type { EvidenceRegister } from "../../evidence.ts";
import type { Schedule } from "../../timing/schedule.ts";
import type { KernelLibrary } from "../kernels/contract.ts";
import { Dram } from "../memory/dram.ts";
import { OnChipMemories } from "../memory/on-chip.ts";
import type { InstructionPlace, Step } from "../step.ts";
import { AddressTables } from "./address-tables.ts";
import { BankBounds } from "./bank-bounds.ts";
import { planLoad } from "./load.ts";
import { planMatrix } from "./matrix.ts";
import { OrderProofs } from "./order-proofs.ts";
import type { Plan, PrepareContext } from "./plan.ts";
import { planPool } from "./pool.ts";
import { planPreload } from "./preload.ts";
import { planRequantize } from "./requantize.ts";
import { ResidentWeights } from "./resident-weights.ts";
import { planStore } from "./store.ts";
import { SumsScratch } from "./sums-snapshot.ts";
import { planVector } from "./vector.ts";

/** A program with all addresses resolved, lanes chosen, weights packed and memory set up. */
export interface PreparedProgram {
  /** What is left to do per image, in program order. */
  readonly steps: readonly Step[];
  readonly dram: Dram;
  /** By layer: the registers that quantize in every image. */
  readonly present: readonly ReadonlySet<EvidenceRegister>[];
  /** The library, and the kernels that its matrix instructions run on: `WebAssembly SIMD: wasm int16, wasm dot`. */
  readonly kernels: string;
}

/**
 * Prepares an admitted program in two passes: the first follows it in program order and names every region of memory, the
 * second allocates the memories and binds instructions to them. Program order is enough: admission has seen that
 * nothing depends on how long units take.
 */
export function prepareProgram(
  program: Program,
  configured: readonly ConfiguredInstruction[],
  schedule: Schedule,
  library: KernelLibrary,
): PreparedProgram {
  const dram = new Dram(program);
  const memories = new OnChipMemories();
  const prepareContext: PrepareContext = {
    program,
    library,
    memories,
    dram,
    weights: new ResidentWeights(),
    bank: new BankBounds(),
    tables: new AddressTables(),
    proofs: new OrderProofs(),
    scratch: new SumsScratch(),
    kernelNames: new Set(),
  };
  const layerOf = layersByInstruction(program);
  const present = program.layers.map(() => new Set<EvidenceRegister>());
  const plans: Plan[] = [];
  for (const [pc, instruction] of configured.entries()) {
    const layer = layerOf[pc] ?? null;
    const place: InstructionPlace = {
      instruction: pc,
      layer,
      start: schedule.report.start[pc] ?? 0,
      end: schedule.report.end[pc] ?? 0,
      stretch: schedule.instructions[pc]?.stretch ?? 1,
    };
    const plan = planInstruction(instruction, place, prepareContext);
    if (plan === null) continue;
    plans.push(plan);
    if (layer === null) continue;
    for (const register of Object.keys(plan.registers)) present[layer]?.add(register as EvidenceRegister);
  }
  memories.allocate((type, length) => library.allocate(type, length));
  const steps = plans.map(({ bind }) => bind()).filter((step) => step !== null);
  return {
    steps,
    dram,
    present,
    kernels: [library.name, [...prepareContext.kernelNames].sort().join(", ")].join(": "),
  };
}

/** Null for instructions that move no word. */
function planInstruction(
  configured: ConfiguredInstruction,
  place: InstructionPlace,
  prepareContext: PrepareContext,
): Plan | null {
  switch (configured.opcode) {
    case "load":
      return planLoad(configured, place, prepareContext);
    case "matrix":
      return planMatrix(configured, place, prepareContext);
    case "preload":
      return planPreload(configured, place, prepareContext);
    case "requantize":
      return planRequantize(configured, place, prepareContext);
    case "pool":
      return planPool(configured, place, prepareContext);
    case "vector":
      return planVector(configured, place, prepareContext);
    case "store":
      return configured.instruction.opcode === "store" ? planStore(configured.instruction, prepareContext) : null;
    case "configure.register":
    case "configure.load":
    case "configure.pixels":
    case "configure.reduction":
    case "configure.activation":
    case "configure.table":
    case "configure.pieces":
    case "configure.bounds":
    case "configure.divisor":
    case "synchronise":
    case "halt":
      return null;
  }
}

function layersByInstruction({ instructions, layers }: Program): (number | null)[] {
  const layerOf = new Array<number | null>(instructions.length).fill(null);
  for (const [index, { firstInstruction, endInstruction }] of layers.entries()) {
    layerOf.fill(index, firstInstruction, endInstruction);
  }
  return layerOf;
}
