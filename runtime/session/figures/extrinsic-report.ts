import type { Graph, GraphNode } from "../../../compiler/graph/graph.ts";
import { hostOperators } from "../../../compiler/graph/host-operators.ts";
import type { OutputPoint } from "../../../compiler/quantization/resolve-assignment.ts";
import { recurrentPart } from "../../../compiler/tensor-graph/recurrent/recurrent-names.ts";
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { rawToFloat64 } from "../../../isa/numerics/format.ts";
import { type RegisterSpec, registerText } from "../../../isa/numerics/register.ts";
import type { RunConfiguration } from "../../configuration.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import { outsideTheNetwork } from "../../report/not-modelled.ts";
import type { LastingReport, LayerEntry, RegisterEntry } from "../../results/run-report.ts";
import { adviceOn } from "../advice.ts";
import type { PreparedModel } from "../compile-model.ts";
import type { ExtrinsicEvidence } from "../extrinsic.ts";
import type { FloatSide } from "../float.ts";
import type { LastingOutcome, RunHooks } from "../hooks.ts";
import { outputRegisters, runExtrinsicSpan, withQuantizedWeights } from "../run-extrinsic.ts";

interface ExtrinsicRun {
  readonly configuration: RunConfiguration;
  readonly data: Dataset;
  readonly count: number;
  readonly prepared: PreparedModel;
  readonly float: FloatSide;
}

/** The extrinsic datapath: float inside the layers, so accuracy and output overflow, but no machine, cycles or digest. */
export async function runExtrinsicModel(run: ExtrinsicRun, hooks: RunHooks): Promise<LastingOutcome> {
  const { configuration, data, count, prepared, float } = run;
  if (configuration.engine === "reference") {
    throw diagnosticError(
      "ENGINE",
      "--engine reference",
      "the extrinsic datapath computes in float and has no machine to step",
      "leave --engine out, or choose the intrinsic, tensorquant or wide datapath",
    );
  }
  const { assignment, seed } = configuration;
  const { modelOutputs } = prepared;
  const outputs = outputRegisters(prepared, assignment, hooks.assignmentName);
  hooks.onStage?.("float and extrinsic", count);
  const span = { first: 0, images: count };
  const weights = { float, seed, assignmentName: hooks.assignmentName };
  const outcome = await withQuantizedWeights(prepared, assignment, weights, (quantized) =>
    runExtrinsicSpan({ data, span, float: quantized, outputs, seed, modelOutputs }, hooks),
  );
  if ("fault" in outcome) return outcome;
  const { answers, error, layers: found } = outcome;
  const accuracy = answers.accuracy();
  const agreement = answers.agreement();
  const layers = prepared.lowerable.nodes.flatMap((node) => {
    const register = outputs.get(node.name);
    const evidence = found.get(node.name);
    return register === undefined || evidence === undefined
      ? []
      : [extrinsicLayerEntry(node, register, evidence, prepared.lowerable)];
  });
  const report: LastingReport = {
    schema: "macroscope/run/1",
    configuration: { ...configuration },
    model: prepared.name,
    weights: prepared.weights,
    data: data.name,
    images: count,
    machine: null,
    engine: null,
    floatBackend: float.backend,
    accuracy,
    accuracyMissing: answers.missing(),
    agreement,
    classes: answers.byClass(),
    error,
    cycles: null,
    energy: null,
    overflow: { total: layers.reduce((sum, { registers }) => sum + (registers.output?.overflow ?? 0), 0), compile: 0 },
    layers,
    digest: null,
    observedImages: count,
    advice: adviceOn({ accuracy, agreement, error, layers, cycles: null, images: count, observedImages: count }),
    notModelled: [
      "everything inside a layer: it is computed in float32",
      ...outsideTheNetwork(hostOperators(prepared.graph), prepared.graph.unreadInputs),
    ],
  };
  return { report };
}

/** What a report says of a layer that is quantized behind float. */
export function extrinsicLayerEntry(
  node: Pick<GraphNode, "name" | "op" | "shape">,
  register: OutputPoint,
  evidence: ExtrinsicEvidence,
  { recurrentLayers = [] }: Pick<Graph, "recurrentLayers">,
): LayerEntry {
  const recurrent = recurrentPart(node.name, recurrentLayers);
  const first =
    evidence.first === null
      ? null
      : { ...evidence.first, step: -1, element: positionIn(node.shape, evidence.first.element) };
  const output: RegisterEntry = {
    format: outputText(register),
    overflow: evidence.overflow,
    first,
    min: evidence.min,
    max: evidence.max,
    unusedHighBits: register.withoutRegister ? null : unusedHighBits(register, evidence),
    unusedLowBits: null,
    flushedToZero: null,
    meanRoundingError: null,
    expectedRoundingError: null,
    histogram: null,
  };
  return {
    name: node.name,
    kind: node.op,
    datapath: { output: outputText(register) },
    macs: 0,
    cycles: 0,
    formula: "",
    energyPj: 0,
    utilization: 0,
    sqnrDb: null,
    noise: null,
    doubleRounding: false,
    ...(recurrent && { recurrent }),
    registers: { output },
  };
}

/** `ternary`, or with a register behind it `ternary, 8,4 nearest saturate`. */
function outputText(point: OutputPoint): string {
  const { quantizer, withoutRegister } = point;
  if (quantizer === undefined) return registerText(point);
  return withoutRegister ? quantizer.name : `${quantizer.name}, ${registerText(point)}`;
}

/** Index along each axis of a row-major element. */
function positionIn(shape: readonly number[], element: number): number[] {
  let rest = element;
  return shape
    .toReversed()
    .map((side) => {
      const index = rest % side;
      rest = Math.floor(rest / side);
      return index;
    })
    .reverse();
}

function unusedHighBits({ format }: RegisterSpec, { min, max }: ExtrinsicEvidence): number {
  let unused = 0;
  const fits = (wordLength: number): boolean => {
    const end = 1n << BigInt(wordLength - (format.signed ? 1 : 0));
    return (
      max <= rawToFloat64(end - 1n, format.fractionLength) &&
      min >= (format.signed ? rawToFloat64(-end, format.fractionLength) : 0)
    );
  };
  while (unused < format.wordLength - 1 && fits(format.wordLength - unused - 1)) unused++;
  return unused;
}
