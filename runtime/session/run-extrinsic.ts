/** Images through the extrinsic datapath and, beside it, through the float network, batch by batch. */
import { quantizeWeights } from "../../compiler/quantization/quantize-weights.ts";
import type { OutputPoint } from "../../compiler/quantization/resolve-assignment.ts";
import type { AssignmentSpecification } from "../../compiler/quantization/specification.ts";
import { resolveExtrinsic } from "../../compiler/resolve-extrinsic.ts";
import { registerText } from "../../isa/numerics/register.ts";
import type { ModelOutput } from "../../isa/program/model-output.ts";
import type { Fault } from "../../sim/fault.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { type ImageErrors, RunErrors } from "../metrics/error.ts";
import type { ImageSpan } from "../results/evaluation.ts";
import type { ErrorEntry } from "../results/run-report.ts";
import { AnswerTally } from "./accuracy.ts";
import type { PreparedModel } from "./compile-model.ts";
import { type ExtrinsicEvidence, ExtrinsicNetwork } from "./extrinsic.ts";
import { type FloatSide, openFloatReference } from "./float.ts";
import type { RunHooks } from "./hooks.ts";
import { imageBatches } from "./image-batches.ts";

export interface ExtrinsicJob {
  readonly data: Dataset;
  readonly span: ImageSpan;
  readonly float: Pick<FloatSide, "logits" | "lowered">;
  /** Output register of each layer. */
  readonly outputs: ReadonlyMap<string, OutputPoint>;
  readonly seed: number;
  readonly modelOutputs?: readonly ModelOutput[] | undefined;
}

export interface ExtrinsicOutcome {
  readonly answers: AnswerTally;
  readonly error: ErrorEntry;
  readonly imageErrors: ImageErrors;
  readonly layers: ReadonlyMap<string, ExtrinsicEvidence>;
}

/** Output register of each layer; `assignmentName` is what diagnostics call the word lengths. */
export function outputRegisters(
  { lowerable, calibration }: Pick<PreparedModel, "lowerable" | "calibration">,
  assignment: AssignmentSpecification,
  assignmentName = "assignment",
): ReadonlyMap<string, OutputPoint> {
  const ranges = calibration.ranges ?? {};
  return new Map(Object.entries(resolveExtrinsic(lowerable, { assignment, calibration: ranges, assignmentName })));
}

/** The float network with quantized weights where the assignment names quantizers for them, else the one that is there. */
export async function withQuantizedWeights<T>(
  { lowerable }: Pick<PreparedModel, "lowerable">,
  assignment: AssignmentSpecification,
  { float, seed, assignmentName = "assignment" }: WeightOptions,
  action: (float: ExtrinsicJob["float"]) => Promise<T>,
): Promise<T> {
  const graph = quantizeWeights(lowerable, assignment, { seed, where: assignmentName });
  if (graph === lowerable) return action(float);
  const { network } = await openFloatReference(graph);
  try {
    return await action({ logits: float.logits, lowered: network });
  } finally {
    network.dispose();
  }
}

interface WeightOptions {
  readonly float: ExtrinsicJob["float"];
  readonly seed: number;
  readonly assignmentName?: string | undefined;
}

export async function runExtrinsicSpan(
  { data, span, float, outputs, seed, modelOutputs }: ExtrinsicJob,
  hooks: RunHooks,
): Promise<ExtrinsicOutcome | { readonly fault: Fault }> {
  const extrinsic = new ExtrinsicNetwork(float.lowered, outputs, seed, span.first);
  const answers = new AnswerTally(seed, modelOutputs);
  const errors = new RunErrors();
  for await (const batch of imageBatches(data, span.images, span.first)) {
    const before = batch.first - span.first;
    const progress = (done: number): void => hooks.onProgress?.(before + Math.floor(done / 2));
    const logits = await float.logits(batch, progress);
    hooks.signal?.throwIfAborted();
    const fixed = await extrinsic.run(batch.values, batch.count, (done) => progress(batch.count + done));
    hooks.signal?.throwIfAborted();
    const fault = trapOf(extrinsic, outputs);
    if (fault !== null) return { fault };
    const classes = logits.length / batch.count;
    answers.add({ fixed, float: logits, images: batch.count, classes }, batch.labels);
    errors.add(logits, fixed, batch.count);
  }
  return { answers, error: errors.figures(), imageErrors: errors.byImage(), layers: extrinsic.layers };
}

/** The fault of the first layer, in the network's order, whose trapping register overflowed. */
function trapOf({ layers }: ExtrinsicNetwork, outputs: ReadonlyMap<string, OutputPoint>): Fault | null {
  for (const [layer, { first }] of layers) {
    const register = outputs.get(layer);
    if (register?.overflow !== "trap" || first === null) continue;
    const { image, element, before } = first;
    const message = `image ${image}, element ${element} of layer "${layer}": raw ${before} does not fit ${registerText(register)}`;
    return { kind: "overflow-trap", pc: null, cycle: null, message, site: null };
  }
  return null;
}
