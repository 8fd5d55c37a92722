import { DiagnosticError, dataflowText } from "../../isa/index.ts";
import type { Accuracy } from "../../runtime/results/run-report.ts";
import { openStudy, type Study } from "../../runtime/session/study/study.ts";
import { type LenetSetting, lenetConfiguration } from "../bench/lenet-workload.ts";

/** What one setting does to the bundled LeNet. */
export interface StudyEntry {
  readonly setting: LenetSetting;
  readonly accuracy: Accuracy;
  /** The class of each image. */
  readonly classes: Int32Array;
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

/** Runs settings on the bundled LeNet. */
export class LenetStudy {
  readonly images: number;
  /** One for each dataflow that was asked for; the empty name is the machine's own. */
  readonly #studies: Map<string, Study>;
  readonly #workers: number;

  private constructor(first: Study, workers: number) {
    this.images = first.images;
    this.#studies = new Map([["", first]]);
    this.#workers = workers;
  }

  static async open(images: number, workers: number): Promise<LenetStudy> {
    const configuration = lenetConfiguration({ format: "16,8", datapath: "intrinsic" }, images);
    return new LenetStudy(await openStudy({ ...configuration, workers }), workers);
  }

  get floatBackend(): string {
    return this.#studies.get("")?.parts.float.backend ?? "";
  }

  async run(setting: LenetSetting): Promise<StudyEntry | RefusedSetting> {
    const { images } = this;
    const { assignment } = lenetConfiguration(setting, images);
    try {
      const study = await this.#studyFor(setting);
      const found = await study.evaluate({ assignment, layers: null }, { first: 0, images });
      const { accuracy, classes, overflow, clippedConstants } = found;
      if (accuracy === null) throw new Error("the digits have no labels");
      const overflowsPerImage = overflow.reduce((sum, place) => sum + place.overflow, 0) / images;
      return { setting, accuracy, classes, overflowsPerImage, clippedConstants };
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      return { setting, refusal: error.diagnostics.map(({ what }) => what).join("; ") };
    }
  }

  async close(): Promise<void> {
    for (const study of this.#studies.values()) await study.close();
  }

  async #studyFor(setting: LenetSetting): Promise<Study> {
    const key = setting.dataflow ?? "";
    const known = this.#studies.get(key);
    if (known !== undefined) return known;
    const opened = await openStudy({ ...lenetConfiguration(setting, this.images), workers: this.#workers });
    this.#studies.set(key, opened);
    return opened;
  }
}

/** `intrinsic os (16,8)`. */
export function settingText({ format, datapath, dataflow }: LenetSetting): string {
  const machine = lenetConfiguration({ format, datapath, ...(dataflow === undefined ? {} : { dataflow }) }, 1).machine;
  return `${datapath}${dataflow === undefined ? "" : ` ${dataflowText(machine)}`} (${format})`;
}

/** Images on which two settings give different classes. */
export function differingImages(a: StudyEntry, b: StudyEntry): number {
  return a.classes.reduce((sum, answer, image) => sum + (answer === b.classes[image] ? 0 : 1), 0);
}
