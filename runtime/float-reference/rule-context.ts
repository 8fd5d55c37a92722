import type { Tensor as Constant } from "../../compiler/graph/graph.ts";
import type { Tensor, TensorFlow } from "./backend.ts";

/** What the rule of an operator has beside the node and its inputs. */
export interface RuleContext {
  readonly tf: TensorFlow;
  /** Images. */
  readonly count: number;
  /** Hears the sums of a matrix node before bias and activation. */
  readonly onSums?: ((sums: Tensor) => void) | undefined;
  /** Whether the model's own quantizers round. */
  readonly quantizers: boolean;
  readonly constant: (value: Constant) => Tensor;
  /** A constant that the rule makes of the node once: the node's kernel in another form. */
  readonly made: (make: () => Constant) => Tensor;
}
