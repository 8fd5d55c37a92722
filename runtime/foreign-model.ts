/** Files of other kinds given as a model: what they are, and how to make an ONNX file of them. */
import { Buffer } from "node:buffer";
import { basename } from "node:path";
import { type DiagnosticError, diagnosticError } from "../isa/diagnostic.ts";

interface ForeignKind {
  readonly what: string;
  readonly hint: string;
}

const PYTORCH: ForeignKind = {
  what: "found a PyTorch file, which holds weights or Python objects and no network",
  hint: 'export the model to ONNX: torch.onnx.export(model.eval(), example_input, "model.onnx")',
};

const KERAS: ForeignKind = {
  what: "found a Keras file",
  hint: 'export the model to ONNX, model.export("model.onnx", format="onnx"), or convert it with tensorflowjs_converter',
};

const HDF5: ForeignKind = {
  what: "found an HDF5 file, as Keras saves models",
  hint: 'load it in Keras and export it to ONNX, model.export("model.onnx", format="onnx"), or convert it with tensorflowjs_converter',
};

const TFLITE: ForeignKind = {
  what: "found a TensorFlow Lite file",
  hint: "convert it to ONNX: python -m tf2onnx.convert --tflite model.tflite --output model.onnx",
};

const SAVED_MODEL: ForeignKind = {
  what: "found a SavedModel of TensorFlow",
  hint: "convert it to ONNX, python -m tf2onnx.convert --saved-model folder --output model.onnx, or with tensorflowjs_converter",
};

const SAFETENSORS: ForeignKind = {
  what: "found a file of safetensors, which holds weights and no network",
  hint: 'load it into its model and export that to ONNX: torch.onnx.export(model.eval(), example_input, "model.onnx")',
};

const OTHER_ZIP: ForeignKind = {
  what: "found a ZIP archive",
  hint: "unpack it and name the model.json or the .onnx file in it",
};

/** As many bytes from the start of a file tell its kind. */
export const FOREIGN_START = 4096;

/** The file of another kind that starts so; undefined where it may be a model of a kind that is read. */
export function foreignModel(path: string, start: Uint8Array): DiagnosticError | undefined {
  const kind = kindOf(basename(path).toLowerCase(), start);
  return kind === undefined ? undefined : diagnosticError("MODEL", path, kind.what, kind.hint);
}

/** A folder that holds a model of another kind. */
export function foreignFolder(path: string, files: readonly string[]): DiagnosticError | undefined {
  if (!files.includes("saved_model.pb")) return undefined;
  return diagnosticError("MODEL", path, SAVED_MODEL.what, SAVED_MODEL.hint);
}

function kindOf(name: string, start: Uint8Array): ForeignKind | undefined {
  const text = Buffer.from(start).toString("latin1");
  if (text.startsWith("\x89HDF\r\n\x1a\n")) return HDF5;
  if (text.slice(4, 8) === "TFL3") return TFLITE;
  if (text.startsWith("PK\x03\x04")) {
    if (/data\.pkl|\/version|constants\.pkl/.test(text)) return PYTORCH;
    return /metadata\.json|config\.json|model\.weights\.h5/.test(text) ? KERAS : OTHER_ZIP;
  }
  // Pickles of protocol 2 to 5, as PyTorch wrote files before 1.6.
  const [mark = 0, protocol = 0] = start;
  if (mark === 0x80 && protocol >= 2 && protocol <= 5) return PYTORCH;
  if (name.endsWith(".safetensors")) return SAFETENSORS;
  return name === "saved_model.pb" ? SAVED_MODEL : undefined;
}
