/** From what images showed to what explorations are told. */
import { DATAPATH_REGISTERS } from "../../../isa/program/datapath.ts";
import type { Program } from "../../../isa/program/program.ts";
import type { LayerEvidence } from "../../../sim/evidence.ts";
import type { ImageErrors } from "../../metrics/error.ts";
import type { Evaluation, ImageSpan, RegisterOverflow } from "../../results/evaluation.ts";
import type { ErrorEntry } from "../../results/run-report.ts";
import type { AnswerTally } from "../accuracy.ts";
import { inputLayer } from "../host-input.ts";

/** An evaluation with the classes themselves. */
export interface StudyEvaluation extends Evaluation {
  /** The class of each image with fixed point; of no meaning for networks that do not classify. */
  readonly classes: Int32Array;
}

export interface EvaluationParts {
  readonly span: ImageSpan;
  readonly answers: AnswerTally;
  readonly error: ErrorEntry;
  readonly imageErrors?: ImageErrors;
  readonly overflow: readonly RegisterOverflow[];
  readonly clippedConstants: number;
  readonly digest: string | null;
}

export function evaluationOf({ answers, overflow, ...parts }: EvaluationParts): StudyEvaluation {
  return {
    ...parts,
    floatRight: answers.right("float"),
    fixedRight: answers.right("fixed"),
    sameClass: answers.sameClass,
    accuracy: answers.accuracy(),
    agreement: answers.agreement(),
    overflow: overflow.filter((place) => place.overflow > 0),
    classes: answers.classes,
  };
}

/** Overflows while images ran, in layer and datapath order; those of the network's input, on the host, belong to the first layer that reads it. */
export function overflowsOf(
  program: Program,
  evidence: readonly LayerEvidence[],
  ofInput: number,
): readonly RegisterOverflow[] {
  const reader = inputLayer(program);
  return program.layers.flatMap((layer, index) =>
    DATAPATH_REGISTERS.map((register) => {
      const running = evidence[index]?.[register as keyof LayerEvidence]?.overflow ?? 0;
      const onHost = register === "input" && layer === reader ? ofInput : 0;
      return { layer: layer.name, register, overflow: running + onHost };
    }),
  );
}

/** Words of weights and biases that were clipped while the program was compiled. */
export function clippedConstants({ compileOverflow }: Program): number {
  return compileOverflow.reduce((sum, { weight, bias }) => sum + weight + bias, 0);
}
