/** What a classifier answered for a set of images, from its last values (logits), images × classes. */
export interface Answers {
  /** Index of the largest value; the lowest index of equal ones (isa/README.md, ruling on ties). */
  readonly top1: Int32Array;
  /** Images whose largest value is shared by two classes or more. */
  readonly ties: number;
}

/** Values of any scale that keeps their order: floats, or raws of any word length. `logits` holds images × classes of them. */
export function classify(logits: ArrayLike<number | bigint>, images: number, classes: number): Answers {
  const top1 = new Int32Array(images);
  let ties = 0;
  for (let image = 0; image < images; image++) {
    let best = 0;
    let shared = false;
    for (let index = 1; index < classes; index++) {
      const value = logits[image * classes + index] ?? 0;
      const largest = logits[image * classes + best] ?? 0;
      if (value > largest) {
        best = index;
        shared = false;
      } else if (value === largest) shared = true;
    }
    top1[image] = best;
    if (shared) ties++;
  }
  return { top1, ties };
}

/** Whether each image's label is among the `k` largest values; equal values rank by lower index. */
export function withinTop(
  logits: ArrayLike<number | bigint>,
  labels: ArrayLike<number>,
  images: number,
  classes: number,
  k: number,
): boolean[] {
  return Array.from({ length: images }, (_, image) => {
    const label = labels[image] ?? -1;
    const own = logits[image * classes + label] ?? Number.NEGATIVE_INFINITY;
    let ahead = 0;
    for (let index = 0; index < classes; index++) {
      const value = logits[image * classes + index] ?? 0;
      if (value > own || (value === own && index < label)) ahead++;
    }
    return ahead < k;
  });
}
