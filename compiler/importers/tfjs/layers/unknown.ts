/** What is said of layers that are not imported: why, where the class is known, and what to do. */
import type { Diagnostic } from "../../../../isa/diagnostic.ts";
import { placesOf } from "../../../hints/places.ts";
import { misspelt } from "../../../hints/spelling.ts";
import { type LayerEntry, layerPlace } from "../layer-use.ts";
import { LAYER_RULES } from "./table.ts";

interface Reason {
  readonly what: string;
  readonly hint: string;
}

const ONNX_HINT = "export the model to ONNX, from which such layers are read";

const recurrent: Reason = { what: "recurrent layers of TensorFlow.js are not imported", hint: ONNX_HINT };
const spatial: Reason = { what: "the machine has images of two axes, not three", hint: "use layers of two axes" };
const lookup: Reason = {
  what: "its inputs are integers that choose, which the machine does not read",
  hint: "save the model from behind the layer",
};
const statistics: Reason = {
  what: "it computes means and variances of every image, which layers of TensorFlow.js are not imported with",
  hint: ONNX_HINT,
};

const REASONS: Readonly<Record<string, Reason>> = {
  SimpleRNN: recurrent,
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
  StackedRNNCells: recurrent,
  Bidirectional: recurrent,
  ConvLSTM2D: recurrent,
  TimeDistributed: {
    what: "layers applied step by step are not imported",
    hint: "apply the layer itself: Dense works at every step as it is",
  },
  Conv3D: spatial,
  Conv3DTranspose: spatial,
  MaxPooling3D: spatial,
  AveragePooling3D: spatial,
  Embedding: lookup,
  CategoryEncoding: lookup,
  LayerNormalization: statistics,
  Masking: {
    what: "it hides steps by what they hold, which the machine does not decide",
    hint: "leave the layer out where no step is hidden",
  },
  Dot: {
    what: "the machine multiplies a computed value by constant matrices, not by another computed one",
    hint: "use Multiply and a sum, or compute it on the host",
  },
  Lambda: { what: "it holds code of Python", hint: "write it with layers" },
};

/** One diagnostic for every class, with the layers that are of it. */
export function unknownLayers(layers: readonly LayerEntry[], where: string): readonly Diagnostic[] {
  const classes = [...new Set(layers.map(({ className }) => className))];
  return classes.map((className) => {
    const found = layers.filter((layer) => layer.className === className);
    const [first] = found;
    const place = first === undefined ? where : layerPlace(where, first);
    const names = found.map(({ models, name }) => [...models, name].join("/"));
    const reason = Object.hasOwn(REASONS, className) ? REASONS[className] : undefined;
    const supported = Object.keys(LAYER_RULES);
    const near = misspelt(className, supported);
    const what = reason === undefined ? "" : `: ${reason.what}`;
    return {
      code: "UNKNOWN_LAYER",
      where: place,
      what: `layers of class "${className}" cannot be imported${what}${placesOf(names, "layer")}`,
      hint: reason?.hint ?? `${near === undefined ? "" : `is ${near} meant? `}supported: ${supported.join(", ")}`,
    };
  });
}
