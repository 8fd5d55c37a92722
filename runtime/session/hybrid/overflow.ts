import { DATAPATH_REGISTERS } from "../../../isa/program/datapath.ts";
import type { LayerEvidence } from "../../../sim/evidence.ts";
import type { RegisterOverflow } from "../../results/evaluation.ts";
import { inputLayer } from "../host-input.ts";
import type { HybridNetwork } from "./network.ts";

/**
 * Overflows of the registers of a network in parts, in the network's order. Words that did not fit when a value came from
 * float belong to the input register of the layer that reads it first.
 */
export function overflowsInParts({ plan, programs, extrinsic }: HybridNetwork): readonly RegisterOverflow[] {
  const found = new Map<string, readonly RegisterOverflow[]>();
  for (const { step, evidence, inputOverflow } of programs) {
    const { program, layers, entry, exit } = step;
    const reader = entry === null ? exit : inputLayer(program).name;
    for (const [index, { name }] of program.layers.entries()) {
      if (!layers.includes(name)) continue;
      found.set(
        name,
        DATAPATH_REGISTERS.map((register): RegisterOverflow => {
          const running = evidence[index]?.[register as keyof LayerEvidence]?.overflow ?? 0;
          const onHost = register === "input" && name === reader ? inputOverflow : 0;
          return { layer: name, register, overflow: running + onHost };
        }),
      );
    }
  }
  for (const [layer, { overflow }] of extrinsic) found.set(layer, [{ layer, register: "output", overflow }]);
  return plan.graph.nodes.flatMap(({ name }) => found.get(name) ?? []);
}
