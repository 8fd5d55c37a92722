/** A folder as a data set: the one kind of image files that lies in it, with the labels that lie beside. */
import { join } from "node:path";
import { diagnosticError } from "../../isa/diagnostic.ts";
import { listFolder } from "../files.ts";
import type { PictureSource } from "./dataset.ts";
import { openCifar10 } from "./formats/cifar10.ts";
import { LABEL_TABLES, openClassFolders, openPictureFolder } from "./formats/picture-folder.ts";
import { openTfRecords } from "./formats/tfrecord.ts";
import { withLabelFile } from "./labelled-source.ts";
import type { GivenLabels } from "./labels.ts";
import { openFile } from "./open-file.ts";

interface FolderKind {
  /** What the files hold, for messages. */
  readonly what: string;
  /** Names of one set of images. Of several patterns the first that any file matches: test data before training data. */
  readonly images: readonly RegExp[];
  /** Names that are labels although they match `images`, and are taken as labels. */
  readonly labels: RegExp | null;
  /** Several files may be one set. */
  readonly open: ((paths: readonly string[], limit: number) => Promise<PictureSource>) | null;
}

const NPY_LABELS = /^(y|.*labels?)([_.-].*)?\.npy$/i;

const KINDS: readonly FolderKind[] = [
  { what: "IDX images", images: [/images.*idx.*|idx3/], labels: /labels.*idx.*|idx1/, open: null },
  { what: "NPY arrays", images: [/\.npy$/i], labels: NPY_LABELS, open: null },
  { what: "NPZ archives", images: [/\.npz$/i], labels: null, open: null },
  {
    what: "CIFAR-10 batches",
    images: [/^test(_batch)?\.bin$/, /^data_batch_\d+\.bin$/],
    labels: null,
    open: (paths) => openCifar10(setName(paths), paths),
  },
  {
    what: "TFRecord files",
    images: [
      /^(test|val|validation)\S*(\.tfrecords?|-\d{5}-of-\d{5})$/,
      /\.tfrecords?(-\d{5}-of-\d{5})?$|^train-\d{5}-of-\d{5}$/,
    ],
    labels: null,
    open: (paths, limit) => openTfRecords(setName(paths), paths, limit),
  },
];

/** Without a file of labels the folder's own are taken. */
export async function openFolder(folder: string, labels: GivenLabels, limit: number): Promise<PictureSource> {
  const names = await listFolder(folder);
  const kinds = KINDS.flatMap((kind) => {
    const found = setOf(kind, names);
    return found.length === 0 ? [] : [{ kind, found }];
  });
  const pictures = await openPictureFolder(folder, labels, kinds.length === 0);
  const [first, second] = kinds;
  if (first !== undefined && (second !== undefined || pictures !== null)) {
    throw severalKinds(folder, [...kinds.map(({ kind }) => kind.what), ...(pictures === null ? [] : ["pictures"])]);
  }
  if (pictures !== null) return pictures;
  if (first === undefined) {
    const classes = await openClassFolders(folder, labels.names);
    if (classes === null) throw nothingThere(folder);
    return classes;
  }
  const source = await openKind(first.kind, first.found, folder, limit);
  const labelPath = labels.path ?? ownLabels(first.kind, names, folder);
  return labelPath === null ? source : withLabelFile(source, labelPath, labels.names);
}

function setOf({ images, labels }: FolderKind, names: readonly string[]): readonly string[] {
  const matching = (pattern: RegExp): string[] =>
    names.filter((name) => pattern.test(name) && labels?.test(name) !== true);
  return images.map(matching).find((found) => found.length > 0) ?? [];
}

async function openKind(
  kind: FolderKind,
  found: readonly string[],
  folder: string,
  limit: number,
): Promise<PictureSource> {
  const paths = found.map((name) => join(folder, name));
  if (kind.open !== null) return kind.open(paths, limit);
  return { ...(await openFile(only(paths, folder, "images"), limit)), name: folder };
}

/** Labels of the kind's own form, else a table. */
function ownLabels({ labels }: FolderKind, names: readonly string[], folder: string): string | null {
  const own = labels === null ? [] : names.filter((name) => labels.test(name));
  if (own.length > 0)
    return only(
      own.map((name) => join(folder, name)),
      folder,
      "labels",
    );
  const table = LABEL_TABLES.find((name) => names.includes(name));
  return table === undefined ? null : join(folder, table);
}

function only(paths: readonly string[], folder: string, what: string): string {
  const [path, ...others] = paths;
  if (path !== undefined && others.length === 0) return path;
  throw diagnosticError(
    "DATA",
    folder,
    `several files of ${what}: ${paths.slice(0, 8).join(", ")}`,
    "name one file instead",
  );
}

/** What a set of one or more files is called. */
function setName(paths: readonly string[]): string {
  const [first = ""] = paths;
  return paths.length === 1 ? first : `${first} and ${paths.length - 1} more`;
}

function severalKinds(folder: string, kinds: readonly string[]): Error {
  return diagnosticError("DATA", folder, `several kinds of images: ${kinds.join(", ")}`, "name one file instead");
}

function nothingThere(folder: string): Error {
  return diagnosticError(
    "DATA",
    folder,
    "no IDX file, no other file of images and no pictures in this folder",
    "expected IDX, NPY, NPZ, CIFAR-10 or TFRecord files by their usual names, JPEG or PNG pictures, or a folder of pictures for each class",
  );
}
