/** The weights: the joined bytes of the shards, cut and decoded as the manifest says. Little-endian, row-major. */
import { type Diagnostic, diagnosticError } from "../../../isa/diagnostic.ts";
import type { Tensor } from "../../graph/graph.ts";
import { elementCount, formatShape, MAXIMUM_ELEMENTS, type Shape, sameShape } from "../../graph/shape.ts";
import type { WeightEntry } from "./model-json.ts";

/** How numbers are stored: plain types, or those the converter quantizes float32 weights to. */
type Storage = "float32" | "int32" | "bool" | "uint8" | "uint16" | "float16";

interface StorageRule {
  readonly bytes: number;
  /** The number stored at a byte offset. */
  readonly read: (view: DataView, offset: number) => number;
}

const STORAGE: Readonly<Record<Storage, StorageRule>> = {
  float32: { bytes: 4, read: (view, offset) => view.getFloat32(offset, true) },
  int32: { bytes: 4, read: (view, offset) => view.getInt32(offset, true) },
  bool: { bytes: 1, read: (view, offset) => view.getUint8(offset) },
  uint8: { bytes: 1, read: (view, offset) => view.getUint8(offset) },
  uint16: { bytes: 2, read: (view, offset) => view.getUint16(offset, true) },
  float16: { bytes: 2, read: (view, offset) => float16(view.getUint16(offset, true)) },
};

interface PlacedWeight {
  readonly entry: WeightEntry;
  readonly offset: number;
}

/** Weights by layer and field. Decodes what is asked for, and remembers what was not. */
export class WeightStore {
  readonly #where: string;
  readonly #view: DataView;
  readonly #placed: Map<string, PlacedWeight> = new Map<string, PlacedWeight>();
  /** Decoded weights by name; a shared layer's are decoded once. */
  readonly #decoded: Map<string, Float32Array> = new Map<string, Float32Array>();

  /** Throws `DiagnosticError` where the bytes are not exactly those of the manifest, or a name stands in it twice. */
  constructor(entries: readonly WeightEntry[], bytes: Uint8Array, where: string) {
    this.#where = where;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let offset = 0;
    for (const entry of entries) {
      const name = weightName(entry);
      const size = elementCount(entry.shape) * STORAGE[storageOf(entry)].bytes;
      if (elementCount(entry.shape) > MAXIMUM_ELEMENTS || offset + size > bytes.byteLength) {
        throw this.#shardError(
          `the shards hold ${bytes.byteLength} bytes; weight "${name}" ${formatShape(entry.shape)} needs bytes ${offset} to ${offset + size}`,
        );
      }
      if (this.#placed.has(name)) {
        throw diagnosticError(
          "MODEL_WEIGHT",
          `${where}, weightsManifest`,
          `weight "${name}" stands in the manifest twice`,
          "give every layer a name of its own and export the model again",
        );
      }
      this.#placed.set(name, { entry, offset });
      offset += size;
    }
    if (offset !== bytes.byteLength) {
      throw this.#shardError(`the shards hold ${bytes.byteLength} bytes, the manifest describes ${offset}`);
    }
  }

  /**
   * A layer's weight, decoded to float32. `place` is the layer's place for diagnostics. Throws `DiagnosticError` where
   * it is missing, has another shape or is not stored as numbers that weights can be.
   */
  read(layer: string, field: string, expected: Shape, place: string): Tensor {
    const found = this.#find(layer, field);
    if (found === undefined) {
      throw diagnosticError(
        "MODEL_WEIGHT",
        place,
        `the manifest holds no weight "${layer}/${field}", expected one of shape ${formatShape(expected)}`,
        "export the model again with its weights",
      );
    }
    const { entry, offset } = found;
    if (!sameShape(entry.shape, expected)) {
      throw diagnosticError(
        "MODEL_WEIGHT",
        place,
        `weight "${entry.name}" has shape ${formatShape(entry.shape)}, expected ${formatShape(expected)}`,
        "compare the layer's settings with its weights; export both together",
      );
    }
    const name = weightName(entry);
    const data = this.#decoded.get(name) ?? this.#decode(entry, offset, place);
    this.#decoded.set(name, data);
    return { shape: expected, data };
  }

  /** Weights that no layer asked for, as diagnostics. Those of an optimizer are none. */
  unused(): Diagnostic[] {
    return [...this.#placed]
      .filter(([name, { entry }]) => !this.#decoded.has(name) && entry.group !== "optimizer")
      .map(([name]) => ({
        code: "MODEL_WEIGHT",
        where: `${this.#where}, weightsManifest`,
        what: `weight "${name}" belongs to no layer that reads it`,
        hint: "compare the layers' names with the manifest; export both together",
      }));
  }

  /** `layer/field`, or the only name that ends in it: converters put scopes in front. */
  #find(layer: string, field: string): PlacedWeight | undefined {
    const name = `${layer}/${field}`;
    const exact = this.#placed.get(name);
    if (exact !== undefined) return exact;
    const scoped = [...this.#placed].filter(([candidate]) => candidate.endsWith(`/${name}`));
    return scoped.length === 1 ? scoped[0]?.[1] : undefined;
  }

  #decode(entry: WeightEntry, offset: number, place: string): Float32Array {
    const { scale = 1, min = 0 } = entry.quantization ?? {};
    const storage = storageOf(entry);
    const affine = storage === "uint8" || storage === "uint16";
    const incomplete = affine && (entry.quantization?.scale === undefined || entry.quantization.min === undefined);
    if (entry.dtype !== "float32" || incomplete) {
      throw diagnosticError(
        "MODEL_WEIGHT",
        place,
        incomplete
          ? `weight "${entry.name}" is quantized to ${storage} without scale and min`
          : `weight "${entry.name}" is of type ${entry.dtype}, expected float32`,
        "export the model again with float32 weights",
      );
    }
    const { bytes, read } = STORAGE[storage];
    return new Float32Array(elementCount(entry.shape)).map((_zero, index) => {
      const stored = read(this.#view, offset + index * bytes);
      return affine ? stored * scale + min : stored;
    });
  }

  #shardError(what: string): Error {
    return diagnosticError(
      "MODEL_SHARD",
      `${this.#where}, weightsManifest`,
      what,
      "a shard is cut off, missing or of another model: copy all files of the model again",
    );
  }
}

function storageOf(entry: WeightEntry): Storage {
  return entry.quantization?.dtype ?? entry.dtype;
}

/** Keras appends the number of a tensor, `:0`. */
function weightName(entry: WeightEntry): string {
  return entry.name.replace(/:0$/, "");
}

/** IEEE 754 binary16: one sign, five exponent and ten fraction bits. */
function float16(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
