/**
 * The random numbers of training: one seeded generator, so that a run repeats exactly.
 * (The stochastic rounding of the accelerator has its own generator, which RTL can hold: isa/numerics/random.ts.)
 */
export interface SeededRandom {
  /** Uniform in [0, 1), a multiple of 2^−32. */
  uniform(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** 0 … count−1 in random order (Fisher–Yates). */
  permutation(count: number): Uint32Array;
}

/** The generator sfc32 (C. Doty-Humphrey, PractRand), seeded by a 32-bit integer. */
export function seededRandom(seed: number): SeededRandom {
  let a = 0x9e3779b9 | 0;
  let b = 0x243f6a88 | 0;
  let c = seed | 0;
  let counter = 1;
  const word = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  // The first outputs still show the seed; sfc32's author discards twelve.
  for (let i = 0; i < 12; i++) word();
  const uniform = (): number => word() / 2 ** 32;
  return {
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    permutation: (count) => {
      const order = Uint32Array.from({ length: count }, (_, index) => index);
      for (let last = count - 1; last > 0; last--) {
        const chosen = Math.floor(uniform() * (last + 1));
        const moved = order[last] as number;
        order[last] = order[chosen] as number;
        order[chosen] = moved;
      }
      return order;
    },
  };
}
