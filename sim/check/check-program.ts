import { instructionProblems } from "../../isa/program/encoding.ts";
import type { Program } from "../../isa/program/program.ts";
import { admissionFault, walkConfiguration } from "../configuration.ts";
import type { Fault } from "../fault.ts";
import { scheduleGraph } from "../timing/schedule.ts";
import { tokenGraph } from "../timing/token-graph.ts";
import { datapathFault } from "./layer-datapaths.ts";
import { MemoryCheck } from "./memory-check.ts";
import { orderingOf } from "./ordering.ts";

/**
 * Whether a program may run: the rules of isa/README.md that follow from the program alone. Null for a program whose
 * results cannot depend on how long units take. Looked for in this order, each in program order: illegal fields, halt
 * and token use, settings, deadlock, layers whose datapath is another one, more than 2^53 cycles, declarations, then addresses, words never written and
 * hazards instruction by instruction.
 *
 * The cost goes with instructions and the blocks they move. Throws `DiagnosticError` CHECK_LIMIT where one instruction
 * touches millions of scattered words.
 */
export function checkProgram(program: Program): Fault | null {
  const illegal = fieldFault(program);
  if (illegal !== null) return illegal;
  const tokens = tokenGraph(program);
  const deadlocked = "fault" in tokens;
  if (deadlocked && tokens.fault.kind !== "deadlock") return tokens.fault;
  const walk = walkConfiguration(program);
  if ("fault" in walk) return walk.fault;
  if (deadlocked) return tokens.fault;
  const contradicted = datapathFault(program, walk.configured);
  if (contradicted !== null) return contradicted;
  const schedule = scheduleGraph(program, walk.configured, tokens.graph);
  if ("fault" in schedule) return schedule.fault;

  const memory = new MemoryCheck(program, orderingOf(tokens.graph));
  const declared = memory.declarations();
  if (declared !== null) return declared;
  for (const [pc, configured] of walk.configured.entries()) {
    const fault = memory.step(pc, configured);
    if (fault !== null) return fault;
  }
  return memory.output();
}

/** The first instruction that no word encodes. */
function fieldFault({ instructions }: Program): Fault | null {
  for (const [pc, instruction] of instructions.entries()) {
    const [problem] = instructionProblems(instruction);
    if (!problem) continue;
    const { field, what, hint } = problem;
    const kind = field === "wait" || field === "signal" ? "token" : "illegal-instruction";
    return admissionFault(kind, pc, `${instruction.opcode}, ${field}: ${what}; ${hint}`);
  }
  return null;
}
