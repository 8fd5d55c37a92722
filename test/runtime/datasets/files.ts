/** Data-set files as other programs write them, built byte by byte, independent of the readers. */

/** An NPY file, version 1. `data` holds the elements as stored. */
export function npyFile(descr: string, shape: readonly number[], data: Uint8Array, fortranOrder = false): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${descr}', 'fortran_order': ${fortranOrder ? "True" : "False"}, 'shape': ${tuple}, }`;
  const header = `${text.padEnd(64 * Math.ceil((text.length + 11) / 64) - 11)}\n`;
  const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 255, header.length >> 8]);
  return new Uint8Array(Buffer.concat([start, Buffer.from(header, "latin1"), data]));
}

/** Bytes of numbers in one of NumPy's types. */
export function npyBytes(descr: string, values: readonly number[]): Uint8Array {
  const little = !descr.startsWith(">");
  const size = Number(descr.slice(2));
  const view = new DataView(new ArrayBuffer(values.length * size));
  const write: Record<string, (offset: number, value: number) => void> = {
    b1: (offset, value) => view.setUint8(offset, value),
    u1: (offset, value) => view.setUint8(offset, value),
    i1: (offset, value) => view.setInt8(offset, value),
    u2: (offset, value) => view.setUint16(offset, value, little),
    i2: (offset, value) => view.setInt16(offset, value, little),
    u4: (offset, value) => view.setUint32(offset, value, little),
    i4: (offset, value) => view.setInt32(offset, value, little),
    u8: (offset, value) => view.setBigUint64(offset, BigInt(value), little),
    i8: (offset, value) => view.setBigInt64(offset, BigInt(value), little),
    f4: (offset, value) => view.setFloat32(offset, value, little),
    f8: (offset, value) => view.setFloat64(offset, value, little),
  };
  const one = write[descr.slice(1)];
  if (one === undefined) throw new Error(descr);
  values.forEach((value, index) => {
    one(index * size, value);
  });
  return new Uint8Array(view.buffer);
}

/** CRC-32C bit by bit, straight from its polynomial. */
export function crc32cBitwise(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  return Number(crc ^ 0xffffffffn);
}

function masked(bytes: Uint8Array): Buffer {
  const crc = BigInt(crc32cBitwise(bytes));
  const rotated = ((crc >> 15n) | (crc << 17n)) & 0xffffffffn;
  const out = Buffer.alloc(4);
  out.writeUInt32LE(Number((rotated + 0xa282ead8n) & 0xffffffffn));
  return out;
}

/** Records framed as in a TFRecord file. */
export function tfRecordFile(records: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      records.flatMap((record) => {
        const length = Buffer.alloc(8);
        length.writeBigUInt64LE(BigInt(record.length));
        return [length, masked(length), Buffer.from(record), masked(record)];
      }),
    ),
  );
}

/** Field with a length in front: wire type 2. */
function field(number: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(body.length), body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}

/** A `tf.train.Example` of bytes, texts and integers. */
export function tfExample(features: Readonly<Record<string, Uint8Array | string | number>>): Uint8Array {
  const entries = Object.entries(features).map(([name, value]) => {
    const feature =
      typeof value === "number"
        ? field(3, field(1, varint(value)))
        : field(1, field(1, typeof value === "string" ? Buffer.from(value) : value));
    return field(1, field(1, Buffer.from(name)), field(2, feature));
  });
  return new Uint8Array(field(1, ...entries));
}

/** A record of CIFAR-10: label and 3,072 bytes, red, green, blue plane. */
export function cifarRecord(
  label: number,
  pixel: (row: number, column: number, channel: number) => number,
): Uint8Array {
  const record = new Uint8Array(3073);
  record[0] = label;
  for (let channel = 0; channel < 3; channel++) {
    for (let row = 0; row < 32; row++) {
      for (let column = 0; column < 32; column++) {
        record[1 + 1024 * channel + 32 * row + column] = pixel(row, column, channel);
      }
    }
  }
  return record;
}
