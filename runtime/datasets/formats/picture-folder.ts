/** Folders of JPEG and PNG files, decoded by ranges. */
import { basename, dirname, join, resolve } from "node:path";
import { type DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import { isFolder, listFolder, pathInside, readWholeFile } from "../../files.ts";
import { requireLabelCount } from "../array-source.ts";
import type { Picture, PictureSource } from "../dataset.ts";
import { type GivenLabels, type LabelTable, readLabels } from "../labels.ts";
import { decodePicture, PICTURE_FILE_LIMIT, PICTURE_NAME, pictureShape } from "../preprocessing/pictures.ts";

/** Label files that are taken without being named, the likely ones first. */
export const LABEL_TABLES = ["labels.csv", "labels.txt", "val.txt"] as const;

/** Folders beside a label file, in which the pictures it names may lie. */
const PICTURE_FOLDERS = ["", "images", "val"] as const;

/** A set of picture files with their labels. */
interface PictureFiles {
  readonly paths: readonly string[];
  readonly labels: Int32Array | null;
}

/**
 * Pictures of a folder or of its folder `images`, in the order of the label file if it names them, else in the order of
 * their names. A label file is the one given, or `labels.csv` in the folder or beside it. Null where there are no pictures;
 * `alone`: no other data lie in the folder.
 */
export async function openPictureFolder(
  folder: string,
  given: GivenLabels,
  alone: boolean,
): Promise<PictureSource | null> {
  const inside = await findPictures(folder);
  // A table that was given may name pictures of any folder below its own, where nothing else lies there.
  const found = inside ?? (given.path === null || !alone ? null : { folder, paths: [] });
  if (found === null) return null;
  const path = given.path ?? (await findLabelTable(folder, found.folder));
  const files = path === null ? { paths: found.paths, labels: null } : await labelledFiles(found, path, given.names);
  return pictureSource(folder, files);
}

/** Most folders that are taken for classes. */
const MOST_CLASSES = 100_000;

/**
 * A folder of pictures for each class, as torchvision's ImageFolder and Keras's image_dataset_from_directory take them: class
 * numbers follow the sorted names, or the list of names. Pictures come class by class in turn, so that the first of them are
 * of all classes. Null where no folder holds pictures.
 */
export async function openClassFolders(folder: string, names: readonly string[] | null): Promise<PictureSource | null> {
  const classes: { readonly name: string; readonly paths: readonly string[] }[] = [];
  for (const name of (await listFolder(folder)).slice(0, MOST_CLASSES).toSorted(byCodePoints)) {
    const place = join(folder, name);
    if (!(await isFolder(place))) continue;
    const pictures = (await listFolder(place)).filter((file) => PICTURE_NAME.test(file));
    if (pictures.length > 0)
      classes.push({ name, paths: pictures.toSorted(byCodePoints).map((file) => join(place, file)) });
  }
  if (classes.length === 0) return null;
  const classNames = names ?? classes.map(({ name }) => name);
  const unknown = classes.find(({ name }) => !classNames.includes(name));
  if (unknown !== undefined) {
    const what = `the folder ${unknown.name} is no class of the list of names`;
    throw diagnosticError(
      "LABELS",
      folder,
      what,
      "complete the list, or leave it out: classes are numbered by their sorted names then",
    );
  }
  const most = Math.max(...classes.map(({ paths }) => paths.length));
  const inTurn = Array.from({ length: most }, (_, round) =>
    classes.flatMap(({ name, paths }) => {
      const path = paths[round];
      return path === undefined ? [] : [{ path, label: classNames.indexOf(name) }];
    }),
  ).flat();
  const source = await pictureSource(folder, {
    paths: inTurn.map(({ path }) => path),
    labels: Int32Array.from(inTurn, ({ label }) => label),
  });
  return { ...source, classNames };
}

/** As Python sorts strings: UTF-8 keeps the order of code points. */
function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** One picture file as a data set of one image. */
export function openPictureFile(path: string): Promise<PictureSource> {
  return pictureSource(path, { paths: [path], labels: null });
}

interface FoundPictures {
  readonly folder: string;
  readonly paths: readonly string[];
}

async function findPictures(folder: string): Promise<FoundPictures | null> {
  for (const inner of PICTURE_FOLDERS) {
    const place = join(folder, inner);
    if (!(await isFolder(place))) continue;
    const names = (await listFolder(place)).filter((name) => PICTURE_NAME.test(name));
    if (names.length > 0) return { folder: place, paths: names.map((name) => join(place, name)) };
  }
  return null;
}

async function findLabelTable(folder: string, pictures: string): Promise<string | null> {
  const parent = PICTURE_FOLDERS.some((inner) => inner === basename(resolve(folder))) ? [dirname(resolve(folder))] : [];
  for (const place of new Set([folder, pictures, ...parent])) {
    const names = await listFolder(place);
    const name = LABEL_TABLES.find((candidate) => names.includes(candidate));
    if (name !== undefined) return join(place, name);
  }
  return null;
}

async function labelledFiles(
  { folder, paths }: FoundPictures,
  labelPath: string,
  names: readonly string[] | null,
): Promise<PictureFiles> {
  const { files, labels }: LabelTable = await readLabels(labelPath, names);
  if (files === null) {
    requireLabelCount(labelPath, labels.length, paths.length);
    return { paths, labels };
  }
  const present = new Set(paths);
  const named = files.map((file) => {
    const inFolder = join(folder, file);
    return present.has(inFolder) ? inFolder : pathInside(dirname(labelPath), file, labelPath);
  });
  return { paths: named, labels };
}

async function pictureSource(name: string, { paths, labels }: PictureFiles): Promise<PictureSource> {
  const [firstPath] = paths;
  if (firstPath === undefined) throw noPictures(name);
  const shape = await pictureShape(await readWholeFile(firstPath, PICTURE_FILE_LIMIT), firstPath);
  return {
    name,
    count: paths.length,
    labelled: labels !== null,
    shape,
    elements: "bytes",
    async read(first, count) {
      const places = paths.slice(first, first + count);
      return {
        pictures: await decodeAll(places),
        labels: labels === null ? null : labels.slice(first, first + count),
        places,
      };
    },
  };
}

/** Pictures that are read and decoded at the same time. */
const SIDE_BY_SIDE = 4;

async function decodeAll(paths: readonly string[]): Promise<Picture[]> {
  const pictures: Picture[] = [];
  for (let start = 0; start < paths.length; start += SIDE_BY_SIDE) {
    pictures.push(
      ...(await Promise.all(
        paths
          .slice(start, start + SIDE_BY_SIDE)
          .map(async (path) => decodePicture(await readWholeFile(path, PICTURE_FILE_LIMIT), path)),
      )),
    );
  }
  return pictures;
}

function noPictures(where: string): DiagnosticError {
  return diagnosticError("DATA", where, "no pictures", "give a folder of JPEG or PNG files");
}
