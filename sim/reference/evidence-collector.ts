import type { Program } from "../../isa/program/program.ts";
import type { EvidenceRegister, LayerEvidence } from "../evidence.ts";
import type { Observer, Quantization } from "./observer.ts";
import { RegisterTally } from "./register-tally.ts";

/** Evidence of one image: a tally per layer and register, made when the register first quantizes. */
export class EvidenceCollector implements Observer {
  readonly #layerOf: readonly number[];
  readonly #layers: readonly Map<EvidenceRegister, RegisterTally>[];
  readonly #withStatistics: boolean;

  constructor(program: Program, withStatistics: boolean) {
    this.#withStatistics = withStatistics;
    this.#layers = program.layers.map(() => new Map());
    this.#layerOf = program.instructions.map((_, index) =>
      program.layers.findIndex((layer) => index >= layer.firstInstruction && index < layer.endInstruction),
    );
  }

  /** An instruction outside every layer leaves no evidence. */
  quantized(quantization: Quantization): void {
    const { instruction, register } = quantization.site;
    const layer = this.#layers[this.#layerOf[instruction] ?? -1];
    if (layer === undefined) return;
    let tally = layer.get(register);
    if (tally === undefined) {
      tally = new RegisterTally(this.#withStatistics);
      layer.set(register, tally);
    }
    tally.add(quantization);
  }

  evidence(): LayerEvidence[] {
    return this.#layers.map((layer) =>
      Object.fromEntries([...layer].map(([register, tally]) => [register, tally.evidence()])),
    );
  }
}
