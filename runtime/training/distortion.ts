/**
 * Augmentation: every training image is seen slightly rotated, scaled, slanted and shifted, differently each time.
 * The result is rounded to whole grey levels, so that training sees the same input grid as inference.
 */
import { IMAGE_PIXELS, IMAGE_SIDE } from "./mnist-split.ts";
import type { SeededRandom } from "./random.ts";

/** Half-widths of the uniform distributions; shift in pixels, angle in radians, scale and slant as ratios. */
export interface DistortionRange {
  readonly shift: number;
  readonly angle: number;
  readonly scale: number;
  readonly slant: number;
}

export const DISTORTION: DistortionRange = { shift: 1.5, angle: 0.15, scale: 0.08, slant: 0.1 };

/**
 * Writes a distorted copy of one 28×28 image into `target`, grey levels 0 to 255. Pixels from outside are background.
 * Six random numbers are drawn, whatever the range.
 */
export function distort(source: Uint8Array, target: Uint8Array, range: DistortionRange, random: SeededRandom): void {
  const angle = random.between(-range.angle, range.angle);
  const scaleY = 1 + random.between(-range.scale, range.scale);
  const scaleX = 1 + random.between(-range.scale, range.scale);
  const slant = random.between(-range.slant, range.slant);
  const shiftY = random.between(-range.shift, range.shift);
  const shiftX = random.between(-range.shift, range.shift);
  const cosine = Math.cos(angle);
  const sine = Math.sin(angle);
  const centre = (IMAGE_SIDE - 1) / 2;
  for (let y = 0; y < IMAGE_SIDE; y++) {
    for (let x = 0; x < IMAGE_SIDE; x++) {
      const fromY = y - centre - shiftY;
      const fromX = x - centre - shiftX;
      const sourceY = centre + scaleY * (cosine * fromY - sine * fromX);
      const sourceX = centre + scaleX * (sine * fromY + cosine * fromX) + slant * fromY;
      target[y * IMAGE_SIDE + x] = Math.round(bilinear(source, sourceY, sourceX));
    }
  }
}

/** Distorted copies of the images that `indices` names, one after the other. */
export function distortedBatch(
  images: Uint8Array,
  indices: Uint32Array,
  range: DistortionRange,
  random: SeededRandom,
): Uint8Array {
  const batch = new Uint8Array(indices.length * IMAGE_PIXELS);
  for (const [position, index] of indices.entries()) {
    const source = images.subarray(index * IMAGE_PIXELS, (index + 1) * IMAGE_PIXELS);
    distort(source, batch.subarray(position * IMAGE_PIXELS, (position + 1) * IMAGE_PIXELS), range, random);
  }
  return batch;
}

function bilinear(source: Uint8Array, y: number, x: number): number {
  const top = Math.floor(y);
  const left = Math.floor(x);
  const down = y - top;
  const right = x - left;
  const upper = (1 - right) * pixel(source, top, left) + right * pixel(source, top, left + 1);
  const lower = (1 - right) * pixel(source, top + 1, left) + right * pixel(source, top + 1, left + 1);
  return (1 - down) * upper + down * lower;
}

function pixel(source: Uint8Array, y: number, x: number): number {
  const inside = y >= 0 && y < IMAGE_SIDE && x >= 0 && x < IMAGE_SIDE;
  return inside ? (source[y * IMAGE_SIDE + x] as number) : 0;
}
