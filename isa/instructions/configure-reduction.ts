import { type InstructionDefinition, type InstructionHeader, unsigned } from "./definition.ts";

/**
 * Input addresses along one sum. k counts 0 … outerCount·middleCount·innerCount − 1, innermost fastest; its input word
 * lies outer·outerStride + middle·middleStride + inner·innerStride words from the pixel's own address. A convolution
 * has kernel row, kernel column, input channel; a dense layer after an NCHW flatten has channel, row, column.
 */
export interface ConfigureReduction extends InstructionHeader {
  readonly opcode: "configure.reduction";
  readonly outerCount: number;
  readonly middleCount: number;
  readonly innerCount: number;
  readonly outerStride: number;
  readonly middleStride: number;
  readonly innerStride: number;
}

export const CONFIGURE_REDUCTION: InstructionDefinition<"configure.reduction"> = {
  name: "configure.reduction",
  code: 0x03,
  unit: "compute",
  action: "set the counters and strides that turn the step k of a sum into an input address",
  cycles: "1",
  fields: [
    unsigned("outerCount", 24, "steps", "count of the outermost counter", 1),
    unsigned("middleCount", 24, "steps", "count of the middle counter", 1),
    unsigned("innerCount", 24, "steps", "count of the innermost counter", 1),
    unsigned("outerStride", 32, "words", "distance of two outer steps"),
    unsigned("middleStride", 32, "words", "distance of two middle steps"),
    unsigned("innerStride", 32, "words", "distance of two inner steps"),
  ],
};
