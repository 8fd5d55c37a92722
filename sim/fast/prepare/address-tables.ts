import type { ConfigurePixels } from "../../../isa/instructions/configure-pixels.ts";
import type { ConfigureReduction } from "../../../isa/instructions/configure-reduction.ts";

/**
 * Address generators as tables: input word (e, k) of a matrix instruction lies pixels[e] + steps[k] words after its
 * input address. Instructions with equal counters share a table.
 */
export class AddressTables {
  private readonly tables = new Map<string, Int32Array>();

  pixels({ rowCount, columnCount, rowStride, columnStride }: ConfigurePixels): Int32Array {
    return this.table(`pixels ${rowCount} ${columnCount} ${rowStride} ${columnStride}`, () =>
      Int32Array.from({ length: rowCount * columnCount }, (_, pixel) => {
        return Math.floor(pixel / columnCount) * rowStride + (pixel % columnCount) * columnStride;
      }),
    );
  }

  /** Steps start … start + length − 1. */
  steps(counters: ConfigureReduction, start: number, length: number): Int32Array {
    const { middleCount, innerCount, outerStride, middleStride, innerStride } = counters;
    const key = `steps ${middleCount} ${innerCount} ${outerStride} ${middleStride} ${innerStride} ${start} ${length}`;
    return this.table(key, () =>
      Int32Array.from({ length }, (_, index) => {
        const step = start + index;
        const inner = step % innerCount;
        const middle = Math.floor(step / innerCount) % middleCount;
        const outer = Math.floor(step / (innerCount * middleCount));
        return outer * outerStride + middle * middleStride + inner * innerStride;
      }),
    );
  }

  private table(key: string, build: () => Int32Array): Int32Array {
    const known = this.tables.get(key);
    if (known !== undefined) return known;
    const table = build();
    this.tables.set(key, table);
    return table;
  }
}
