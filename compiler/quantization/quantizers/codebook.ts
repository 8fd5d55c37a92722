/** Quantizers that share a few values among many weights: clustering and hashing. */
import { tensorGenerator, Xorshift32 } from "../../../isa/numerics/random.ts";
import type { QuantizerDefinition } from "./quantizer.ts";

const LARGEST_CODEBOOK = 65_536;
/** Rounds of k-means after which it is taken as it stands. */
const ROUNDS = 300;

/**
 * k-means (Lloyd) on the values, from centroids that lie evenly between least and greatest (Han et al., Deep Compression, 2016,
 * 3.2: linear initialisation), so that nothing is drawn. A value halfway between two centroids belongs to the lower; a centroid
 * that no value belongs to stays where it is. Sorted and not doubled.
 */
export function codebook(values: Float32Array, clusters: number): Float64Array {
  const sorted = Float32Array.from(values).sort();
  const [least = 0, greatest = 0] = [sorted[0], sorted.at(-1)];
  const step = clusters === 1 ? 0 : (greatest - least) / (clusters - 1);
  const start = clusters === 1 ? (least + greatest) / 2 : least;
  let centroids = Float64Array.from({ length: clusters }, (_, index) => start + step * index);
  const sums = new Float64Array(sorted.length + 1);
  for (let index = 0; index < sorted.length; index++) sums[index + 1] = (sums[index] ?? 0) + (sorted[index] ?? 0);
  for (let round = 0; round < ROUNDS; round++) {
    const next = moved(sorted, sums, centroids);
    if (next.every((centroid, index) => centroid === centroids[index])) break;
    centroids = next;
  }
  return Float64Array.from(new Set(centroids)).sort();
}

/** Each centroid at the mean of the values that belong to it: a stretch of the sorted values. */
function moved(sorted: Float32Array, sums: Float64Array, centroids: Float64Array): Float64Array<ArrayBuffer> {
  let begin = 0;
  return centroids.map((centroid, index) => {
    const next = centroids[index + 1];
    let end = sorted.length;
    if (next !== undefined) {
      const limit = (centroid + next) / 2;
      for (end = begin; end < sorted.length && (sorted[end] ?? 0) <= limit; ) end++;
    }
    const mean = end === begin ? centroid : ((sums[end] ?? 0) - (sums[begin] ?? 0)) / (end - begin);
    begin = end;
    return mean;
  });
}

/** The nearest entry of a sorted codebook, the lower of two that are equally near. */
export function nearestEntry(entries: Float64Array, value: number): number {
  let [low, high] = [0, entries.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    const limit = ((entries[middle] ?? 0) + (entries[middle + 1] ?? 0)) / 2;
    if (value <= limit) high = middle;
    else low = middle + 1;
  }
  return entries[low] ?? 0;
}

export const kmeans: QuantizerDefinition = {
  description: "the nearest of n centroids of the tensor's own values",
  parameters: [{ name: "clusters", minimum: 1, maximum: LARGEST_CODEBOOK, integer: true }],
  roles: ["weight", "output"],
  create:
    ([clusters = 1]) =>
    (values) => {
      if (values.length === 0) return values;
      const entries = codebook(values, clusters);
      return values.map((value) => nearestEntry(entries, value));
    },
};

/**
 * HashedNets (Chen et al., 2015): weight i is ξ(i) · b[h(i)], with a bucket h and a sign ξ drawn from seed, layer and position.
 * After training the bucket that errs least is the mean of ξ(i) · w(i) over its weights.
 */
export const hash: QuantizerDefinition = {
  description: "weights share n buckets, by a hash of their position",
  parameters: [{ name: "buckets", minimum: 1, maximum: LARGEST_CODEBOOK, integer: true }],
  roles: ["weight"],
  create:
    ([buckets = 1]) =>
    (values, { seed, layer }) => {
      const random = new Xorshift32(tensorGenerator(seed, `${layer}/hash`).next());
      const bucketOf = new Uint32Array(values.length);
      const signOf = new Int8Array(values.length);
      const sums = new Float64Array(buckets);
      const counts = new Float64Array(buckets);
      for (let index = 0; index < values.length; index++) {
        const bucket = Math.floor((random.next() / 2 ** 32) * buckets);
        const sign = random.next() >= 2 ** 31 ? 1 : -1;
        bucketOf[index] = bucket;
        signOf[index] = sign;
        sums[bucket] = (sums[bucket] ?? 0) + sign * (values[index] ?? 0);
        counts[bucket] = (counts[bucket] ?? 0) + 1;
      }
      return values.map((_, index) => {
        const bucket = bucketOf[index] ?? 0;
        return ((signOf[index] ?? 1) * (sums[bucket] ?? 0)) / (counts[bucket] || 1);
      });
    },
};
