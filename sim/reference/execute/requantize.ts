import { type Requantize, secondOperandAddress } from "../../../isa/instructions/requantize.ts";
import { add, type Exact, multiply } from "../../../isa/numerics/exact.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { type Activation, currentActivation } from "../activation.ts";
import { MachineFault } from "../machine-fault.ts";
import type { MachineState } from "../machine-state.ts";
import type { WordMemory } from "../memory.ts";
import { type Port, slowestPort } from "../ports.ts";
import { type Place, QuantizingRegister } from "../quantizing-register.ts";
import { type Execution, step } from "./execution.ts";

/** Bank or operands → (scale) → bias → (divisor) → activation → output register → output buffer, C filters of one pixel a step. */
export function* executeRequantize(state: MachineState, index: number, requantize: Requantize): Execution {
  const { pixels, columns: filters } = requantize;
  const { columns: laneCount } = state.machine;
  const finisher = new Finisher(state, index, requantize);
  const stall = slowestPort(finisher.ports());
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let first = 0; first < filters; first += laneCount) {
      yield* step(stall, () => {
        const busyLanes = Math.min(laneCount, filters - first);
        for (let lane = 0; lane < busyLanes; lane++) finisher.finish(pixel, first + lane, lane);
      });
    }
  }
}

/** What happens to one sum. */
class Finisher {
  readonly #state: MachineState;
  readonly #requantize: Requantize;
  readonly #accumulator: RegisterSpec;
  /** Of the words that are scaled, where they are operands. */
  readonly #operandA: RegisterSpec | null;
  readonly #operandB: RegisterSpec | null;
  readonly #divisor: number | null;
  readonly #scale: RegisterSpec | null;
  readonly #bias: RegisterSpec | null;
  readonly #output: RegisterSpec;
  /** The register that the bias is quantized into, and the sum before it where there is a sum register. */
  readonly #sum: RegisterSpec;
  readonly #sumLanes: readonly QuantizingRegister[];
  readonly #outputLanes: readonly QuantizingRegister[];
  readonly #activation: Activation;

  constructor(state: MachineState, index: number, requantize: Requantize) {
    if (requantize.hasScale && requantize.useSum) {
      throw new MachineFault("configuration", "requantize cannot use a scale and the sum register together");
    }
    if (!requantize.hasScale && (requantize.hasDivisor || requantize.source !== "accumulatorBank")) {
      throw new MachineFault("configuration", "requantize divides and takes operands with a scale only");
    }
    const { computeRegisters: registers, machine } = state;
    this.#state = state;
    this.#requantize = requantize;
    this.#accumulator = registers.get("accumulator");
    this.#operandA = requantize.source === "accumulatorBank" ? null : registers.get("operandA");
    this.#operandB = requantize.source === "operands" ? registers.get("operandB") : null;
    this.#divisor = requantize.hasDivisor ? state.setting("divisor").divisor : null;
    this.#scale = requantize.hasScale ? registers.get("scale") : null;
    this.#bias = requantize.hasBias ? registers.get("bias") : null;
    this.#output = registers.get("output");
    const sumName = requantize.useSum ? "sum" : "accumulator";
    const sum = registers.get(sumName);
    this.#sum = sum;
    const lanes = Array.from({ length: machine.columns }, (_, lane) => lane);
    this.#sumLanes = lanes.map((lane) => new QuantizingRegister(state, index, sumName, sum, 0, lane));
    this.#outputLanes = lanes.map((lane) => new QuantizingRegister(state, index, "output", this.#output, 0, lane));
    this.#activation = currentActivation(state);
  }

  ports(): Port[] {
    const { machine } = this.#state;
    const [a, b] = [this.#operandA?.format.wordLength ?? 0, this.#operandB?.format.wordLength ?? 0];
    const scaleBits = (this.#operandB === null ? 1 : 2) * (this.#scale?.format.wordLength ?? 0);
    const weightBits = scaleBits + (this.#bias?.format.wordLength ?? 0);
    const port = (cause: Port["cause"], wordLength: number, bitsPerCycle: number): Port => {
      return { cause, bits: machine.columns * wordLength, bitsPerCycle };
    };
    return [
      this.#operandA === null
        ? port("accumulator", this.#accumulator.format.wordLength, machine.accumulatorBank.bitsPerCycle)
        : port("input", a + b, machine.inputScratchpad.bitsPerCycle),
      port("weights", weightBits, machine.weightScratchpad.bitsPerCycle),
      port("output", this.#output.format.wordLength, machine.outputBuffer.bitsPerCycle),
    ];
  }

  finish(pixel: number, filter: number, lane: number): void {
    const { memories } = this.#state;
    const { outputAddress, outputPitch } = this.#requantize;
    const place: Place = { pixel, channel: filter, step: -1 };
    const finished =
      this.#scale === null
        ? this.#biased(this.#readSum(pixel, filter), filter, lane, place)
        : this.#scaled(pixel, filter, this.#scale);
    const register = this.#outputLanes[lane] as QuantizingRegister;
    const output =
      this.#divisor === null
        ? this.#write(finished, register, place)
        : this.#divide(finished, this.#divisor, register, place);
    const { wordLength } = this.#output.format;
    memories.outputBuffer.write(outputAddress + (pixel * outputPitch + filter) * wordLength, output, wordLength);
  }

  #write(value: Exact, register: QuantizingRegister, place: Place): bigint {
    const { raw, fractionLength } = this.#activation(value);
    return register.write(raw, fractionLength, place);
  }

  /** value / divisor, activated: the ends of a clip are multiplied by the divisor instead. */
  #divide(value: Exact, divisor: number, register: QuantizingRegister, place: Place): bigint {
    const { raw, fractionLength } = this.#activation(value, BigInt(divisor));
    return register.writeQuotient(raw, BigInt(divisor), fractionLength, place);
  }

  #readSum(pixel: number, filter: number): Exact {
    const { accumulatorAddress } = this.#requantize;
    return this.#readWord(this.#state.memories.accumulatorBank, accumulatorAddress, this.#accumulator, pixel, filter);
  }

  /** Word (pixel, filter) of a tile that begins at a bit address. */
  #readWord(memory: WordMemory, start: number, { format }: RegisterSpec, pixel: number, filter: number): Exact {
    const address = start + (pixel * this.#requantize.accumulatorPitch + filter) * format.wordLength;
    return { raw: memory.read(address, format), fractionLength: format.fractionLength };
  }

  /** The sum, and the sum with its bias, each through its register. */
  #biased(sum: Exact, filter: number, lane: number, place: Place): Exact {
    const kept = this.#requantize.useSum ? this.#quantizeSum(sum, lane, place) : sum;
    if (this.#bias === null) return kept;
    return this.#quantizeSum(add(kept, this.#readBias(this.#bias, filter)), lane, place);
  }

  /** a · M (+ b · M′) + bias through no register. */
  #scaled(pixel: number, filter: number, scale: RegisterSpec): Exact {
    const { scaleAddress, accumulatorAddress, columns } = this.#requantize;
    const { inputScratchpad } = this.#state.memories;
    const factor = (operand: number): Exact => this.#readPerFilter(scaleAddress, scale, operand * columns + filter);
    const [operandA, operandB] = [this.#operandA, this.#operandB];
    let value =
      operandA === null
        ? this.#readSum(pixel, filter)
        : this.#readWord(inputScratchpad, accumulatorAddress, operandA, pixel, filter);
    value = multiply(value, factor(0));
    if (operandA !== null && operandB !== null) {
      const start = secondOperandAddress(this.#requantize, operandA.format);
      value = add(value, multiply(this.#readWord(inputScratchpad, start, operandB, pixel, filter), factor(1)));
    }
    return this.#bias === null ? value : add(value, this.#readBias(this.#bias, filter));
  }

  #quantizeSum({ raw, fractionLength }: Exact, lane: number, place: Place): Exact {
    const register = this.#sumLanes[lane] as QuantizingRegister;
    return { raw: register.write(raw, fractionLength, place), fractionLength: this.#sum.format.fractionLength };
  }

  #readBias(bias: RegisterSpec, filter: number): Exact {
    return this.#readPerFilter(this.#requantize.biasAddress, bias, filter);
  }

  /** Word n of those that the weight scratchpad holds for the filters. */
  #readPerFilter(start: number, { format }: RegisterSpec, filter: number): Exact {
    const address = start + filter * format.wordLength;
    return { raw: this.#state.memories.weightScratchpad.read(address, format), fractionLength: format.fractionLength };
  }
}
