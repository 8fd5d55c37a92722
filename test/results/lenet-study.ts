import { DiagnosticError, dataflowText } from "../../isa/index.ts";
import { classify } from "../../runtime/metrics/classification.ts";
import type { Accuracy } from "../../runtime/report/run-report.ts";
import { accuracyOf } from "../../runtime/session/accuracy.ts";
import { type FloatReference, openFloatReference } from "../../runtime/session/float.ts";
import { runModel } from "../../runtime/session/run.ts";
import { comparableRaws } from "../../runtime/session/values.ts";
import { runOnPool } from "../../sim/pool/pool.ts";
import { compileLenet, type Lenet, type LenetSetting, lenetConfiguration, openLenet } from "../bench/lenet-workload.ts";

/** What one setting does to the bundled LeNet. */
export interface StudyEntry {
  readonly setting: LenetSetting;
  readonly accuracy: Accuracy;
  /** The class of each image; null for the extrinsic datapath, whose report keeps none. */
  readonly classes: Int32Array | null;
  /** Words that did not fit their register, per image; constants aside. */
  readonly overflowsPerImage: number;
  /** Words of weights and biases that were clipped. */
  readonly clippedConstants: number;
}

/** A setting that the compiler refuses, and why. */
export interface RefusedSetting {
  readonly setting: LenetSetting;
  readonly refusal: string;
}

/** Runs settings on the bundled LeNet against one float computation of the same digits. */
export class LenetStudy {
  private readonly lenet: Lenet;
  private readonly logits: Float32Array;
  private readonly workers: number;
  readonly floatBackend: string;

  private constructor(lenet: Lenet, logits: Float32Array, floatBackend: string, workers: number) {
    this.lenet = lenet;
    this.logits = logits;
    this.floatBackend = floatBackend;
    this.workers = workers;
  }

  static async open(images: number, workers: number): Promise<LenetStudy> {
    const lenet = await openLenet(images);
    const { network, backend }: FloatReference = await openFloatReference(lenet.prepared.graph);
    const logits = await network.run(lenet.images, lenet.count);
    network.dispose();
    return new LenetStudy(lenet, logits, backend, workers);
  }

  get images(): number {
    return this.lenet.count;
  }

  async run(setting: LenetSetting): Promise<StudyEntry | RefusedSetting> {
    try {
      return setting.datapath === "extrinsic" ? await this.runExtrinsic(setting) : await this.runMachine(setting);
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      return { setting, refusal: error.diagnostics.map(({ what }) => what).join("; ") };
    }
  }

  private async runMachine(setting: LenetSetting): Promise<StudyEntry> {
    const { lenet, logits, workers } = this;
    const { program, raws } = compileLenet(lenet, setting);
    const options = { engine: "fast", workers, batchImages: 10, observedImages: 0 } as const;
    const result = await runOnPool(program, raws, lenet.count, options);
    if (result.fault !== null) throw new Error(`${settingText(setting)}: ${result.fault.message}`);
    const output = program.tensors.find(({ name }) => name === program.output);
    if (output === undefined) throw new Error("the program has no output");
    const fixed = comparableRaws(result.outputs, output.format);
    const classes = logits.length / lenet.count;
    const accuracy = accuracyOf({ fixed, float: logits, images: lenet.count, classes }, lenet.labels, 1);
    if (accuracy === null) throw new Error("the digits have no labels");
    const overflows = result.evidence.flatMap((layer) => Object.values(layer).map(({ overflow }) => overflow));
    return {
      setting,
      accuracy,
      classes: classify(fixed, lenet.count, classes).top1,
      overflowsPerImage: overflows.reduce((sum, count) => sum + count, 0) / lenet.count,
      clippedConstants: program.compileOverflow.reduce((sum, { weight, bias }) => sum + weight + bias, 0),
    };
  }

  private async runExtrinsic(setting: LenetSetting): Promise<StudyEntry> {
    const outcome = await runModel(lenetConfiguration(setting, this.lenet.count));
    if ("fault" in outcome || outcome.report.accuracy === null) throw new Error("the extrinsic run gave no accuracy");
    const { accuracy, overflow } = outcome.report;
    const overflowsPerImage = overflow.total / this.lenet.count;
    return { setting, accuracy, classes: null, overflowsPerImage, clippedConstants: overflow.compile };
  }
}

/** `intrinsic os (16,8)`. */
export function settingText({ format, datapath, dataflow }: LenetSetting): string {
  const machine = lenetConfiguration({ format, datapath, ...(dataflow === undefined ? {} : { dataflow }) }, 1).machine;
  return `${datapath}${dataflow === undefined ? "" : ` ${dataflowText(machine)}`} (${format})`;
}

/** Images on which two settings give different classes. */
export function differingImages(a: StudyEntry, b: StudyEntry): number {
  const [first, second] = [a.classes, b.classes];
  if (first === null || second === null) throw new Error("the extrinsic datapath keeps no classes");
  return first.reduce((sum, answer, image) => sum + (answer === second[image] ? 0 : 1), 0);
}
