import { elementCount, type Program, type TensorSymbol } from "../../../isa/program/program.ts";
import { countActions } from "../../../sim/actions.ts";
import { arrayBlocks } from "../../../sim/dsp-blocks.ts";
import { energyOf, HOROWITZ_45NM } from "../../../sim/energy/index.ts";
import { scheduleProgram } from "../../../sim/timing/index.ts";
import type { CandidateCost } from "../../results/evaluation.ts";
import { FaultError } from "../fault-error.ts";
import { withLeakage } from "../figures/machine-report.ts";

/** Costs of an admitted program, from its shapes and word lengths alone. */
export function costOf(program: Program): CandidateCost {
  const schedule = scheduleProgram(program);
  if ("fault" in schedule) throw new FaultError(schedule.fault);
  const { total: cyclesPerImage } = schedule.report;
  const actions = withLeakage(program, countActions(program).total, cyclesPerImage);
  const constantBits = storedBits(program, ({ role }) => role === "constant");
  const activationBits = storedBits(program, ({ role }) => role === "intermediate" || role === "output");
  return {
    constantBits,
    activationBits,
    storedBits: constantBits + activationBits,
    dspBlocks: arrayBlocks(program),
    cyclesPerImage,
    energyPjPerImage: energyOf(actions, HOROWITZ_45NM).total.value,
  };
}

function storedBits({ tensors }: Program, isWanted: (tensor: TensorSymbol) => boolean): number {
  return tensors.filter(isWanted).reduce((sum, { shape, format }) => sum + elementCount(shape) * format.wordLength, 0);
}
