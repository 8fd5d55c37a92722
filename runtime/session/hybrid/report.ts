import { hostOperators } from "../../../compiler/graph/host-operators.ts";
import { layerNames } from "../../../compiler/hybrid/layer-computation.ts";
import { recurrentPart } from "../../../compiler/tensor-graph/recurrent/recurrent-names.ts";
import { InvariantError } from "../../../isa/diagnostic.ts";
import { SimulationPool } from "../../../sim/pool/pool.ts";
import { scheduleProgram } from "../../../sim/timing/index.ts";
import type { RunConfiguration } from "../../configuration.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import { outsideTheNetwork } from "../../report/not-modelled.ts";
import type { LastingReport, LayerEntry } from "../../results/run-report.ts";
import { adviceOn } from "../advice.ts";
import type { PreparedModel } from "../compile-model.ts";
import { extrinsicLayerEntry } from "../figures/extrinsic-report.ts";
import { type MachineFigures, machineFigures, machineText } from "../figures/machine-report.ts";
import type { FloatSide } from "../float.ts";
import type { LastingOutcome, RunHooks } from "../hooks.ts";
import type { HybridNetwork, ProgramEvidence } from "./network.ts";
import { planPrepared, pooledRunner, runHybridSpan } from "./run.ts";

interface HybridRun {
  readonly configuration: RunConfiguration;
  readonly data: Dataset;
  readonly count: number;
  readonly prepared: PreparedModel;
  readonly float: FloatSide;
}

/** A run of which the machine computes some layers: accuracy and overflow of all, cycles of those, no digest. */
export async function runHybridModel(run: HybridRun, hooks: RunHooks): Promise<LastingOutcome> {
  const { configuration, data, count, prepared, float } = run;
  const { engine, machine } = configuration;
  const plan = planPrepared(prepared, configuration, configuration.assignment, null, hooks.assignmentName);
  if ("fault" in plan) return plan;
  hooks.onStage?.(`float and ${engine} engine`, count);
  const pool = new SimulationPool(engine, configuration.workers);
  const runner = pooledRunner(pool, configuration.workers);
  try {
    const { modelOutputs } = prepared;
    const job = { configuration, data, span: { first: 0, images: count }, plan, float, runner, modelOutputs };
    const outcome = await runHybridSpan(job, hooks);
    if ("fault" in outcome) return outcome;
    const { answers, error, network } = outcome;
    const accuracy = answers.accuracy();
    const agreement = answers.agreement();
    const programs = network.programs.map((program) => programFigures(program, count));
    const layers = layersOf(network, programs);
    const all = layerNames(plan.graph);
    const inFloat = all.filter((name) => !plan.quantized.includes(name));
    const report: LastingReport = {
      schema: "macroscope/run/1",
      configuration: { ...configuration },
      model: prepared.name,
      weights: prepared.weights,
      data: data.name,
      images: count,
      machine: programs.length === 0 ? null : machineText(machine),
      engine:
        programs.length === 0
          ? null
          : `${engine}: ${programs.length} ${programs.length === 1 ? "part" : "parts"} of the network`,
      floatBackend: float.backend,
      accuracy,
      accuracyMissing: answers.missing(),
      agreement,
      classes: answers.byClass(),
      error,
      cycles: null,
      energy: null,
      overflow: {
        total: layers.reduce((sum, layer) => sum + runningOverflow(layer), 0),
        compile: programs.reduce((sum, { overflow }) => sum + overflow.compile, 0),
      },
      layers,
      digest: null,
      observedImages: 0,
      advice: adviceOn({ accuracy, agreement, error, layers, cycles: null, images: count, observedImages: 0 }),
      notModelled: [
        ...(inFloat.length === 0 ? [] : [`${inFloat.length} of ${all.length} layers: they are computed in float32`]),
        ...(plan.extrinsic.size === 0
          ? []
          : [`the inside of ${plan.extrinsic.size} extrinsic layers: it is computed in float32`]),
        ...(programs.length === 0 ? [] : ["moving values between the machine and float"]),
        ...outsideTheNetwork(hostOperators(prepared.graph), prepared.graph.unreadInputs),
      ],
    };
    return { report };
  } finally {
    await pool.close();
  }
}

/** Figures of one program; words of operands that were cut on the host count with the layer that reads them. */
function programFigures({ step, evidence, inputOverflow }: ProgramEvidence, images: number): MachineFigures {
  const { program, layers } = step;
  const schedule = scheduleProgram(program);
  if ("fault" in schedule) throw new InvariantError(`an admitted program faults: ${schedule.fault.message}`);
  const figures = machineFigures({
    program,
    schedule,
    result: { images, evidence, captured: new Map(), cycles: null, kernels: null },
    inputs: { evidence: { overflow: inputOverflow, first: null, statistics: null } },
    floatLayers: new Map(),
    noise: new Map(),
  });
  const shown = figures.layers.filter(({ name }) => layers.includes(name));
  if (step.entry !== null) return { ...figures, layers: shown };
  return { ...figures, layers: shown.map((layer) => withInputOverflow(layer, inputOverflow)) };
}

function withInputOverflow(layer: LayerEntry, overflow: number): LayerEntry {
  const { input } = layer.registers;
  if (input === undefined) return layer;
  return { ...layer, registers: { ...layer.registers, input: { ...input, overflow: input.overflow + overflow } } };
}

function layersOf({ plan, extrinsic }: HybridNetwork, programs: readonly MachineFigures[]): readonly LayerEntry[] {
  const onMachine = new Map(programs.flatMap(({ layers }) => layers.map((layer) => [layer.name, layer] as const)));
  return plan.graph.nodes.flatMap((node) => {
    const layer = onMachine.get(node.name);
    const recurrent = recurrentPart(node.name, plan.graph.recurrentLayers ?? []);
    if (layer !== undefined) return [recurrent === undefined ? layer : { ...layer, recurrent }];
    const register = plan.extrinsic.get(node.name);
    const evidence = extrinsic.get(node.name);
    return register === undefined || evidence === undefined
      ? []
      : [extrinsicLayerEntry(node, register, evidence, plan.graph)];
  });
}

function runningOverflow({ registers }: LayerEntry): number {
  return Object.entries(registers).reduce(
    (sum, [name, { overflow }]) => sum + (name === "weight" || name === "bias" ? 0 : overflow),
    0,
  );
}
