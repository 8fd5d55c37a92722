/** What numeric operators share: operands of checked type and shape, float64 in and one rounding out. */
import { formatShape, sameShape } from "../../graph/shape.ts";
import { nodeError, requireType } from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { bigFrom, FLOAT_TYPES, isBig, numbersOf, zeros } from "../tensor.ts";
import type { AnyTensor, ElementType } from "../tensor-graph.ts";

/** Input `position`, undefined where it is left out. Throws for types other than `types`. */
export function optionalInput(
  inputs: OperatorInputs,
  position: number,
  name: string,
  types: readonly ElementType[] = FLOAT_TYPES,
): AnyTensor | undefined {
  const input = inputs[position];
  if (input !== undefined) requireType(input, name, types);
  return input;
}

/** Throws unless the shape is exactly the one that the rest of the node asks for. */
export function expectShape(tensor: AnyTensor, name: string, shape: readonly number[]): void {
  if (sameShape(tensor.shape, shape)) return;
  throw nodeError(
    `input ${name}`,
    `found shape ${formatShape(tensor.shape)}, expected ${formatShape(shape)}`,
    "the other inputs and the attributes ask for it",
  );
}

/** Throws unless the tensor has from `least` to `most` axes. */
export function expectRank(tensor: AnyTensor, name: string, least: number, most: number): void {
  const rank = tensor.shape.length;
  if (rank >= least && rank <= most) return;
  const expected = least === most ? `${least}` : most === Infinity ? `at least ${least}` : `${least} to ${most}`;
  throw nodeError(
    `input ${name}`,
    `found shape ${formatShape(tensor.shape)}, expected ${expected} axes`,
    "check the model",
  );
}

/** The elements as float64, a copy. 64-bit integers beyond 2^53 are rounded. */
export function float64Of(tensor: AnyTensor): Float64Array {
  return Float64Array.from(numbersOf(tensor));
}

/** A tensor of float64 elements, each rounded once to `type`; integer types take integers, which wrap. */
export function roundedTensor(type: ElementType, shape: readonly number[], data: Float64Array): AnyTensor {
  const tensor: AnyTensor = zeros(type, shape);
  if (isBig(tensor)) {
    for (let index = 0; index < data.length; index++) tensor.data[index] = bigFrom(data[index] as number);
  } else {
    tensor.data.set(data);
  }
  return tensor;
}

/** One operator whose meaning here is the same in all the opsets that changed its text or types. */
export function since(opsets: readonly number[], operator: Omit<TensorOperator, "since">): readonly TensorOperator[] {
  return opsets.map((opset) => ({ ...operator, since: opset }));
}

/** The inputs with ones at `positions`: for `infer`, where the elements are not known but zeros would be refused. */
export function withOnes(inputs: OperatorInputs, positions: readonly number[]): OperatorInputs {
  return inputs.map((input, position) =>
    input === undefined || !positions.includes(position)
      ? input
      : roundedTensor(input.type, input.shape, new Float64Array(input.data.length).fill(1)),
  );
}
