/** The networks and labelled data beside the project, with the float accuracy that is stated of them there. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { ConfigurationFile } from "../../runtime/configuration.ts";

/** Folder of networks and data, beside the project's own; absent in most places. */
const DATA: string = resolve(projectRoot(), "../shared/data");

export const REAL_NETWORK_NAMES = ["lenet-mnist", "lenet-fashion", "resnet20", "googlenet"] as const;
export type RealNetworkName = (typeof REAL_NETWORK_NAMES)[number];

export interface RealNetwork {
  /** As the tables call it. */
  readonly title: string;
  /** Below the folder of data. */
  readonly folder: string;
  /** Labelled images there. */
  readonly images: number;
  /** Share of these images that onnxruntime gets right, as stated. */
  readonly stated: number;
  /** Model, data, labels and preprocessing; paths below the folder of data. */
  readonly configuration: Pick<ConfigurationFile, "model" | "data" | "labels" | "preprocessing">;
  /** Least and most integer bits, the sign among them, with which a format for all layers is tried; null where none is. */
  readonly integerBits: readonly [least: number, most: number] | null;
  /** n of `--fold-input-scale` where a format is the same for all layers: brings the input to −1 … 1. */
  readonly inputShift: number;
  /** Entries of layers whose formats are calibrated while the others take one format for all. */
  readonly calibratedLayers: readonly string[];
}

export const REAL_NETWORKS: Readonly<Record<RealNetworkName, RealNetwork>> = {
  "lenet-mnist": {
    title: "LeNet on MNIST",
    folder: "lenet-mnist",
    images: 10_000,
    stated: 0.9914,
    configuration: { model: "lenet-mnist", data: "lenet-mnist" },
    integerBits: [2, 7],
    inputShift: 0,
    calibratedLayers: [],
  },
  "lenet-fashion": {
    title: "LeNet on Fashion-MNIST",
    folder: "lenet-fashion",
    images: 10_000,
    stated: 0.9172,
    configuration: { model: "lenet-fashion", data: "lenet-fashion" },
    integerBits: null,
    inputShift: 0,
    calibratedLayers: [],
  },
  resnet20: {
    title: "ResNet-20 on CIFAR-10",
    folder: "resnet20-cifar10",
    images: 2000,
    stated: 0.9035,
    configuration: {
      model: "resnet20-cifar10",
      data: "resnet20-cifar10/test.bin",
      preprocessing: { recipe: "torch-cifar" },
    },
    integerBits: null,
    inputShift: 0,
    calibratedLayers: [],
  },
  googlenet: {
    title: "GoogLeNet (Inception V1) on ImageNet",
    folder: "googlenet-imagenet",
    images: 500,
    stated: 0.786,
    configuration: {
      model: "googlenet-imagenet",
      data: "googlenet-imagenet/images",
      labels: "googlenet-imagenet/labels.csv",
      preprocessing: { recipe: "caffe-imagenet" },
    },
    integerBits: [5, 11],
    inputShift: 8,
    calibratedLayers: ["norm1/*", "norm2/*"],
  },
};

/** Whether the network's folder is there. */
export function isPresent(name: RealNetworkName): boolean {
  return existsSync(resolve(DATA, REAL_NETWORKS[name].folder));
}

export function dataPath(relative: string): string {
  return resolve(DATA, relative);
}

/** The network's configuration with whole paths. */
export function configurationOf(name: RealNetworkName): ConfigurationFile {
  const { model = "", data = "", labels, preprocessing } = REAL_NETWORKS[name].configuration;
  return {
    model: dataPath(model),
    data: dataPath(data),
    ...(typeof labels === "string" ? { labels: dataPath(labels) } : {}),
    ...(preprocessing === undefined ? {} : { preprocessing }),
  };
}

/** This file lies at test/results/ or, once built, at dist/test/results/. */
export function projectRoot(): string {
  const up = resolve(import.meta.dirname, "../..");
  return existsSync(resolve(up, "package.json")) ? up : resolve(up, "..");
}
