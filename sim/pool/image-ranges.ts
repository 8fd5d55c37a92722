/** Consecutive images that one task runs. */
export interface ImageRange {
  readonly first: number;
  readonly images: number;
  /** Statistics are collected and intermediate tensors returned. */
  readonly observed: boolean;
}

/** Tasks of at most `batch` images, in image order. The first `observedImages` stand in tasks of their own, in front. */
export function splitImages(count: number, observedImages: number, batch: number): readonly ImageRange[] {
  const ranges: ImageRange[] = [];
  for (let first = 0; first < count; ) {
    const observed = first < observedImages;
    // Observing is slow: one image a task keeps all workers busy.
    const images = observed ? 1 : Math.min(batch, count - first);
    ranges.push({ first, images, observed });
    first += images;
  }
  return ranges;
}
