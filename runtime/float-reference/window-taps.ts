/** Which input positions a layer sums for one output position, along one axis and in the order in which the machine adds them. */
import type { Conv2dNode, ConvTranspose2dNode, PoolNode } from "../../compiler/graph/graph.ts";

export interface Tap {
  /** Position in the kernel. */
  readonly kernel: number;
  /** Position in the input, inside it: padding adds zeros, which change no sum. */
  readonly source: number;
}

/** The taps of every output position of axis 0 (rows) or 1 (columns); `input` and `output`: positions of the axis. */
export function windowTaps(
  node: Conv2dNode | ConvTranspose2dNode | PoolNode,
  axis: 0 | 1,
  input: number,
  output: number,
): readonly (readonly Tap[])[] {
  const kernel = (node.op === "pool" ? node.kernel[axis] : node.kernel.shape[axis]) ?? 1;
  const dilation = node.op === "pool" ? 1 : node.dilations[axis];
  const stride = node.strides[axis];
  const before = axis === 0 ? node.padding.top : node.padding.left;
  const positions = Array.from({ length: kernel }, (_, position) => position);
  const within = ({ source }: Tap): boolean => source >= 0 && source < input && Number.isInteger(source);
  return Array.from({ length: output }, (_, place) =>
    node.op === "convTranspose2d"
      ? positions
          .map((position) => ({ kernel: position, source: (place + before - position * dilation) / stride }))
          .filter(within)
          .reverse()
      : positions
          .map((position) => ({ kernel: position, source: place * stride - before + position * dilation }))
          .filter(within),
  );
}
