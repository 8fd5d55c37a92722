/**
 * What explorations ask and are told. They know no engine, no file and no network: whoever starts one brings an
 * `Evaluator`, so that a search is tested with a made-up network and runs on a real one unchanged.
 */
import type { AssignmentSpecification } from "../../compiler/quantization/specification.ts";
import type { ImageErrors } from "../metrics/error.ts";
import type { Accuracy, AgreementEntry, ErrorEntry } from "./run-report.ts";

/** Consecutive images of the evaluator's data. */
export interface ImageSpan {
  readonly first: number;
  readonly images: number;
}

/** Word lengths to be tried on a network. */
export interface Candidate {
  readonly assignment: AssignmentSpecification;
  /** Names or patterns of the layers that are quantized while the others compute in float; null: all of them. */
  readonly layers: readonly string[] | null;
}

/** Overflows of one register, over all images of the span. */
export interface RegisterOverflow {
  readonly layer: string;
  readonly register: string;
  readonly overflow: number;
}

/** What a candidate did on the images of a span. Deterministic: the same candidate and span give the same values. */
export interface Evaluation {
  readonly span: ImageSpan;
  /** One per image, 1 where right; null without labels, and for networks that do not classify. */
  readonly floatRight: Uint8Array | null;
  readonly fixedRight: Uint8Array | null;
  /** One per image, 1 where fixed and float give the same class; null for networks that do not classify. */
  readonly sameClass: Uint8Array | null;
  /** As a run reports it. */
  readonly accuracy: Accuracy | null;
  readonly agreement: AgreementEntry | null;
  readonly error: ErrorEntry;
  /** Absent where the evaluator keeps none: then figures of errors have no interval. */
  readonly imageErrors?: ImageErrors;
  /** Registers that overflowed at all. */
  readonly overflow: readonly RegisterOverflow[];
  /** Words of weights and biases clipped at compile time. */
  readonly clippedConstants: number;
  /** SHA-256 of the output raws; null where layers compute in float. */
  readonly digest: string | null;
}

/** What a candidate costs, which no image changes. */
export interface CandidateCost {
  /** Weights, biases and other constants as stored: words × word length. */
  readonly constantBits: number;
  /** Words that layers write for one image × their word length. */
  readonly activationBits: number;
  /** constantBits + activationBits. */
  readonly storedBits: number;
  /** DSP blocks of the array, whose elements are as wide as the widest layer needs. */
  readonly dspBlocks: number;
  readonly cyclesPerImage: number;
  readonly energyPjPerImage: number;
}

export interface EvaluationOptions {
  readonly signal?: AbortSignal;
  /** Called with the number of images done. */
  readonly onProgress?: (images: number) => void;
}

/** One network with its data, machine and float reference, opened once and asked many times. */
export interface Evaluator {
  /** Layers in the order in which they compute. */
  readonly layers: readonly string[];
  /** Images at hand. */
  readonly images: number;
  evaluate(candidate: Candidate, span: ImageSpan, options?: EvaluationOptions): Promise<Evaluation>;
  /** Null where layers compute in float: no machine does that. */
  cost(candidate: Candidate): CandidateCost | null;
  close(): Promise<void>;
}
