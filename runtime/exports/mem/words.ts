import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import { type Raws, rawAt } from "../../../isa/numerics/raws.ts";

/** Words for `$readmemh`: W bits in two's complement, ⌈W / 4⌉ hexadecimal digits with leading zeros, one word a line, nothing else. */
export function hexWords(raws: Raws, format: FixedPointFormat): string {
  const { wordLength } = format;
  const digits = Math.ceil(wordLength / 4);
  const lines = new Array<string>(raws.length);
  if (raws instanceof Int32Array && wordLength < 32) {
    const mask = 2 ** wordLength - 1;
    raws.forEach((raw, index) => {
      lines[index] = (raw & mask).toString(16).padStart(digits, "0");
    });
  } else {
    for (let index = 0; index < raws.length; index++) {
      lines[index] = BigInt.asUintN(wordLength, rawAt(raws, index, format))
        .toString(16)
        .padStart(digits, "0");
    }
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}
