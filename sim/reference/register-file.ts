import { formatDiagnostic } from "../../isa/diagnostic.ts";
import {
  type ConfigureRegister,
  LOAD_REGISTERS,
  type MachineRegister,
} from "../../isa/instructions/configure-register.ts";
import { type RegisterSpec, validateRegister } from "../../isa/numerics/register.ts";
import { MachineFault } from "./machine-fault.ts";

/** Registers of the load unit; the others belong to the compute unit. */
/** Registers that may be exact, up to 192 bits. */
const EXACT_REGISTERS: readonly MachineRegister[] = ["product", "accumulator"];

/** The settings of one unit's registers, empty at the start of an image. Faults are `configuration`. */
export class RegisterFile {
  readonly #settings = new Map<MachineRegister, RegisterSpec>();

  /** The setting of a register; faults where it was never set. */
  get(name: MachineRegister): RegisterSpec {
    const setting = this.#settings.get(name);
    if (setting === undefined) throw new MachineFault("configuration", `register ${name} is used but was never set`);
    return setting;
  }

  /** Sets a register of the unit that the instruction belongs to; faults where the settings contradict each other. */
  set(instruction: ConfigureRegister): void {
    const { opcode, register } = instruction;
    if ((LOAD_REGISTERS as readonly MachineRegister[]).includes(register) !== (opcode === "configure.load")) {
      throw new MachineFault("configuration", `${opcode} cannot set register ${register} of another unit`);
    }
    const setting: RegisterSpec = {
      format: {
        wordLength: instruction.wordLength,
        fractionLength: Number(instruction.fractionLength),
        signed: instruction.signed,
      },
      rounding: instruction.rounding as RegisterSpec["rounding"],
      overflow: instruction.overflow as RegisterSpec["overflow"],
      saturatedBits: instruction.saturatedBits,
      dialect: instruction.dialect as RegisterSpec["dialect"],
    };
    const [wrong] = validateRegister(setting, `register ${register}`, { exact: EXACT_REGISTERS.includes(register) });
    if (wrong !== undefined) throw new MachineFault("configuration", formatDiagnostic(wrong));
    this.#settings.set(register, setting);
  }
}
