import { type InstructionDefinition, type InstructionHeader, unsigned } from "./definition.ts";

/** Moves a dense block of the output buffer to DRAM; word (y, x, c) goes (y·rowStride + x·columnStride + c) words after `dramAddress`. */
export interface Store extends InstructionHeader {
  readonly opcode: "store";
  /** Bit address in the output buffer. */
  readonly address: number;
  /** Bit address. */
  readonly dramAddress: number;
  /** W of the words, in the buffer and in DRAM. */
  readonly wordLength: number;
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

export const STORE: InstructionDefinition<"store"> = {
  name: "store",
  code: 0x11,
  unit: "store",
  action: "copy a dense block from the output buffer to a strided block in DRAM",
  cycles: "latency + ⌈Σ over contiguous runs of whole DRAM words, in bits / (8 · bytesPerCycle)⌉",
  fields: [
    unsigned("address", 32, "bit", "first word in the output buffer"),
    unsigned("dramAddress", 40, "bit", "first target word"),
    unsigned("wordLength", 7, "bits", "W of the words, 1 to 64", 1),
    unsigned("rows", 16, "rows", "rows of the block", 1),
    unsigned("columns", 16, "columns", "columns of the block", 1),
    unsigned("channels", 24, "words", "consecutive words of one position", 1),
    unsigned("rowStride", 32, "words", "DRAM distance of two rows"),
    unsigned("columnStride", 24, "words", "DRAM distance of two columns"),
  ],
};
