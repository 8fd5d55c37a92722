/**
 * The error function to float64's precision: its power series near 0, beyond 2.5 the continued fraction of its complement
 * (Abramowitz and Stegun, 7.1.5 and 7.1.14).
 */
export function erf(value: number): number {
  const x = Math.abs(value);
  if (Number.isNaN(x)) return x;
  if (x > 6) return Math.sign(value);
  const scale = (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x);
  if (x < 2.5) {
    // erf x = 2/√π · e^(−x²) · Σ 2^n x^(2n+1) / (1·3·…·(2n+1)): all terms positive.
    let term = x;
    let sum = x;
    for (let n = 1; term > sum * 1e-17 && n < 200; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return Math.sign(value) * scale * sum;
  }
  let fraction = x;
  for (let n = 60; n >= 1; n--) fraction = x + n / 2 / fraction;
  return Math.sign(value) * (1 - scale / (2 * fraction));
}
