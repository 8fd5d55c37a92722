/**
 * Preprocessing as a configuration file writes it: by the name of a recipe, and by fields that win over it. Mean and
 * standard deviation are another way to say scale and offset: value = (element · scale − mean[c]) / standardDeviation[c].
 */
import type { NetworkName } from "../../../compiler/networks/index.ts";
import { diagnosticError, nearestName } from "../../../isa/diagnostic.ts";
import {
  type Colour,
  type Crop,
  DEFAULT_PREPROCESSING,
  type Preprocessing,
  type Resize,
  type ResizeKernel,
} from "./preprocessing.ts";

/** One number for all channels, or one per channel. */
export type PerChannel = number | readonly number[];

/** Every field may be absent; a recipe gives what the fields leave open, the default the rest. */
export interface PreprocessingSpecification {
  readonly recipe?: string | undefined;
  readonly colour?: Colour | undefined;
  readonly resize?: Resize | null | undefined;
  readonly resizeKernel?: ResizeKernel | undefined;
  readonly crop?: Crop | null | undefined;
  readonly scale?: PerChannel | "automatic" | undefined;
  readonly offset?: PerChannel | undefined;
  readonly mean?: PerChannel | undefined;
  readonly standardDeviation?: PerChannel | undefined;
  readonly inputShift?: number | undefined;
}

type Recipe = Omit<PreprocessingSpecification, "recipe">;

const crop = (side: number): Crop => ({ rows: side, columns: side });

/** What torchvision, and most that was trained with PyTorch, takes off and divides by. */
const TORCH_IMAGENET: Recipe = {
  colour: "rgb",
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  standardDeviation: [0.229, 0.224, 0.225],
};

const CAFFE_IMAGENET: Recipe = { colour: "bgr", scale: 1, mean: [104, 117, 123] };

/** −1 … 1. */
const TF_IMAGENET: Recipe = { colour: "rgb", scale: 1 / 127.5, offset: -1 };

/**
 * Recipes of known networks. Sources: `deploy.prototxt` and `train_val.prototxt` of the BVLC model zoo (pictures resized to
 * 256 × 256 without keeping proportions); torchvision's ImageNet reference and Inception V3 transforms;
 * `inception_preprocessing.py` of TF-Slim (its 87.5 % central crop, here as a resize by 8/7 before the crop);
 * the CIFAR-10 statistics that pytorch_resnet_cifar10 uses are ImageNet's.
 */
export const RECIPES: ReadonlyMap<string, Recipe> = new Map([
  ["bytes", { scale: 1 }],
  ["mnist", { colour: "grey", scale: 1 / 256 }],
  ["torch-cifar", TORCH_IMAGENET],
  ["torch-imagenet", { ...TORCH_IMAGENET, resize: { shorterSide: 256 }, crop: crop(224) }],
  ["torch-imagenet-299", { ...TORCH_IMAGENET, resize: { shorterSide: 342 }, crop: crop(299) }],
  ["caffe-imagenet", { ...CAFFE_IMAGENET, resize: { rows: 256, columns: 256 }, crop: crop(224) }],
  ["caffe-imagenet-227", { ...CAFFE_IMAGENET, resize: { rows: 256, columns: 256 }, crop: crop(227) }],
  ["tf-imagenet", { ...TF_IMAGENET, resize: { shorterSide: 256 }, crop: crop(224) }],
  ["tf-imagenet-299", { ...TF_IMAGENET, resize: { shorterSide: 342 }, crop: crop(299) }],
]);

/** What networks known by name were trained with. */
export const NETWORK_RECIPES: Readonly<Record<NetworkName, string>> = {
  alexnet: "caffe-imagenet-227",
  inception_v1: "caffe-imagenet",
  inception_v3: "tf-imagenet-299",
  resnet50: "torch-imagenet",
  resnet152: "torch-imagenet",
  squeezenet: "torch-imagenet",
  squeezenet_v1_1: "torch-imagenet",
  mobilenet_v1: "tf-imagenet",
  mobilenet_v2: "tf-imagenet",
};

export const RECIPE_NAMES: readonly string[] = [...RECIPES.keys()];

/** A specification as plain preprocessing. Throws `DiagnosticError` for an unknown recipe and for fields that contradict. */
export function preprocessingFrom(specification: PreprocessingSpecification, where = "preprocessing"): Preprocessing {
  const recipe = specification.recipe === undefined ? {} : recipeNamed(specification.recipe, where);
  const { colour, resize, resizeKernel, crop, inputShift } = withDefaults({ ...recipe, ...defined(specification) });
  return { colour, resize, resizeKernel, crop, inputShift, ...affine(ownAffine(specification, recipe), where) };
}

type Affine = Pick<PreprocessingSpecification, "scale" | "offset" | "mean" | "standardDeviation">;

/** Scale and offset belong together: a specification that gives an offset drops the recipe's mean and deviation, and the other way round. */
function ownAffine(specification: PreprocessingSpecification, recipe: Recipe): Affine {
  const { scale = recipe.scale, offset, mean, standardDeviation } = specification;
  if (offset !== undefined) return { scale, offset, mean, standardDeviation };
  if (mean !== undefined || standardDeviation !== undefined) {
    return { scale, mean: mean ?? recipe.mean, standardDeviation: standardDeviation ?? recipe.standardDeviation };
  }
  return { scale, offset: recipe.offset, mean: recipe.mean, standardDeviation: recipe.standardDeviation };
}

function affine(
  { scale = "automatic", offset, mean, standardDeviation }: Affine,
  where: string,
): Pick<Preprocessing, "scale" | "offset"> {
  if (mean === undefined && standardDeviation === undefined) return { scale, offset: offset ?? 0 };
  if (offset !== undefined) {
    throw diagnosticError(
      "PREPROCESSING",
      `${where}: offset`,
      "an offset beside a mean or standard deviation",
      "give scale and offset, or scale, mean and standardDeviation",
    );
  }
  if (scale === "automatic") {
    throw diagnosticError(
      "PREPROCESSING",
      `${where}: scale`,
      "a mean or standard deviation without a scale",
      "give scale: 1 where they are those of bytes, 1/255 where they are those of values up to 1",
    );
  }
  const deviation = standardDeviation ?? 1;
  if ([deviation].flat().includes(0)) {
    throw diagnosticError(
      "PREPROCESSING",
      `${where}: standardDeviation`,
      "a standard deviation of 0",
      "give positive ones",
    );
  }
  return {
    scale: combined(scale, deviation, (a, b) => a / b, where),
    offset: combined(mean ?? 0, deviation, (a, b) => 0 - a / b, where),
  };
}

function combined(a: PerChannel, b: PerChannel, combine: (a: number, b: number) => number, where: string): PerChannel {
  if (typeof a === "number" && typeof b === "number") return combine(a, b);
  const length = Math.max(...[a, b].map((value) => (typeof value === "number" ? 0 : value.length)));
  const at = (value: PerChannel, channel: number): number => {
    if (typeof value === "number") return value;
    const found = value[channel];
    if (found === undefined || value.length !== length) {
      throw diagnosticError(
        "PREPROCESSING",
        where,
        "scale, mean and standardDeviation have different numbers of channels",
        "give one value, or one per channel",
      );
    }
    return found;
  };
  return Array.from({ length }, (_, channel) => combine(at(a, channel), at(b, channel)));
}

function withDefaults(
  fields: Recipe,
): Pick<Preprocessing, "colour" | "resize" | "resizeKernel" | "crop" | "inputShift"> {
  const { colour, resize, resizeKernel, crop, inputShift } = { ...DEFAULT_PREPROCESSING, ...defined(fields) };
  return { colour, resize, resizeKernel, crop, inputShift };
}

/** The fields that have a value. */
function defined<T extends object>(fields: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

function recipeNamed(name: string, where: string): Recipe {
  const recipe = RECIPES.get(name);
  if (recipe !== undefined) return recipe;
  const nearest = nearestName(name, RECIPE_NAMES);
  throw diagnosticError(
    "PREPROCESSING",
    where,
    `no recipe "${name}"`,
    nearest === undefined ? `the recipes are ${RECIPE_NAMES.join(", ")}` : `did you mean ${nearest}?`,
  );
}
