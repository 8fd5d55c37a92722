/** Flags that say how pictures become network input. */
import { type Command, Option } from "commander";
import { diagnosticError } from "../../isa/diagnostic.ts";
import { fractionValue } from "../configuration.ts";
import {
  COLOURS,
  type Colour,
  type Crop,
  PREPROCESSING_LIMITS,
  RESIZE_KERNELS,
  type Resize,
  type ResizeKernel,
} from "../datasets/preprocessing/preprocessing.ts";
import { type PerChannel, type PreprocessingSpecification, RECIPE_NAMES } from "../datasets/preprocessing/recipes.ts";
import { parseInteger, parseName } from "./options.ts";

export interface PreprocessingFlags {
  readonly preprocess?: string;
  readonly colour?: Colour;
  readonly resize?: Resize;
  readonly resizeKernel?: ResizeKernel;
  readonly crop?: Crop;
  readonly inputScale?: PerChannel;
  readonly inputOffset?: PerChannel;
  readonly inputMean?: PerChannel;
  readonly inputStd?: PerChannel;
  readonly foldInputScale?: number;
}

export function addPreprocessingOptions(command: Command): Command {
  const perChannel = (flag: string, text: string, nonzero: boolean): Option =>
    new Option(`${flag} <number[,…]>`, text).argParser((value) => parsePerChannel(value, flag, nonzero));
  return command
    .option("--preprocess <recipe>", `how pictures become input: ${RECIPE_NAMES.join(", ")}`)
    .addOption(
      new Option("--colour <order>", `${COLOURS.join(", ")} (default: stored)`).argParser((text) =>
        parseName(text, "--colour", COLOURS),
      ),
    )
    .addOption(new Option("--resize <n|RxC>", "shorter side, or rows x columns").argParser(parseResize))
    .addOption(
      new Option("--resize-kernel <name>", `${RESIZE_KERNELS.join(", ")} (default: linear)`).argParser((text) =>
        parseName(text, "--resize-kernel", RESIZE_KERNELS),
      ),
    )
    .addOption(new Option("--crop <n|RxC>", "cut from the middle, after the resize").argParser(parseCrop))
    .addOption(perChannel("--input-scale", "byte × scale + offset = input (default: 1/256)", true))
    .addOption(perChannel("--input-offset", "one, or one per channel (default: 0)", false))
    .addOption(perChannel("--input-mean", "instead of an offset: (byte × scale − mean) / std", false))
    .addOption(perChannel("--input-std", "standard deviation, as with --input-mean", true))
    .addOption(
      new Option(
        "--fold-input-scale <n>",
        "divide the input by 2^n and multiply the first weights by it; float stays the same (default: 0)",
      ).argParser((text) =>
        parseInteger(text, "--fold-input-scale", -PREPROCESSING_LIMITS.inputShift, PREPROCESSING_LIMITS.inputShift),
      ),
    );
}

/** The specification with the flags over it; another way to say the offset replaces the one that was there. */
export function withPreprocessingFlags(
  written: PreprocessingSpecification,
  flags: PreprocessingFlags,
): PreprocessingSpecification {
  // A recipe named by a flag replaces what a file says.
  const base: PreprocessingSpecification = flags.preprocess === undefined ? written : { recipe: flags.preprocess };
  const { mean, standardDeviation, offset, ...others } = base;
  const byMean = flags.inputMean !== undefined || flags.inputStd !== undefined;
  const byOffset = flags.inputOffset !== undefined;
  return {
    ...others,
    ...(byMean && !byOffset ? {} : { offset }),
    ...(byOffset && !byMean ? {} : { mean, standardDeviation }),
    ...given({
      colour: flags.colour,
      resize: flags.resize,
      resizeKernel: flags.resizeKernel,
      crop: flags.crop,
      scale: flags.inputScale,
      offset: flags.inputOffset,
      mean: flags.inputMean,
      standardDeviation: flags.inputStd,
      inputShift: flags.foldInputScale,
    }),
  };
}

function given(fields: PreprocessingSpecification): PreprocessingSpecification {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function parsePerChannel(text: string, flag: string, nonzero: boolean): PerChannel {
  const values = text.split(",").map((part) => {
    const value = fractionValue(part);
    if (value === null || (nonzero && value === 0)) {
      throw diagnosticError("OPTION", flag, `found "${text}", expected a number`, "write 1/256 or 0.00390625");
    }
    return value;
  });
  const [only] = values;
  return values.length === 1 && only !== undefined ? only : values;
}

function parseResize(text: string): Resize {
  const { rows, columns } = parseSides(text, "--resize");
  return /^[0-9]+$/.test(text) ? { shorterSide: rows } : { rows, columns };
}

function parseCrop(text: string): Crop {
  return parseSides(text, "--crop");
}

function parseSides(text: string, flag: string): Crop {
  const match = /^([0-9]+)(?:[x×]([0-9]+))?$/.exec(text);
  const [rows, columns] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  const legal = (side: number): boolean => side >= 1 && side <= PREPROCESSING_LIMITS.side;
  if (legal(rows) && legal(columns)) return { rows, columns };
  const what = `found "${text}", expected a side or rows x columns, each from 1 to ${PREPROCESSING_LIMITS.side}`;
  throw diagnosticError("OPTION", flag, what, "write 224 or 224x224");
}
