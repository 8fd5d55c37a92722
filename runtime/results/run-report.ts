/**
 * The result of `macroscope run` as scripts read it: versioned plain data, complete enough to run again. Renderers take
 * this and nothing else. Big integers stand as numbers where exact, else as decimal strings, once written to JSON.
 */
export interface RunReport {
  readonly schema: "macroscope/run/1";
  /** The resolved configuration; running it again gives the same digest. */
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly model: string;
  /** Where the weights come from, e.g. `drawn from seed 1`; null where they are the model's own. */
  readonly weights: string | null;
  readonly data: string;
  readonly images: number;
  readonly input: InputEntry;
  /** One line, e.g. `default-16x16: 16 × 16, output-stationary, 200 MHz`; null where no layer runs on it. */
  readonly machine: string | null;
  /** The engine and what computed its sums, e.g. `fast: WebAssembly SIMD: wasm int16`; null where no layer runs on it. No bit depends on it. */
  readonly engine: string | null;
  /** What computed the float reference, e.g. `tfjs 4.22.0 (wasm, SIMD)`. */
  readonly floatBackend: string | null;
  /** Null without labels. */
  readonly accuracy: Accuracy | null;
  /** Why there is no accuracy; null where there is. */
  readonly accuracyMissing: string | null;
  /** Classes against those of float, which needs no labels; null for networks that do not classify, and for program files. */
  readonly agreement: AgreementEntry | null;
  /** Accuracy by class, for the classes that have images; null where `accuracy` is. */
  readonly classes: readonly ClassEntry[] | null;
  /** Against float, on the last accelerator tensor. */
  readonly error: ErrorEntry | null;
  /** Null where layers compute in float: no machine does that. */
  readonly cycles: CycleEntry | null;
  readonly energy: EnergyEntry | null;
  readonly overflow: { readonly total: number; readonly compile: number };
  readonly layers: readonly LayerEntry[];
  /** SHA-256 of the output raws; null where layers compute in float. */
  readonly digest: string | null;
  /** First images of the data whose ranges gave the automatic formats; absent where none is automatic. */
  readonly calibratedImages?: number;
  /** Layers whose output channels are scaled by powers of two, the next weights by the inverse; absent where none is. */
  readonly equalized?: readonly EqualizedEntry[];
  /** Images for which ranges, rounding errors and layer errors were taken: the first ones. */
  readonly observedImages: number;
  /** What to look at first, one sentence. */
  readonly advice: string;
  /** What the cycle model leaves out. */
  readonly notModelled: readonly string[];
  /** What the run took; the one part of a result that is not the same the next time. */
  readonly resources: ResourceEntry;
}

/** What the run itself says: without what it was fed with, and without what differs from run to run. */
export type LastingReport = Omit<RunReport, "resources" | "input" | "calibratedImages" | "equalized">;

/** A layer with scaled output channels; `configuration.assignment.equalize` has every exponent. */
export interface EqualizedEntry {
  readonly layer: string;
  /** Of `channels`: how many have an exponent other than 0. */
  readonly scaled: number;
  readonly channels: number;
  /** Least and largest exponent of those. */
  readonly exponents: readonly [least: number, largest: number];
}

export interface ResourceEntry {
  /** From the configuration to the report. */
  readonly seconds: number;
  /** The most memory that the whole process had, all workers included. */
  readonly peakMemoryBytes: number;
}

/** The network's input before it is quantized. */
export interface InputEntry {
  /** How stored elements became it, in words. */
  readonly preparation: string;
  /** Rows, columns, channels. */
  readonly shape: readonly number[];
  /** Least and largest value of all images. */
  readonly range: readonly [least: number, largest: number] | null;
  /** In which order the axes of an array were taken, and whether that was guessed; null for pictures. */
  readonly layout: string | null;
  /** Which classes the numbers of the labels are, where folders gave them names. */
  readonly classes: string | null;
}

export type IntervalEntry = readonly [low: number, high: number];

export interface Accuracy {
  /** Null where there is no float network (a program file). */
  readonly float: number | null;
  readonly fixed: number;
  /** fixed / float; null where float got nothing right. */
  readonly relative: number | null;
  /** Fixed-point top-5; null for fewer than six classes. */
  readonly top5: number | null;
  /** Share of images on which fixed and float give the same class. */
  readonly agreement: number | null;
  /** Wilson's interval. */
  readonly fixed95: IntervalEntry;
  /** Paired bootstrap over images. */
  readonly relative95: IntervalEntry | null;
  /** Images whose largest value is shared by several classes. */
  readonly ties: number;
  /** McNemar's exact test of "fixed and float are right equally often". */
  readonly mcnemar: { readonly onlyFloat: number; readonly onlyFixed: number; readonly pValue: number } | null;
}

export interface AgreementEntry {
  /** Share of images on which fixed and float give the same class. */
  readonly share: number;
  /** Wilson's interval. */
  readonly share95: IntervalEntry;
  /** Share of images whose float class is among the five largest fixed values; null for fewer than six classes. */
  readonly top5: number | null;
  /** Images whose largest fixed value is shared by several classes. */
  readonly ties: number;
}

export interface ErrorEntry {
  readonly mae: number;
  readonly maxAbs: number;
  readonly sqnrDb: number | null;
}

export interface CycleEntry {
  readonly total: number;
  readonly perImage: number;
  readonly clockHz: number;
  readonly imagesPerSecond: number;
  /** Of all images: busy + Σ stalls + idle = total. */
  readonly byUnit: Readonly<
    Record<string, { readonly busy: number; readonly stalls: Readonly<Record<string, number>>; readonly idle: number }>
  >;
}

export interface EnergyEntry {
  readonly totalPj: number;
  readonly perImagePj: number;
  /** Lowest and highest total that the spreads of the table's sources allow, per image. */
  readonly perImageSpreadPj: readonly [low: number, high: number];
  readonly table: string;
  readonly byComponent: Readonly<Record<string, number>>;
}

export interface RegisterEntry {
  /** `16,8 nearest saturate`. */
  readonly format: string;
  readonly overflow: number;
  readonly first: Readonly<Record<string, unknown>> | null;
  /** Values, of the observed images; null where nothing was seen. */
  readonly min: number | null;
  readonly max: number | null;
  readonly unusedHighBits: number | null;
  /** Of one image: DRAM words, memory, bus and registers that hold its words; absent where no words are its own. */
  readonly energyPj?: number | undefined;
  readonly flushedToZero: number | null;
  /** Low bits of the word that were 0 in every value; the whole word where all of them were 0. */
  readonly unusedLowBits: number | null;
  /** Mean of (rounded − exact) in units of the register's last bit. */
  readonly meanRoundingError: number | null;
  /**
   * The same for a rounding mode where all dropped bits are equally likely, e.g. nearly −½ for `down`. What differs from it was
   * not uniform: zeros, or operands of few bits.
   */
  readonly expectedRoundingError: number | null;
  /** Values of the observed images (weights and biases: all words), before the fit, against the format. */
  readonly histogram: HistogramEntry | null;
}

/**
 * Counts by octave of magnitude. An octave `integerBits` = i holds the values from 2^(i−1) to 2^i, below 0 to −2^i: a signed
 * format holds them exactly where its W − F − 1 is at least i, an unsigned one where W − F is.
 */
export interface HistogramEntry {
  /** Ascending; octaves without values are left out. */
  readonly octaves: readonly { readonly integerBits: number; readonly negative: number; readonly positive: number }[];
  /** Values that became zero, flushed ones included. */
  readonly zero: number;
  /** Values other than zero that became zero, by the octave that they would have been in; the lowest counts all below it too. */
  readonly underflow: readonly { readonly integerBits: number; readonly count: number }[];
}

export interface TableEntry {
  readonly entries: number;
  /** Of one entry. */
  readonly wordLength: number;
  /** Lowest bits of an input word between two entries: not seen, or interpolated. */
  readonly droppedBits: number;
  /** Values lie on the line between two entries. */
  readonly interpolated: boolean;
  /** The input values that it stands for; words beyond read its ends. */
  readonly range: { readonly min: number; readonly max: number };
  /** Largest distance between the layer's words and the function, cut to the output's range, over the input words in the range. */
  readonly largestError: number;
  /** The same in last places of the output register. */
  readonly largestErrorLastPlaces: number;
  /** Over the same words, each counted alike; null where no word differs. */
  readonly sqnrDb: number | null;
  /** Entries beyond the output's range. */
  readonly clipped: number;
}

/** What one layer's own quantization costs, while every other layer computes in float. */
export interface LayerNoise {
  /** The layer in fixed point against the same layer in float, both fed the fixed-point input: noise of this layer alone. */
  readonly ownSqnrDb: number | null;
  /** Of the network's output where that noise is added to this layer's float values and all other layers are exact. */
  readonly outputSqnrDb: number | null;
  /** Power of that noise at the network's output divided by its power at the layer's: above 1 the network amplifies it. */
  readonly gain: number | null;
}

export interface ClassEntry {
  readonly class: number;
  readonly images: number;
  /** Share of its images that are right; float is null where there is no float network. */
  readonly fixed: number;
  readonly float: number | null;
  /** Wilson's interval of `fixed`. */
  readonly fixed95: IntervalEntry;
}

export interface LayerEntry {
  readonly name: string;
  readonly kind: string;
  readonly datapath: Readonly<Record<string, unknown>>;
  readonly macs: number;
  /** Per image. */
  readonly cycles: number;
  /** The closed form of the cycles in which the array is busy, with its value behind the last `=`. */
  readonly formula: string;
  /** Per image. */
  readonly energyPj: number;
  /** macs / (cycles · R · C). */
  readonly utilization: number;
  readonly sqnrDb: number | null;
  /** Of the observed images; null without a float network. */
  readonly noise: LayerNoise | null;
  /** Input loaded in another format than its producer wrote. */
  readonly doubleRounding: boolean;
  /** Of a layer that reads a function from a look-up table. */
  readonly table?: TableEntry;
  /** Of layers that together are one recurrent layer of the model: its name, and the step, absent outside the steps. */
  readonly recurrent?: { readonly layer: string; readonly step?: number };
  readonly registers: Readonly<Record<string, RegisterEntry>>;
}
