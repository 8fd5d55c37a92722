/** What help texts say of formats. */
import type { Command } from "commander";

const FORMATS = `
Formats: W,F is a word of W bits, the last F of them behind the binary point.
  value = raw × 2^-F; the integer bits of ap_fixed's (W,I) are I = W - F.
  8,5     signed, -4 to 3.96875 in steps of 1/32    ap_fixed<8,3>   sfix8_En5
  u8,5    unsigned, 0 to 7.96875                    ap_ufixed<8,3>  ufix8_En5
  8,-2    signed, -512 to 508 in steps of 4         ap_fixed<8,10>  sfix8_E2
  Such types of other tools are taken too (also sc_fixed, ac_fixed, hls4ml's
  fixed, VHDL's sfixed). A C++ type brings its modes: TRN and WRAP unless named.`;

const ASSIGNMENT = `  W,auto takes F from the values that occur.

Formats per layer and register for --assign, in YAML:
  default: { datapath: wide, format: "16,8", rounding: nearest }
  layers: { conv1: { weight: "8,6" }, "fc*": { output: { format: "12,6", overflow: wrap } } }`;

/** How single formats are written. */
export function addFormatHelp(command: Command): Command {
  return command.addHelpText("after", FORMATS);
}

/** The same, and how they are given to layers. */
export function addAssignmentHelp(command: Command): Command {
  return command.addHelpText("after", `${FORMATS}\n${ASSIGNMENT}`);
}
