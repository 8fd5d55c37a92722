/** A layer of the file, and one use of it. */
import type { ValueReference } from "./inbound-nodes.ts";

export interface LayerEntry {
  readonly name: string;
  readonly className: string;
  /** Still unchecked; the layer's rule reads it. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** One use of a layer; a shared layer has several, numbered from 0. */
export interface LayerUse {
  readonly layer: LayerEntry;
  readonly ordinal: number;
  readonly inputs: readonly ValueReference[];
}
