/**
 * Lists of numbers in protobuf have two forms: packed, one field with all of them, or a field for each. Readers have to take
 * both, also mixed.
 */
import protobuf from "protobufjs";

const PACKED = 2;

/**
 * For each of the `fields` (name by number) of a message that has elements in fields of their own: the bytes of all its elements
 * as the packed form has them, in order. The bytes must be those of a message.
 */
export function scatteredElements(
  message: Uint8Array,
  fields: ReadonlyMap<number, string>,
): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, ElementBytes>();
  forEachElement(message, fields, (field, _bytes, isPacked) => {
    if (!isPacked && !found.has(field)) found.set(field, new ElementBytes());
  });
  if (found.size > 0) forEachElement(message, fields, (field, bytes) => found.get(field)?.append(bytes));
  return new Map([...found].map(([field, bytes]) => [field, bytes.joined()]));
}

function forEachElement(
  message: Uint8Array,
  fields: ReadonlyMap<number, string>,
  visit: (field: string, bytes: Uint8Array, isPacked: boolean) => void,
): void {
  const reader = protobuf.Reader.create(message);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = fields.get(tag >>> 3);
    const form = tag & 7;
    if (field !== undefined && form === PACKED) {
      visit(field, reader.bytes(), true);
      continue;
    }
    const start = reader.pos;
    reader.skipType(form, 0, tag >>> 3);
    if (field !== undefined) visit(field, message.subarray(start, reader.pos), false);
  }
}

/** Bytes that grow by doubling. */
class ElementBytes {
  #bytes: Uint8Array = new Uint8Array(64);
  #length = 0;

  append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  joined(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
