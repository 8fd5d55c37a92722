/** Programs that were put together instruction by instruction get the datapaths that their layers' instructions set. */

import { INSTRUCTIONS } from "../../isa/instructions/table.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { DatapathRegister } from "../../isa/program/datapath.ts";
import type { LayerSymbol, Program } from "../../isa/program/program.ts";
import { computedWith } from "../../sim/check/layer-datapaths.ts";
import { walkConfiguration } from "../../sim/configuration.ts";

export function withTrueDatapaths(program: Program): Program {
  if (!program.instructions.every(({ opcode }) => opcode in INSTRUCTIONS)) return program;
  const walk = walkConfiguration(program);
  if ("fault" in walk) return program;
  const layers = program.layers.map((layer): LayerSymbol => {
    const found: { -readonly [Register in DatapathRegister]?: RegisterSpec } = {};
    for (const configured of walk.configured.slice(layer.firstInstruction, layer.endInstruction)) {
      for (const [register, spec] of Object.entries(computedWith(configured))) {
        if (spec !== null) found[register as DatapathRegister] = spec;
      }
    }
    return { ...layer, datapath: { ...layer.datapath, ...found } };
  });
  return { ...program, layers };
}
