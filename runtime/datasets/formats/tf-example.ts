/** `tf.train.Example`, decoded by protobufjs. Source: tensorflow/core/example/{example,feature}.proto. */
import protobuf from "protobufjs/light.js";
import { diagnosticError } from "../../../isa/diagnostic.ts";

const FEATURE_MAP: protobuf.IMapField = { keyType: "string", type: "Feature", id: 1 };

const EXAMPLE = protobuf.Root.fromJSON({
  nested: {
    BytesList: { fields: { value: { rule: "repeated", type: "bytes", id: 1 } } },
    Int64List: { fields: { value: { rule: "repeated", type: "int64", id: 1 } } },
    Feature: {
      fields: { bytesList: { type: "BytesList", id: 1 }, int64List: { type: "Int64List", id: 3 } },
    },
    Features: { fields: { feature: FEATURE_MAP } },
    Example: { fields: { features: { type: "Features", id: 1 } } },
  },
}).lookupType("Example");

/** What is asked of one feature: bytes, or integers. */
interface Feature {
  readonly bytesList?: { readonly value?: readonly Uint8Array[] } | null;
  readonly int64List?: { readonly value?: readonly { toString(): string }[] } | null;
}

/** The features of one example. */
export class TfExample {
  readonly #features: ReadonlyMap<string, Feature>;

  /** Throws `DiagnosticError` where the bytes are no message. */
  constructor(bytes: Uint8Array, where: string) {
    try {
      const decoded = EXAMPLE.decode(bytes) as { features?: { feature?: Record<string, Feature> } };
      this.#features = new Map(Object.entries(decoded.features?.feature ?? {}));
    } catch (error) {
      const what = `not a tf.train.Example: ${error instanceof Error ? error.message : String(error)}`;
      throw diagnosticError("TFRECORD_FILE", where, what, "give a TFRecord file of image examples");
    }
  }

  has(name: string): boolean {
    return this.#features.has(name);
  }

  get names(): readonly string[] {
    return [...this.#features.keys()];
  }

  /** The first bytes of a feature. */
  bytes(name: string): Uint8Array | undefined {
    return this.#features.get(name)?.bytesList?.value?.[0];
  }

  /** The first integer of a feature; beyond 2^53 rounded. */
  integer(name: string): number | undefined {
    const value = this.#features.get(name)?.int64List?.value?.[0];
    return value === undefined ? undefined : Number(value.toString());
  }
}
