import type { Observer, Quantization } from "./observer.ts";

/** Counts the multiplications of the array: each writes one product register. */
export class MultiplicationCounter implements Observer {
  count = 0;

  quantized({ site }: Quantization): void {
    if (site.register === "product") this.count++;
  }
}
