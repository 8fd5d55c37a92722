import type { Compilation } from "../../compiler/index.ts";
import type { Raws, RoundingMode } from "../../isa/index.ts";
import { type RunConfiguration, resolveConfiguration } from "../../runtime/configuration.ts";
import { openDataset } from "../../runtime/datasets/open-dataset.ts";
import { openModel } from "../../runtime/model.ts";
import { compilePrepared, type PreparedModel, prepareModel } from "../../runtime/session/compile-model.ts";
import { quantizeImages } from "../../runtime/session/host-input.ts";

/** How the bundled LeNet is to be computed. */
export interface LenetSetting {
  /** `W,F` of every register. */
  readonly format: string;
  readonly datapath: string;
  /** Of the default machine; `output-stationary` where nothing is said. */
  readonly dataflow?: string;
  /** `nearest` where nothing is said. */
  readonly rounding?: RoundingMode;
}

export function lenetConfiguration(
  { format, datapath, dataflow, rounding = "nearest" }: LenetSetting,
  images: number,
): RunConfiguration {
  return resolveConfiguration({
    images,
    machine: dataflow === undefined ? {} : { dataflow },
    assignment: { default: { datapath, format, rounding } },
  });
}

/** The bundled LeNet and the first bundled digits, opened once. */
export interface Lenet {
  readonly prepared: PreparedModel;
  readonly count: number;
  readonly labels: Int32Array | null;
  /** count × 784 values as the network sees them. */
  readonly images: Float32Array;
}

export async function openLenet(images = 1000): Promise<Lenet> {
  const configuration = lenetConfiguration({ format: "16,8", datapath: "intrinsic" }, images);
  const data = await openDataset(configuration.data);
  const prepared = await prepareModel(configuration, await openModel(configuration.model), data);
  const { count, labels, values } = await data.read(0, Math.min(images, data.count));
  return { prepared, count, labels, images: values };
}

/** LeNet compiled for a setting, with the digits as raws of its input. */
export interface LenetWorkload extends Compilation {
  /** count × 784 words. */
  readonly raws: Raws;
}

export function compileLenet(lenet: Lenet, setting: LenetSetting): LenetWorkload {
  const compilation = compilePrepared(lenet.prepared, lenetConfiguration(setting, lenet.count));
  return { ...compilation, raws: quantizeImages(compilation.program, lenet.images, lenet.count, 0).raws };
}
