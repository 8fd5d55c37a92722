import { type InstructionDefinition, type InstructionHeader, unsigned } from "./definition.ts";

/** Input addresses of the outputs of one filter: pixel e = row·columnCount + column starts at row·rowStride + column·columnStride words. */
export interface ConfigurePixels extends InstructionHeader {
  readonly opcode: "configure.pixels";
  readonly rowCount: number;
  readonly columnCount: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

export const CONFIGURE_PIXELS: InstructionDefinition<"configure.pixels"> = {
  name: "configure.pixels",
  code: 0x04,
  unit: "compute",
  action: "set the output rows and columns of a matrix tile and the input distance between neighbours",
  cycles: "1",
  fields: [
    unsigned("rowCount", 16, "pixels", "output rows of the tile", 1),
    unsigned("columnCount", 16, "pixels", "output columns of the tile", 1),
    unsigned("rowStride", 32, "words", "input distance of two output rows"),
    unsigned("columnStride", 32, "words", "input distance of two output columns"),
  ],
};
