/** What a run reads images from: values of the network's input, by ranges of images, so that memory follows the batch. */
import type { ImageShape } from "./image-shape.ts";
import type { FoundLayout } from "./preprocessing/layout.ts";
import type { ResolvedPreprocessing } from "./preprocessing/preprocessing.ts";

/** Consecutive images as the network sees them. */
export interface ImageBatch {
  readonly count: number;
  /** count × rows × columns × channels, preprocessed. */
  readonly values: Float32Array;
  /** One class per image; null where the data set has none. */
  readonly labels: Int32Array | null;
}

export interface Dataset {
  readonly name: string;
  /** Of a preprocessed image. */
  readonly shape: ImageShape;
  readonly count: number;
  readonly labelled: boolean;
  /** By class number, where folders gave them. */
  readonly classNames?: readonly string[];
  /** How stored elements become values, nothing left open. */
  readonly preprocessing: ResolvedPreprocessing;
  /** In which order stored axes were taken. */
  readonly layout: FoundLayout;
  /** Images `first` to `first + count − 1`. Throws `DiagnosticError` for what a file should not hold. */
  read(first: number, count: number): Promise<ImageBatch>;
}

/** Elements of pictures as stored: bytes, or numbers of any other type. */
export type Elements = Uint8Array | Float32Array | Float64Array;

/** One picture as stored, row-major with its channels innermost; three channels are red, green, blue. */
export interface Picture {
  readonly shape: ImageShape;
  readonly elements: Elements;
}

/** Pictures as some file format yields them, before preprocessing. */
export interface PictureSource {
  readonly name: string;
  readonly count: number;
  readonly labelled: boolean;
  /** By class number, where folders gave them. */
  readonly classNames?: readonly string[];
  /** Of every picture; that of the first where they may differ. */
  readonly shape: ImageShape;
  /** Sizes of one image of an array, whose axes may be meant in another order than `shape` takes them; absent for pictures. */
  readonly axes?: readonly number[];
  /** How those axes were taken, once they were. */
  readonly layout?: FoundLayout;
  /** Unsigned bytes, or numbers that need no scale. */
  readonly elements: "bytes" | "numbers";
  read(first: number, count: number): Promise<StoredPictures>;
}

export interface StoredPictures {
  readonly pictures: readonly Picture[];
  readonly labels: Int32Array | null;
  /** What diagnostics call each picture, where it has a place of its own. */
  readonly places?: readonly string[];
}
