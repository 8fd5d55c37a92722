import type { KernelLibrary } from "../contract.ts";
import { PLAIN_KERNELS } from "../plain.ts";
import { Arena } from "./arena.ts";
import { float64Plan } from "./float64.ts";
import { int64Plan } from "./int64.ts";
import { integerKernels } from "./integer-kernels.ts";
import { integerPlan } from "./integer-plans.ts";
import { laneKernels } from "./lane-kernels.ts";
import { WASM_MISSING } from "./modules.ts";
import { wideKernels } from "./wide-kernels.ts";

const WASM_NAME = "WebAssembly SIMD";

/** Kernels on vectors, with the plain ones for what they do not cover. They serve one program, and hold its words. */
export function wasmKernels(): KernelLibrary {
  const arena = new Arena();
  const integers = integerKernels(arena);
  const wides = wideKernels(arena);
  return {
    name: WASM_NAME,
    allocate: ({ wordLength, signed }, length) => arena.words({ wordLength, signed, fractionLength: 0 }, length),
    ...laneKernels(arena),
    matrix: (problem, choice) => {
      const plain = PLAIN_KERNELS.matrix(problem, choice);
      const integer = integerPlan(problem);
      if (integer !== null) return integers(integer, plain);
      const wide = float64Plan(problem) ?? int64Plan(problem);
      return wide === null ? plain : wides(wide);
    },
  };
}

/** Vectors, or where something is `missing` for them the plain kernels, with the reason in the name. */
export function vectorKernels(missing: string | null): KernelLibrary {
  if (missing !== null) return { ...PLAIN_KERNELS, name: `${PLAIN_KERNELS.name} (${missing})` };
  return { ...PLAIN_KERNELS, name: WASM_NAME, forProgram: wasmKernels };
}

/** The best that this machine has. */
export const VECTOR_KERNELS: KernelLibrary = vectorKernels(WASM_MISSING);
