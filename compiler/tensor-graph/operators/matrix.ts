/** Gemm and MatMul. */
import { broadcastIndex, requireUnidirectional } from "../arithmetic/broadcast.ts";
import { matrixProduct, matrixProductShape, multiplyInto, transposedMatrix } from "../arithmetic/matrix-product.ts";
import { flagAttribute, floatAttribute, nodeError, typedInput } from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { FLOAT_TYPES, requireShape, type TensorOf, zeros } from "../tensor.ts";
import type { AnyTensor, TensorNode } from "../tensor-graph.ts";
import { expectRank, float64Of, optionalInput, roundedTensor, since } from "./operands.ts";

interface GemmOperands {
  readonly a: TensorOf<"float32" | "float64">;
  readonly b: TensorOf<"float32" | "float64">;
  readonly c: AnyTensor | undefined;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

function gemmOperands(node: TensorNode, inputs: OperatorInputs): GemmOperands {
  const a = typedInput(inputs, 0, "A", FLOAT_TYPES);
  const b = typedInput(inputs, 1, "B", FLOAT_TYPES);
  const c = optionalInput(inputs, 2, "C");
  expectRank(a, "A", 2, 2);
  expectRank(b, "B", 2, 2);
  const [rows = 0, inner = 0] = flagAttribute(node, "transA", false) ? [a.shape[1], a.shape[0]] : a.shape;
  const [height = 0, columns = 0] = flagAttribute(node, "transB", false) ? [b.shape[1], b.shape[0]] : b.shape;
  if (inner !== height) {
    throw nodeError("inputs", `found ${rows} × ${inner} times ${height} × ${columns}`, "check transA and transB");
  }
  requireShape([rows, columns]);
  if (c !== undefined) requireUnidirectional(c.shape, [rows, columns], "input C");
  return { a, b, c, rows, inner, columns };
}

/** y = alpha · A′ · B′ + beta · C, where ′ transposes if asked for. */
function evaluateGemm(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const { a, b, c, rows, inner, columns } = gemmOperands(node, inputs);
  const left = float64Of(a);
  const right = float64Of(b);
  const isTransposed = flagAttribute(node, "transA", false);
  let y: Float64Array = new Float64Array(rows * columns);
  if (flagAttribute(node, "transB", false)) {
    // The weights stay where they are: B · A′ is the product's transpose.
    multiplyInto(y, right, isTransposed ? left : transposedMatrix(left, rows, inner), columns, inner, rows);
    y = transposedMatrix(y, columns, rows);
  } else {
    multiplyInto(y, isTransposed ? transposedMatrix(left, inner, rows) : left, right, rows, inner, columns);
  }
  const alpha = floatAttribute(node, "alpha", 1);
  const beta = floatAttribute(node, "beta", 1);
  const addend = c === undefined ? undefined : float64Of(c);
  const place = c === undefined ? null : broadcastIndex(c.shape, [rows, columns]);
  for (let index = 0; index < y.length; index++) {
    const product = alpha * (y[index] as number);
    y[index] = addend === undefined ? product : product + beta * (addend[place?.[index] ?? index] as number);
  }
  return [roundedTensor(a.type, [rows, columns], y)];
}

const GEMM: Omit<TensorOperator, "since" | "arity"> = {
  domain: "",
  name: "Gemm",
  attributes: ["alpha", "beta", "transA", "transB"],
  evaluate: evaluateGemm,
  infer(node, inputs) {
    const { a, rows, columns } = gemmOperands(node, inputs);
    return [zeros(a.type, [rows, columns])];
  },
};

export const MATRIX_OPERATORS: readonly TensorOperator[] = [
  ...since([7, 9], { ...GEMM, arity: [3, 3] }),
  ...since([11, 13], { ...GEMM, arity: [2, 3] }),
  ...since([1, 9, 13], {
    domain: "",
    name: "MatMul",
    attributes: [],
    arity: [2, 2],
    evaluate(_node, inputs) {
      const a = typedInput(inputs, 0, "A", FLOAT_TYPES);
      const b = typedInput(inputs, 1, "B", FLOAT_TYPES);
      const shape = matrixProductShape(a.shape, b.shape);
      return [roundedTensor(a.type, shape.output, matrixProduct(float64Of(a), float64Of(b), shape))];
    },
    infer(_node, inputs) {
      const a = typedInput(inputs, 0, "A", FLOAT_TYPES);
      const b = typedInput(inputs, 1, "B", FLOAT_TYPES);
      return [zeros(a.type, matrixProductShape(a.shape, b.shape).output)];
    },
  }),
];
