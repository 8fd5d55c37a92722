import type { AnyTensor, TensorNode } from "./tensor-graph.ts";

/** Inputs as a node names them; undefined where an optional one is left out. */
export type OperatorInputs = readonly (AnyTensor | undefined)[];

/** An operator from the opset in which it got this meaning until the next rule for its name. */
export interface TensorOperator {
  /** `""` for ONNX itself. */
  readonly domain: string;
  readonly name: string;
  /** First opset of its domain with this meaning. */
  readonly since: number;
  /** Names of its attributes; a node with another one is refused. Absent: not checked. */
  readonly attributes?: readonly string[];
  /** Least and most inputs; a node with fewer or more is refused. Absent: not checked. */
  readonly arity?: readonly [least: number, most: number];
  /** Positions of the inputs whose elements, not only their shapes, decide the outputs' types and shapes. Absent: none. */
  readonly shapeInputs?: readonly number[];
  /**
   * The outputs, by the definition of the domain: products and sums in float64, rounded once to the element type. Wrong
   * input throws `DiagnosticError`; the interpreter puts node, operator and opset before its place. Inputs are only read;
   * an output may be an input.
   */
  evaluate(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[];
  /**
   * Tensors of the outputs' types and shapes with any elements, where `evaluate` would take long for that. Absent: `evaluate`
   * on zeros tells.
   */
  infer?(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[];
}
