/** The cases of ONNX's backend test suite (Debian package libonnx-testdata), as this project runs them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readOnnxModel } from "../../../compiler/importers/onnx/model.ts";
import { decodeMessage, type ModelMessage } from "../../../compiler/importers/onnx/schema.ts";
import { readTensor } from "../../../compiler/importers/onnx/tensor-message.ts";
import { interpret } from "../../../compiler/tensor-graph/evaluation/interpret.ts";
import { OPERATORS, qualifiedName } from "../../../compiler/tensor-graph/operators/table.ts";
import type { AnyTensor } from "../../../compiler/tensor-graph/tensor-graph.ts";

const DATA = "/usr/share/libonnx-testdata/data";

export const IS_SUITE_PRESENT: boolean = existsSync(join(DATA, "node"));

/** Parts of the suite with models that stand alone. */
export const PARTS = ["node", "simple", "pytorch-operator", "pytorch-converted"] as const;

export interface SuiteCase {
  /** `node/test_relu` */
  readonly name: string;
  readonly part: (typeof PARTS)[number];
  readonly folder: string;
  /** Distinct operators of its model, in order. */
  readonly operators: readonly string[];
  /** Whether the model has a single node. */
  readonly isSingle: boolean;
  /** Opset of ONNX's own domain. */
  readonly opset: number;
}

export function suiteCases(): readonly SuiteCase[] {
  if (!IS_SUITE_PRESENT) return [];
  return PARTS.flatMap((part) =>
    readdirSync(join(DATA, part))
      .sort()
      .map((entry) => {
        const folder = join(DATA, part, entry);
        const model: ModelMessage = decodeMessage("ModelProto", readFileSync(join(folder, "model.onnx")));
        const nodes = model.graph?.node ?? [];
        const names = nodes.map(({ domain = "", opType = "" }) =>
          qualifiedName(domain === "ai.onnx" ? "" : domain, opType),
        );
        const own = model.opsetImport?.find(({ domain = "" }) => domain === "" || domain === "ai.onnx");
        return {
          name: `${part}/${entry}`,
          part,
          folder,
          operators: [...new Set(names)],
          isSingle: nodes.length === 1,
          opset: own?.version?.low ?? 1,
        };
      }),
  );
}

/** First opset of each operator. */
const OLDEST: ReadonlyMap<string, number> = OPERATORS.reduce((oldest, { domain, name, since }) => {
  const key = qualifiedName(domain, name);
  return oldest.set(key, Math.min(since, oldest.get(key) ?? since));
}, new Map<string, number>());

/** Whether the table has all operators of the case, each with a meaning in its opset. */
export function isClaimed({ operators, opset }: SuiteCase): boolean {
  return operators.every((name) => (OLDEST.get(name) ?? Number.POSITIVE_INFINITY) <= opset);
}

/** What is not covered, with all its cases: claimed ones that do not run. */
export const NOT_COVERED: Readonly<Record<string, readonly string[]>> = {
  "elements of type string": [
    "node/test_cast_FLOAT_to_STRING",
    "node/test_cast_STRING_to_FLOAT",
    "node/test_castlike_FLOAT_to_STRING",
    "node/test_castlike_FLOAT_to_STRING_expanded",
    "node/test_castlike_STRING_to_FLOAT",
    "node/test_castlike_STRING_to_FLOAT_expanded",
  ],
  "values that are no tensors": ["node/test_identity_opt", "node/test_identity_sequence"],
  "an input of another shape than its model declares": [
    "node/test_castlike_BFLOAT16_to_FLOAT",
    "node/test_castlike_BFLOAT16_to_FLOAT_expanded",
    "node/test_castlike_FLOAT_to_BFLOAT16",
    "node/test_castlike_FLOAT_to_BFLOAT16_expanded",
  ],
  "cut off to bfloat16 instead of rounded": ["node/test_cast_FLOAT_to_BFLOAT16"],
  training: [
    "node/test_batchnorm_epsilon_training_mode",
    "node/test_batchnorm_example_training_mode",
    "node/test_training_dropout",
    "node/test_training_dropout_default",
    "node/test_training_dropout_default_mask",
    "node/test_training_dropout_mask",
    "node/test_training_dropout_zero_ratio",
    "node/test_training_dropout_zero_ratio_mask",
  ],
};

export const NOT_COVERED_CASES: ReadonlyMap<string, string> = new Map(
  Object.entries(NOT_COVERED).flatMap(([reason, cases]) => cases.map((name) => [name, reason] as const)),
);

/** Runs all data sets of a case. Throws where the model is refused or an output differs. */
export function runCase({ folder }: SuiteCase): void {
  const bytes = readFileSync(join(folder, "model.onnx"));
  const graph = readOnnxModel(bytes, "model.onnx");
  const { graph: message } = decodeMessage("ModelProto", bytes);
  const bfloat16 = new Set(
    [...(message?.input ?? []), ...(message?.output ?? [])].flatMap(({ name, type }) =>
      type?.tensorType?.elemType === 16 ? [name] : [],
    ),
  );
  const sets = readdirSync(folder).filter((entry) => entry.startsWith("test_data_set_"));
  if (sets.length === 0) throw new Error("the case has no data");
  for (const set of sets) {
    const tensorOf = (file: string, isBfloat16: boolean): AnyTensor => {
      const message = decodeMessage("TensorProto", readFileSync(join(folder, set, file)));
      // The suite stores the bits of bfloat16 as uint16.
      const stored = isBfloat16
        ? { ...message, dims: message.dims ?? [], rawData: message.rawData ?? new Uint8Array(), dataType: 16 }
        : message;
      return readTensor(stored, `${set}/${file}`, () => {
        throw new Error("external data");
      });
    };
    const inputs = new Map(
      graph.inputs.map(({ name }, index) => [name, tensorOf(`input_${index}.pb`, bfloat16.has(name))]),
    );
    const outputs = [...interpret(graph, inputs, "model.onnx").values()];
    for (const [index, output] of outputs.entries()) {
      requireClose(
        output,
        tensorOf(`output_${index}.pb`, bfloat16.has(graph.outputs[index] ?? "")),
        `${set}, output ${index}`,
      );
    }
  }
}

/** The suite's own tolerance: |found − expected| ≤ 1e−7 + 1e−3 · |expected|; integers must be equal. */
function requireClose(found: AnyTensor, expected: AnyTensor, where: string): void {
  if (found.type !== expected.type || `${found.shape}` !== `${expected.shape}`) {
    throw new Error(`${where}: found ${found.type} [${found.shape}], expected ${expected.type} [${expected.shape}]`);
  }
  const isFloat = found.type === "float32" || found.type === "float64";
  for (let i = 0; i < expected.data.length; i++) {
    const a = found.data[i] ?? 0;
    const b = expected.data[i] ?? 0;
    if (Object.is(a, b) || a === b) continue;
    const isNear = isFloat && Math.abs(Number(a) - Number(b)) <= 1e-7 + 1e-3 * Math.abs(Number(b));
    if (!isNear) throw new Error(`${where}: element ${i} is ${a}, expected ${b}`);
  }
}
