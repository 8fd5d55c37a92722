/** One file of images, or several that are one set: its kind is told by its first bytes, then by its name. */
import { readStart, readWholeFile, withFile } from "../files.ts";
import { arraySource } from "./array-source.ts";
import type { PictureSource } from "./dataset.ts";
import { openCifar10 } from "./formats/cifar10.ts";
import { readIdx } from "./formats/idx.ts";
import {
  isNpy,
  NPY_HEADER_LIMIT,
  type NpyType,
  npyElementBytes,
  npyElements,
  readNpy,
  readNpyHeader,
  requireNpySize,
} from "./formats/npy.ts";
import { isZip, NPZ_LIMIT, readNpz } from "./formats/npz.ts";
import { openPictureFile } from "./formats/picture-folder.ts";
import { isTfRecord, openTfRecords } from "./formats/tfrecord.ts";
import { labelArray } from "./labels.ts";
import { isPicture } from "./preprocessing/pictures.ts";

/** Bytes that tell the kind of a file. */
const START = 16;

/** Opens a file of any kind; what is nothing else must be IDX. `limit` as in `openTfRecords`. */
export async function openFile(path: string, limit: number): Promise<PictureSource> {
  const start = await readStart(path, START);
  if (isNpy(start)) return openNpy(path);
  if (isZip(start)) return openNpz(path);
  if (isTfRecord(start)) return openTfRecords(path, [path], limit);
  if (isPicture(start)) return openPictureFile(path);
  if (/\.bin$/i.test(path)) return openCifar10(path, [path]);
  return openIdx(path, path);
}

/** Elements per image. */
function sizeOf(shape: readonly number[]): number {
  return shape.slice(1).reduce((product, side) => product * side, 1);
}

export async function openIdx(name: string, path: string): Promise<PictureSource> {
  const { shape, data } = readIdx(await readWholeFile(path), path);
  const size = sizeOf(shape);
  const read = (first: number, count: number): Uint8Array => data.subarray(first * size, (first + count) * size);
  return arraySource({ name, shape, elements: "bytes", labels: null, read }, path);
}

/** In C order by ranges; in Fortran order, where an image lies all over the file, from memory. */
async function openNpy(path: string): Promise<PictureSource> {
  const header = await withFile(path, async (file) => {
    const start = await file.read(0, Math.min(file.size, NPY_HEADER_LIMIT));
    const found = readNpyHeader(start, path);
    requireNpySize(found, file.size, path);
    return found;
  });
  const { shape, type, dataOffset } = header;
  const size = sizeOf(shape);
  const array = { name: path, shape, elements: kindOf(type), labels: null } as const;
  if (header.fortranOrder) {
    const { data } = readNpy(await readWholeFile(path), path);
    const read = (first: number, count: number): Uint8Array | Float64Array =>
      data.subarray(first * size, (first + count) * size);
    return arraySource({ ...array, read }, path);
  }
  const bytes = size * npyElementBytes(type);
  const read = async (first: number, count: number): Promise<Uint8Array | Float64Array> =>
    npyElements(header, await withFile(path, (file) => file.read(dataOffset + first * bytes, count * bytes)));
  return arraySource({ ...array, read }, path);
}

async function openNpz(path: string): Promise<PictureSource> {
  const { images, labels: found } = readNpz(await readWholeFile(path, NPZ_LIMIT), path);
  const labels = found === null ? null : labelArray(found.header, found.data, `${path}: ${found.name}`);
  const { shape, type } = images.header;
  const size = sizeOf(shape);
  const read = (first: number, count: number): Uint8Array | Float64Array =>
    images.data.subarray(first * size, (first + count) * size);
  return arraySource({ name: path, shape, elements: kindOf(type), labels, read }, `${path}: ${images.name}`);
}

function kindOf(type: NpyType): PictureSource["elements"] {
  return type === "u1" ? "bytes" : "numbers";
}
