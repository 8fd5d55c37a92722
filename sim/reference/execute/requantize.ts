import type { Requantize } from "../../../isa/instructions/requantize.ts";
import type { RegisterSpec } from "../../../isa/register.ts";
import { currentActivation } from "../activation.ts";
import { add, type Exact, multiply } from "../exact.ts";
import { MachineFault } from "../machine-fault.ts";
import type { MachineState } from "../machine-state.ts";
import { type Port, slowestPort } from "../ports.ts";
import { type Place, QuantizingRegister } from "../quantizing-register.ts";
import { type Execution, step } from "./execution.ts";

/** Accumulator bank → (scale) → bias → activation → output register → output buffer, C filters of one pixel a step. */
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
  readonly #scale: RegisterSpec | null;
  readonly #bias: RegisterSpec | null;
  readonly #output: RegisterSpec;
  /** The register that the bias is quantized into, and the sum before it where there is a sum register. */
  readonly #sum: RegisterSpec;
  readonly #sumLanes: readonly QuantizingRegister[];
  readonly #outputLanes: readonly QuantizingRegister[];
  readonly #activation: (value: Exact) => Exact;

  constructor(state: MachineState, index: number, requantize: Requantize) {
    if (requantize.hasScale && requantize.useSum) {
      throw new MachineFault("configuration", "requantize cannot use a scale and the sum register together");
    }
    const { computeRegisters: registers, machine } = state;
    this.#state = state;
    this.#requantize = requantize;
    this.#accumulator = registers.get("accumulator");
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
    const weightBits = (this.#scale?.format.wordLength ?? 0) + (this.#bias?.format.wordLength ?? 0);
    const port = (cause: Port["cause"], wordLength: number, bitsPerCycle: number): Port => {
      return { cause, bits: machine.columns * wordLength, bitsPerCycle };
    };
    return [
      port("accumulator", this.#accumulator.format.wordLength, machine.accumulatorBank.bitsPerCycle),
      port("weights", weightBits, machine.weightScratchpad.bitsPerCycle),
      port("output", this.#output.format.wordLength, machine.outputBuffer.bitsPerCycle),
    ];
  }

  finish(pixel: number, filter: number, lane: number): void {
    const { memories } = this.#state;
    const { accumulatorAddress, accumulatorPitch, outputAddress, outputPitch } = this.#requantize;
    const place: Place = { pixel, channel: filter, step: -1 };
    const { format } = this.#accumulator;
    const address = accumulatorAddress + (pixel * accumulatorPitch + filter) * format.wordLength;
    const sum: Exact = { raw: memories.accumulatorBank.read(address, format), fractionLength: format.fractionLength };
    const finished =
      this.#scale === null ? this.#biased(sum, filter, lane, place) : this.#scaled(sum, this.#scale, filter);
    const activated = this.#activation(finished);
    const register = this.#outputLanes[lane] as QuantizingRegister;
    const output = register.write(activated.raw, activated.fractionLength, place);
    const { wordLength } = this.#output.format;
    memories.outputBuffer.write(outputAddress + (pixel * outputPitch + filter) * wordLength, output, wordLength);
  }

  /** The sum, and the sum with its bias, each through its register. */
  #biased(sum: Exact, filter: number, lane: number, place: Place): Exact {
    const kept = this.#requantize.useSum ? this.#quantizeSum(sum, lane, place) : sum;
    if (this.#bias === null) return kept;
    return this.#quantizeSum(add(kept, this.#readBias(this.#bias, filter)), lane, place);
  }

  /** a · M + bias through no register. */
  #scaled(sum: Exact, scale: RegisterSpec, filter: number): Exact {
    const factor = this.#readPerFilter(this.#requantize.scaleAddress, scale, filter);
    const product = multiply(sum, factor);
    return this.#bias === null ? product : add(product, this.#readBias(this.#bias, filter));
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
