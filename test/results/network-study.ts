import type { AssignmentSpecification } from "../../compiler/quantization/specification.ts";
import { resolveConfiguration } from "../../runtime/configuration.ts";
import type { RegisterOverflow } from "../../runtime/results/evaluation.ts";
import { openStudy, type Study } from "../../runtime/session/study/study.ts";
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

/** Runs settings on a network of `REAL_NETWORKS`. */
export class NetworkStudy {
  readonly name: RealNetworkName;
  readonly images: number;
  readonly #study: Study;

  private constructor(name: RealNetworkName, images: number, study: Study) {
    this.name = name;
    this.images = images;
    this.#study = study;
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
    const { images, workers, inputShift = 0, calibrationImages = CALIBRATION_IMAGES } = options;
    const file = configurationOf(name);
    const preprocessing = typeof file.preprocessing === "object" ? file.preprocessing : {};
    const configuration = resolveConfiguration({
      ...file,
      images: Math.max(images, calibrationImages),
      workers,
      preprocessing: { ...preprocessing, inputShift },
      calibration: { images: calibrationImages },
    });
    const study = await openStudy(configuration);
    return new NetworkStudy(name, Math.min(images, study.images), study);
  }

  get facts(): NetworkFacts {
    return networkFacts(this.name, this.#study.parts.prepared);
  }

  close(): Promise<void> {
    return this.#study.close();
  }

  get floatBackend(): string {
    return this.#study.parts.float.backend;
  }

  /** The setting on the first `images` of those that were opened. */
  async run(setting: NetworkSetting, images: number = this.images): Promise<Measurement> {
    const candidate = { assignment: assignmentFor(this.name, setting), layers: null };
    const found = await this.#study.evaluate(candidate, { first: 0, images });
    const { accuracy, agreement, error, overflow, clippedConstants, digest, floatRight, fixedRight } = found;
    if (accuracy === null || accuracy.mcnemar === null || agreement === null) throw new Error("images without labels");
    const { onlyFloat, onlyFixed, pValue } = accuracy.mcnemar;
    const none: RegisterOverflow = { layer: "", register: "", overflow: 0 };
    const worst = overflow.reduce((most, place) => (place.overflow > most.overflow ? place : most), none);
    return {
      ...setting,
      images,
      floatRight: count(floatRight),
      fixedRight: count(fixedRight),
      onlyFloat,
      onlyFixed,
      pValue,
      relative: accuracy.relative,
      relative95: accuracy.relative95,
      agreeing: count(found.sameClass),
      sqnrDb: error.sqnrDb,
      overflowsPerImage: overflow.reduce((sum, place) => sum + place.overflow, 0) / images,
      worst:
        worst.overflow === 0
          ? null
          : { layer: worst.layer, register: worst.register, perImage: worst.overflow / images },
      clippedConstants,
      digest,
    };
  }
}

function count(marks: Uint8Array | null): number {
  return marks?.reduce((sum, mark) => sum + mark, 0) ?? 0;
}

/** Formats for all layers; those that the network names keep calibrated ones where the others have one for all. */
export function assignmentFor(name: RealNetworkName, { datapath, format }: NetworkSetting): AssignmentSpecification {
  const base: AssignmentSpecification = { default: { datapath, format, rounding: "nearest" } };
  const { calibratedLayers } = REAL_NETWORKS[name];
  if (format.endsWith(",auto") || calibratedLayers.length === 0) return base;
  const entry = { datapath: datapath === "extrinsic" ? "extrinsic" : "wide", format: CALIBRATED_FORMAT };
  return { ...base, layers: Object.fromEntries(calibratedLayers.map((pattern) => [pattern, entry])) };
}
