/** Labels from elsewhere, or moved, for a source of any kind. */
import { diagnosticError } from "../../isa/diagnostic.ts";
import { requireLabelCount } from "./array-source.ts";
import type { PictureSource, StoredPictures } from "./dataset.ts";
import { readLabels } from "./labels.ts";

/** The source with the labels of a file, one per image in their order, instead of its own. */
export async function withLabelFile(
  source: PictureSource,
  path: string,
  names: readonly string[] | null,
): Promise<PictureSource> {
  const { files, labels } = await readLabels(path, names);
  if (files !== null) {
    throw diagnosticError(
      "LABELS",
      path,
      "names files, but the images come from one file",
      "give labels alone, in the order of the images",
    );
  }
  requireLabelCount(path, labels.length, source.count);
  return {
    ...source,
    labelled: true,
    read: async (first, count) => ({
      ...(await source.read(first, count)),
      labels: labels.slice(first, first + count),
    }),
  };
}

/** The source with `offset` added to every label. */
export function withLabelOffset(source: PictureSource, offset: number): PictureSource {
  if (offset === 0) return source;
  return {
    ...source,
    async read(first, count): Promise<StoredPictures> {
      const read = await source.read(first, count);
      const labels = read.labels?.map((label) => label + offset) ?? null;
      const negative = labels?.find((label) => label < 0);
      if (negative === undefined) return { ...read, labels };
      throw diagnosticError(
        "LABELS",
        "labelOffset",
        `label ${negative - offset} becomes ${negative}`,
        "choose an offset that leaves classes from 0",
      );
    },
  };
}
