import type { AssignmentSpecification } from "../../compiler/quantization/specification.ts";
import { resolveExtrinsic } from "../../compiler/resolve-extrinsic.ts";
import type { Program } from "../../isa/program.ts";
import { type RunConfiguration, resolveConfiguration } from "../../runtime/configuration.ts";
import type { Dataset } from "../../runtime/datasets/dataset.ts";
import { ErrorMeter } from "../../runtime/metrics/error.ts";
import { openModel } from "../../runtime/model.ts";
import { AnswerTally } from "../../runtime/session/accuracy.ts";
import { compilePrepared, type PreparedModel, prepareModel } from "../../runtime/session/compile-model.ts";
import { Digest } from "../../runtime/session/digest.ts";
import { ExtrinsicNetwork } from "../../runtime/session/extrinsic.ts";
import { type FloatSide, openFloatSide } from "../../runtime/session/float.ts";
import { quantizeImages, tensorSymbol } from "../../runtime/session/host-input.ts";
import { imageBatches, openData } from "../../runtime/session/image-batches.ts";
import { comparableRaws, joined, rawsToValues } from "../../runtime/session/values.ts";
import { type LayerEvidence, mergeEvidence } from "../../sim/evidence.ts";
import { SimulationPool } from "../../sim/pool/pool.ts";
import { type NetworkFacts, networkFacts } from "./network-facts.ts";
import { configurationOf, REAL_NETWORKS, type RealNetworkName } from "./real-networks.ts";

/** How a network is to be computed, nearest rounding. */
export interface NetworkSetting {
  /** `tensorquant`, `intrinsic`, `wide` or `extrinsic`. */
  readonly datapath: string;
  /** `W,F` of every register, or `W,auto`. */
  readonly format: string;
}

/** The place that overflows most. */
export interface OverflowPlace {
  readonly layer: string;
  readonly register: string;
  readonly perImage: number;
}

/** What a setting does to a network; plain data, kept in a file. */
export interface Measurement extends NetworkSetting {
  readonly images: number;
  /** Images that float, and fixed point, classify as labelled. */
  readonly floatRight: number;
  readonly fixedRight: number;
  readonly onlyFloat: number;
  readonly onlyFixed: number;
  readonly pValue: number;
  readonly relative: number | null;
  readonly relative95: readonly [number, number] | null;
  /** Images to which both give the same class. */
  readonly agreeing: number;
  /** Of the last layer's values; null without any error. */
  readonly sqnrDb: number | null;
  /** Words that did not fit their register while running, per image. */
  readonly overflowsPerImage: number;
  readonly worst: OverflowPlace | null;
  /** Words of weights and biases that were clipped. */
  readonly clippedConstants: number;
  /** SHA-256 of all output words; null for the extrinsic datapath. */
  readonly digest: string | null;
}

/** A number of images whose ranges decide automatic formats. */
const CALIBRATION_IMAGES = 100;

/** Word length of the layers that are calibrated while the others have one format. */
const CALIBRATED_FORMAT = "16,auto";

/** Runs settings on a network against one float computation of the same images. */
export class NetworkStudy {
  readonly name: RealNetworkName;
  readonly images: number;
  readonly #configuration: RunConfiguration;
  readonly #data: Dataset;
  readonly #prepared: PreparedModel;
  readonly #float: FloatSide;
  /** images × classes. */
  readonly #logits: Float32Array;
  readonly #workers: number;

  private constructor(
    name: RealNetworkName,
    images: number,
    workers: number,
    opened: {
      readonly configuration: RunConfiguration;
      readonly data: Dataset;
      readonly prepared: PreparedModel;
      readonly float: FloatSide;
      readonly logits: Float32Array;
    },
  ) {
    this.name = name;
    this.images = images;
    this.#workers = workers;
    this.#configuration = opened.configuration;
    this.#data = opened.data;
    this.#prepared = opened.prepared;
    this.#float = opened.float;
    this.#logits = opened.logits;
  }

  /** The first `images` of the network's data; `inputShift` as in preprocessing. `calibrationImages` are its first ones. */
  static async open(
    name: RealNetworkName,
    options: {
      readonly images: number;
      readonly workers: number;
      readonly inputShift?: number;
      readonly calibrationImages?: number;
    },
  ): Promise<NetworkStudy> {
    const { images: wanted, workers, inputShift = 0, calibrationImages = CALIBRATION_IMAGES } = options;
    const file = configurationOf(name);
    const preprocessing = typeof file.preprocessing === "object" ? file.preprocessing : {};
    const configuration = resolveConfiguration({
      ...file,
      preprocessing: { ...preprocessing, inputShift },
      assignment: { default: { datapath: "wide", format: "16,auto" } },
      calibration: { images: calibrationImages },
    });
    const model = await openModel(configuration.model);
    const data = await openData(configuration, model.graph.input.shape, Math.max(wanted, calibrationImages));
    const images = Math.min(wanted, data.count);
    const prepared = await prepareModel(configuration, model, data);
    const float = await openFloatSide(prepared);
    const parts: Float32Array[] = [];
    for await (const { values, count } of imageBatches(data, images))
      parts.push(await float.network.run(values, count));
    const logits = joined(parts);
    return new NetworkStudy(name, images, workers, { configuration, data, prepared, float, logits });
  }

  get facts(): NetworkFacts {
    return networkFacts(this.name, this.#prepared);
  }

  close(): void {
    this.#float.dispose();
  }

  get floatBackend(): string {
    return this.#float.backend;
  }

  /** The setting on the first `images` of those that were opened. */
  run(setting: NetworkSetting, images: number = this.images): Promise<Measurement> {
    return setting.datapath === "extrinsic" ? this.#runExtrinsic(setting, images) : this.#runMachine(setting, images);
  }

  async #runMachine(setting: NetworkSetting, images: number): Promise<Measurement> {
    const { program } = compilePrepared(this.#prepared, this.#withSetting(setting));
    const { format } = tensorSymbol(program, program.output);
    const total = this.#total();
    const digest = new Digest();
    let evidence: LayerEvidence[] = program.layers.map(() => ({}));
    const pool = new SimulationPool(program, "fast", this.#workers);
    try {
      for await (const { first, count, values, labels } of imageBatches(this.#data, images)) {
        const inputs = quantizeImages(program, values, count, 0, first);
        const options = { batchImages: taskImages(count), firstImage: first, observedImages: 0 };
        const result = await pool.run(inputs.raws, count, options);
        if (result.fault !== null) throw new Error(`${setting.datapath} (${setting.format}): ${result.fault.message}`);
        digest.add(result.outputs);
        evidence = mergeEvidence(evidence, [...result.evidence]);
        evidence = withInput(program, evidence, inputs.evidence.overflow);
        total.add(comparableRaws(result.outputs, format), rawsToValues(result.outputs, format), first, count, labels);
      }
    } finally {
      await pool.close();
    }
    const places = evidence.flatMap((layer, index) =>
      Object.entries(layer).map(([register, { overflow }]) => ({
        layer: program.layers[index]?.name ?? "",
        register,
        overflow,
      })),
    );
    const clippedConstants = program.compileOverflow.reduce((sum, { weight, bias }) => sum + weight + bias, 0);
    return { ...setting, ...total.figures(places), clippedConstants, digest: digest.finish() };
  }

  async #runExtrinsic(setting: NetworkSetting, images: number): Promise<Measurement> {
    const { lowerable, calibration } = this.#prepared;
    const { assignment } = this.#withSetting(setting);
    const registers = resolveExtrinsic(lowerable, { assignment, calibration: calibration.ranges ?? {} });
    const network = new ExtrinsicNetwork(this.#float.lowered, new Map(Object.entries(registers)), 1);
    const total = this.#total();
    for await (const { first, count, values, labels } of imageBatches(this.#data, images)) {
      const outputs = await network.run(values, count);
      total.add(outputs, outputs, first, count, labels);
    }
    const places = [...network.layers].map(([layer, { overflow }]) => ({ layer, register: "output", overflow }));
    return { ...setting, ...total.figures(places), clippedConstants: 0, digest: null };
  }

  #withSetting(setting: NetworkSetting): RunConfiguration {
    return { ...this.#configuration, assignment: assignmentFor(this.name, setting) };
  }

  #total(): Total {
    return new Total(this.#logits, this.#logits.length / this.images);
  }
}

/** Formats for all layers; those that the network names keep calibrated ones where the others have one for all. */
export function assignmentFor(name: RealNetworkName, { datapath, format }: NetworkSetting): AssignmentSpecification {
  const base: AssignmentSpecification = { default: { datapath, format, rounding: "nearest" } };
  const { calibratedLayers } = REAL_NETWORKS[name];
  if (format.endsWith(",auto") || calibratedLayers.length === 0) return base;
  const entry = { datapath: datapath === "extrinsic" ? "extrinsic" : "wide", format: CALIBRATED_FORMAT };
  return { ...base, layers: Object.fromEntries(calibratedLayers.map((pattern) => [pattern, entry])) };
}

/** Images of one task of a worker: few where they are few. */
function taskImages(count: number): number {
  return Math.max(1, Math.min(10, Math.floor(count / 16)));
}

/** The input is quantized on the host; its overflows belong to the first layer that reads it. */
function withInput(program: Program, evidence: LayerEvidence[], overflow: number): LayerEvidence[] {
  const reader = program.layers.findIndex(({ inputs }) => inputs.includes(program.input));
  return evidence.map((layer, index) => {
    if (index !== reader) return layer;
    const known = layer.input ?? { overflow: 0, first: null, statistics: null };
    return { ...layer, input: { ...known, overflow: known.overflow + overflow } };
  });
}

/** Adds up answers and errors as images come in. */
class Total {
  readonly #logits: Float32Array;
  readonly #classes: number;
  readonly #answers: AnswerTally = new AnswerTally(1);
  readonly #meter: ErrorMeter = new ErrorMeter();
  #images = 0;

  constructor(logits: Float32Array, classes: number) {
    this.#logits = logits;
    this.#classes = classes;
  }

  add(
    fixed: ArrayLike<number | bigint>,
    values: Float32Array,
    first: number,
    images: number,
    labels: ArrayLike<number> | null,
  ): void {
    const classes = this.#classes;
    const float = this.#logits.subarray(first * classes, (first + images) * classes);
    this.#answers.add({ fixed, float, images, classes }, labels);
    this.#meter.add(float, values);
    this.#images += images;
  }

  figures(
    places: readonly { readonly layer: string; readonly register: string; readonly overflow: number }[],
  ): Omit<Measurement, keyof NetworkSetting | "clippedConstants" | "digest"> {
    const images = this.#images;
    const accuracy = this.#answers.accuracy();
    if (accuracy === null || accuracy.float === null || accuracy.mcnemar === null)
      throw new Error("images without labels");
    const { onlyFloat, onlyFixed, pValue } = accuracy.mcnemar;
    const worst = places.reduce((most, place) => (place.overflow > most.overflow ? place : most), {
      layer: "",
      register: "",
      overflow: 0,
    });
    return {
      images,
      floatRight: Math.round(accuracy.float * images),
      fixedRight: Math.round(accuracy.fixed * images),
      onlyFloat,
      onlyFixed,
      pValue,
      relative: accuracy.relative,
      relative95: accuracy.relative95,
      agreeing: Math.round((accuracy.agreement ?? 0) * images),
      sqnrDb: this.#meter.figures().sqnrDb,
      overflowsPerImage: places.reduce((sum, { overflow }) => sum + overflow, 0) / images,
      worst:
        worst.overflow === 0
          ? null
          : { layer: worst.layer, register: worst.register, perImage: worst.overflow / images },
    };
  }
}
