import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Program } from "../../isa/program/program.ts";
import { machinePrograms } from "../arbitraries/machine-program.ts";
import { expectEnginesAgree, imageBatch } from "./compare.ts";

/** The same program with the n-th quantizing configuration (round and round) set to trap. */
function withTrap(program: Program, choice: number): Program {
  const candidates = program.instructions.flatMap((instruction, pc) =>
    (instruction.opcode === "configure.register" || instruction.opcode === "configure.load") &&
    ["input", "product", "accumulator", "sum", "output"].includes(instruction.register)
      ? [pc]
      : [],
  );
  const chosen = candidates[choice % candidates.length];
  return {
    ...program,
    instructions: program.instructions.map((instruction, pc) =>
      pc === chosen && "overflow" in instruction
        ? { ...instruction, overflow: "trap", saturatedBits: 0, dialect: "sc" }
        : instruction,
    ),
  };
}

describe("both engines agree on overflow traps", () => {
  it("stop at the same image, cycle, instruction and element, with the same evidence before", () => {
    let trapped = 0;
    fc.assert(
      fc.property(machinePrograms(2), fc.nat(40), ({ program, inputs, images }, choice) => {
        const result = expectEnginesAgree(withTrap(program, choice), imageBatch(program, inputs, images, 5), {
          statistics: choice % 2 === 0,
          capture: choice % 3 === 0,
        });
        if (result.fault !== null) {
          trapped++;
          expect(result.fault.kind).toBe("overflow-trap");
          expect(result.fault.site?.image).toBe(5 + result.images);
        }
      }),
      { numRuns: process.env.MACROSCOPE_LONG === "1" ? 2000 : 150, seed: 11 },
    );
    expect(trapped).toBeGreaterThan(10);
  }, 600_000);
});
