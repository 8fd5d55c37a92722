import { InvariantError } from "../../isa/diagnostic.ts";
import { allocateRaws, type Raws } from "../../isa/numerics/raws.ts";
import type { Program } from "../../isa/program/program.ts";
import type { CycleReport } from "../cycles.ts";
import { type LayerEvidence, mergeEvidence } from "../evidence.ts";
import type { Fault } from "../fault.ts";
import type { WorkerAnswer } from "./task.ts";

/** All images, merged in order. */
export interface PoolResult {
  readonly images: number;
  /** images × output elements. */
  readonly outputs: Raws;
  readonly evidence: readonly LayerEvidence[];
  /** Intermediate tensors of the observed images. */
  readonly captured: ReadonlyMap<string, Raws>;
  /** Null where no image was completed. */
  readonly cycles: CycleReport | null;
  /** `EngineSession.kernels`; null where the first image is not among these. */
  readonly kernels: string | null;
  readonly fault: Fault | null;
}

/** Answers in image order; the first fault in that order ends the result, whichever worker found it. */
export function mergeAnswers(program: Program, answers: readonly WorkerAnswer[]): PoolResult {
  let evidence: LayerEvidence[] = program.layers.map(() => ({}));
  let fault: Fault | null = null;
  let session: Pick<PoolResult, "cycles" | "kernels"> = { cycles: null, kernels: null };
  let images = 0;
  const outputs: Raws[] = [];
  const captured = new Map<string, Raws[]>();
  for (const answer of answers) {
    if (answer.kind === "fault") fault = answer.fault;
    if (answer.kind !== "result" || fault !== null) break;
    const { result } = answer;
    evidence = mergeEvidence(evidence, result.evidence);
    outputs.push(result.outputs);
    for (const [name, raws] of result.captured) {
      const parts = captured.get(name);
      if (parts === undefined) captured.set(name, [raws]);
      else parts.push(raws);
    }
    images += result.images;
    session = answer.session ?? session;
    fault = result.fault;
  }
  return {
    images,
    outputs: joinRaws(program, outputs, program.output),
    evidence,
    captured: new Map([...captured].map(([name, parts]) => [name, joinRaws(program, parts, name)])),
    ...session,
    fault,
  };
}

/** Two parts of a run, the earlier one first. */
export function mergeResults(program: Program, first: PoolResult, second: PoolResult): PoolResult {
  const captured = new Map(first.captured);
  for (const [name, raws] of second.captured) {
    captured.set(name, joinRaws(program, [captured.get(name) ?? raws.slice(0, 0), raws], name));
  }
  return {
    images: first.images + second.images,
    outputs: joinRaws(program, [first.outputs, second.outputs], program.output),
    evidence: mergeEvidence(first.evidence, second.evidence),
    captured,
    cycles: first.cycles ?? second.cycles,
    kernels: first.kernels ?? second.kernels,
    fault: first.fault ?? second.fault,
  };
}

function joinRaws(program: Program, parts: readonly Raws[], tensor: string): Raws {
  const symbol = program.tensors.find(({ name }) => name === tensor);
  if (symbol === undefined) throw new InvariantError(`no tensor ${tensor} in the program`);
  const all = allocateRaws(
    symbol.format,
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let offset = 0;
  for (const part of parts) {
    if (all instanceof Int32Array && part instanceof Int32Array) all.set(part, offset);
    else if (all instanceof BigInt64Array && part instanceof BigInt64Array) all.set(part, offset);
    else if (part.length > 0) throw new InvariantError(`tensor ${tensor} came back in the wrong array`);
    offset += part.length;
  }
  return all;
}
