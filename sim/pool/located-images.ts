import { EVIDENCE_REGISTERS, type EvidenceRegister, type LayerEvidence } from "../evidence.ts";

/** The largest number stands for "none", so an image of this number or beyond is never noted. */
const NONE = 2 ** 31 - 1;

/**
 * For every layer and register of a run the lowest image of which some worker has located an overflow, in memory that the
 * run's workers share. Entry layer · registers + rank, ranks as in `EVIDENCE_REGISTERS`.
 *
 * What it makes a worker leave out changes no merged result: a batch leaves a first offender out only where one of an
 * earlier batch is known, and the earliest batch that overflows finds none such, however often and in whatever order
 * batches run. A batch that ran but whose answer was lost runs again before anything is merged.
 */
export type LocatedImages = Int32Array<SharedArrayBuffer>;

/** Of a run whose images before those of the pool have the evidence `earlier`. */
export function locatedImages(layers: number, earlier: readonly LayerEvidence[] = []): LocatedImages {
  const bytes = layers * EVIDENCE_REGISTERS.length * Int32Array.BYTES_PER_ELEMENT;
  const located = new Int32Array(new SharedArrayBuffer(bytes)).fill(NONE);
  noteLocated(located, earlier);
  return located;
}

/** Notes the first offenders of completed images. */
export function noteLocated(located: LocatedImages, evidence: readonly LayerEvidence[]): void {
  for (const [layer, registers] of evidence.entries()) {
    for (const [rank, register] of EVIDENCE_REGISTERS.entries()) {
      const image = registers[register]?.first?.image;
      if (image !== undefined) lower(located, layer * EVIDENCE_REGISTERS.length + rank, image);
    }
  }
}

/** By layer, the registers with an overflow located in an image before `image`. */
export function locatedBefore(located: LocatedImages, image: number): readonly ReadonlySet<EvidenceRegister>[] {
  const layers = located.length / EVIDENCE_REGISTERS.length;
  return Array.from({ length: layers }, (_, layer) => {
    const first = layer * EVIDENCE_REGISTERS.length;
    return new Set(EVIDENCE_REGISTERS.filter((_, rank) => Atomics.load(located, first + rank) < image));
  });
}

/** Lowers an entry to `image`, unless another thread has lowered it further. */
function lower(located: LocatedImages, index: number, image: number): void {
  for (let known = Atomics.load(located, index); image < known; ) {
    const found = Atomics.compareExchange(located, index, known, image);
    if (found === known) return;
    known = found;
  }
}
