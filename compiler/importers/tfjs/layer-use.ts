/** A layer of the file, and one use of it. */

export interface LayerEntry {
  readonly name: string;
  readonly className: string;
  /** Names of the models within the model that the layer stands in, the outermost first; none for the model's own layers. */
  readonly models: readonly string[];
  /** Still unchecked; the layer's rule reads it. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** One use of a layer; a shared layer has several, numbered from 0. */
export interface LayerUse {
  readonly layer: LayerEntry;
  readonly ordinal: number;
  /** What it reads: 0 is the network's input, n the value of use n − 1 of the list. */
  readonly inputs: readonly number[];
}

/** `model.json: layer "inner/conv1" (Conv2D)` */
export function layerPlace(where: string, { models, name, className }: Omit<LayerEntry, "config">): string {
  return `${where}: layer "${[...models, name].join("/")}" (${className})`;
}
