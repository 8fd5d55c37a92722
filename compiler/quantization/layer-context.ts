import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { LayerRanges } from "../../isa/program/datapath.ts";
import type { LayerFacts } from "./layer-facts.ts";
import type { LayerEntry } from "./specification.ts";

/** What the registers of a layer are made from. */
export interface LayerContext {
  readonly layer: LayerFacts;
  readonly where: string;
  /** The default with the layer's own entry over it. */
  readonly entry: LayerEntry;
  /** The entry under the layer's exact name, else empty: what it names must exist in this layer. */
  readonly named: LayerEntry;
  /** One per producer; undefined for the network's input before any layer has fixed its format. */
  readonly producerOutputs: readonly (RegisterSpec | undefined)[];
  /** Calibrated ranges of a value, if there are any. */
  readonly knownRanges: (value: string) => LayerRanges | undefined;
  /** The same; throws where there are none. */
  readonly range: (value: string, where: string) => LayerRanges;
}
