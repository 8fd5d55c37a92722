import type { Program } from "../../isa/program/program.ts";

/** What `compile`, `asm` and `disasm` say of a program. */
export interface ProgramSummary {
  readonly seed: number;
  readonly instructions: number;
  readonly layers: readonly {
    readonly name: string;
    readonly kind: string;
    readonly macs: number;
    readonly instructions: number;
  }[];
}

export function programSummary({ seed, instructions, layers }: Program): ProgramSummary {
  return {
    seed,
    instructions: instructions.length,
    layers: layers.map(({ name, kind, macs, firstInstruction, endInstruction }) => ({
      name,
      kind,
      macs,
      instructions: endInstruction - firstInstruction,
    })),
  };
}

/** One line about a program file that was written. */
export function summaryText(summary: ProgramSummary & { readonly output: string; readonly bytes: number }): string {
  const { output, bytes, instructions, layers } = summary;
  return `${output}: ${instructions} instructions, ${layers.length} layers, ${bytes} bytes`;
}
