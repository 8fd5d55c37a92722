import { type InstructionDefinition, type InstructionHeader, named, unsigned } from "./definition.ts";

export const LOAD_TARGETS = ["inputScratchpad", "weightScratchpad"] as const;
export type LoadTarget = (typeof LOAD_TARGETS)[number];

/**
 * Moves a block rows × columns × channels from DRAM to a scratchpad. Source word (y, x, c) lies (y·rowStride +
 * x·columnStride + c) words of the `source` register's W after `dramAddress`. The block is surrounded by zero words
 * (pad…) and written densely, row-major, from `address`, each word quantized from `source` into the `input` register's
 * format in that order (zero words are not quantized).
 */
export interface Load extends InstructionHeader {
  readonly opcode: "load";
  readonly target: LoadTarget;
  /** Bit address. */
  readonly dramAddress: number;
  /** Bit address. */
  readonly address: number;
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  readonly rowStride: number;
  readonly columnStride: number;
  readonly padTop: number;
  readonly padBottom: number;
  readonly padLeft: number;
  readonly padRight: number;
}

export const LOAD: InstructionDefinition<"load"> = {
  name: "load",
  code: 0x10,
  unit: "load",
  action: "copy a strided block from DRAM to a scratchpad, zero-padded, quantizing from source to input format",
  cycles: "latency + ⌈Σ over contiguous runs of whole DRAM words, in bits / (8 · bytesPerCycle)⌉",
  fields: [
    named("target", 1, LOAD_TARGETS, "which scratchpad"),
    unsigned("dramAddress", 40, "bit", "first source word"),
    unsigned("address", 32, "bit", "first scratchpad word, padding included"),
    unsigned("rows", 16, "rows", "source rows", 1),
    unsigned("columns", 16, "columns", "source columns", 1),
    unsigned("channels", 24, "words", "consecutive words of one position", 1),
    unsigned("rowStride", 32, "words", "DRAM distance of two rows"),
    unsigned("columnStride", 24, "words", "DRAM distance of two columns"),
    unsigned("padTop", 8, "rows", "zero rows above"),
    unsigned("padBottom", 8, "rows", "zero rows below"),
    unsigned("padLeft", 8, "columns", "zero columns before"),
    unsigned("padRight", 8, "columns", "zero columns after"),
  ],
};
