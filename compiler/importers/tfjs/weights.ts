/** The weights: the joined bytes of the shards, cut and decoded as the manifest says. Little-endian, row-major. */
import { type Diagnostic, diagnosticError } from "../../../isa/diagnostic.ts";
import type { Tensor } from "../../graph/graph.ts";
import { elementCount, formatShape, MAXIMUM_ELEMENTS, type Shape, sameShape } from "../../graph/shape.ts";
import { fromFloat16 } from "../../tensor-graph/arithmetic/small-floats.ts";
import type { TensorOf } from "../../tensor-graph/tensor.ts";
import type { LayerEntry } from "./layer-use.ts";
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
  float16: { bytes: 2, read: (view, offset) => fromFloat16(view.getUint16(offset, true)) },
};

interface PlacedWeight {
  readonly entry: WeightEntry;
  readonly offset: number;
}

/** What a weight is once it is decoded. */
export type DecodedWeight = TensorOf<"float32" | "int32" | "bool">;

/** Weights by layer and field, or by their whole name. Decodes what is asked for, and remembers what was not. */
export class WeightStore {
  readonly #where: string;
  readonly #view: DataView;
  readonly #placed: Map<string, PlacedWeight> = new Map<string, PlacedWeight>();
  /** Decoded weights by name; a shared layer's are decoded once. */
  readonly #decoded: Map<string, DecodedWeight> = new Map<string, DecodedWeight>();
  /** The layer that reads a weight, by the weight's name. */
  readonly #readers: Map<string, LayerEntry> = new Map<string, LayerEntry>();

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
   * it is missing, belongs to another layer too, has another shape or is not stored as numbers that weights can be.
   */
  read(layer: LayerEntry, field: string, expected: Shape, place: string): Tensor {
    const found = this.#find(layer, field);
    if (found === undefined) {
      throw diagnosticError(
        "MODEL_WEIGHT",
        place,
        `the manifest holds no weight "${layer.name}/${field}", expected one of shape ${formatShape(expected)}`,
        "export the model again with its weights",
      );
    }
    const { entry, offset } = found;
    const reader = this.#readers.get(weightName(entry));
    if (reader !== undefined && reader !== layer) {
      throw diagnosticError(
        "MODEL_WEIGHT",
        place,
        `weight "${entry.name}" is read by layer "${[...reader.models, reader.name].join("/")}", too`,
        "give every layer of the models within the model a name of its own and export the model again",
      );
    }
    this.#readers.set(weightName(entry), layer);
    if (!sameShape(entry.shape, expected)) {
      throw diagnosticError(
        "MODEL_WEIGHT",
        place,
        `weight "${entry.name}" has shape ${formatShape(entry.shape)}, expected ${formatShape(expected)}`,
        "compare the layer's settings with its weights; export both together",
      );
    }
    if (entry.dtype !== "float32") {
      throw diagnosticError(
        "MODEL_WEIGHT",
        place,
        `weight "${entry.name}" is of type ${entry.dtype}, expected float32`,
        "export the model again with float32 weights",
      );
    }
    const { type, data } = this.#tensor(entry, offset, place);
    return { shape: expected, data: type === "float32" ? data : Float32Array.from(data) };
  }

  /** The weight of that name, of any type and shape; undefined where the manifest holds none. Throws `DiagnosticError`. */
  tensor(name: string, place: string): DecodedWeight | undefined {
    const found = this.#placed.get(name);
    return found === undefined ? undefined : this.#tensor(found.entry, found.offset, place);
  }

  /** Elements of all weights together. */
  elements(): number {
    return [...this.#placed.values()].reduce((sum, { entry }) => sum + elementCount(entry.shape), 0);
  }

  /** Weights that no layer or node asked for, as diagnostics. Those of an optimizer and of a name in `except` are none. */
  unused(reader: "layer" | "node", except: ReadonlySet<string> = new Set()): Diagnostic[] {
    return [...this.#placed]
      .filter(([name, { entry }]) => !this.#decoded.has(name) && entry.group !== "optimizer" && !except.has(name))
      .map(([name]) => ({
        code: "MODEL_WEIGHT",
        where: `${this.#where}, weightsManifest`,
        what: `weight "${name}" belongs to no ${reader} that reads it`,
        hint: `compare the ${reader}s' names with the manifest; export both together`,
      }));
  }

  /**
   * `layer/field`, with the names of the models around it where the manifest has them, or the only name that ends in it:
   * converters put scopes in front.
   */
  #find({ models, name }: LayerEntry, field: string): PlacedWeight | undefined {
    const names = [...models.map((_, from) => [...models.slice(from), name]), [name]];
    const candidates = names.map((steps) => [...steps, field].join("/"));
    for (const candidate of candidates) {
      const exact = this.#placed.get(candidate);
      if (exact !== undefined) return exact;
    }
    for (const candidate of candidates) {
      const scoped = [...this.#placed].filter(([placed]) => placed.endsWith(`/${candidate}`));
      if (scoped.length === 1) return scoped[0]?.[1];
    }
    return undefined;
  }

  #tensor(entry: WeightEntry, offset: number, place: string): DecodedWeight {
    const name = weightName(entry);
    const tensor = this.#decoded.get(name) ?? this.#decode(entry, offset, place);
    this.#decoded.set(name, tensor);
    return tensor;
  }

  #decode(entry: WeightEntry, offset: number, place: string): DecodedWeight {
    const { shape, dtype } = entry;
    const { scale, min } = entry.quantization ?? {};
    const storage = storageOf(entry);
    const { bytes, read } = STORAGE[storage];
    const isAffine = storage === "uint8" || storage === "uint16";
    const complaint =
      isAffine && (scale === undefined || min === undefined)
        ? `is quantized to ${storage} without scale and min`
        : isAffine && dtype === "bool"
          ? `of type bool is quantized to ${storage}`
          : storage === "float16" && dtype !== "float32"
            ? `of type ${dtype} is stored as float16`
            : undefined;
    if (complaint !== undefined) {
      throw diagnosticError(
        "MODEL_WEIGHT",
        place,
        `weight "${entry.name}" ${complaint}`,
        "export the model again with float32 weights",
      );
    }
    const number = (index: number): number => {
      const stored = read(this.#view, offset + index * bytes);
      return isAffine ? stored * (scale ?? 1) + (min ?? 0) : stored;
    };
    const count = elementCount(shape);
    if (dtype === "float32") {
      return { type: "float32", shape, data: new Float32Array(count).map((_zero, index) => number(index)) };
    }
    if (dtype === "bool") {
      return { type: "bool", shape, data: new Uint8Array(count).map((_zero, index) => (number(index) === 0 ? 0 : 1)) };
    }
    return { type: "int32", shape, data: new Int32Array(count).map((_zero, index) => Math.round(number(index))) };
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
