import { formatShape } from "../../../../graph/shape.ts";
import { transposed } from "../../../../tensor-graph/arithmetic/pick.ts";
import { nodeError } from "../../values/node-error.ts";
import { addNamed, imageInput, imageOf, networkTensor } from "../../values/value.ts";
import { transposedWindow } from "../../windows.ts";
import { constantInput, integersInput, type NodeRule, shapedConstant, valueInput } from "../rule.ts";
import { channelsLastOnly, paddingOf, pairAttribute } from "../windows.ts";

/** The forward convolution runs from the output, of `input_sizes`, to the input. */
export const transposedConvolutionRule: NodeRule = (call) => {
  channelsLastOnly(call);
  const sizes = integersInput(call, 0, "input_sizes");
  const [rows = 0, columns = 0, filters = 0] = sizes.slice(-3);
  const { input, image } = imageInput(call, valueInput(call, 2, "out_backprop"));
  const [kernelRows = 0, kernelColumns = 0] = shapedConstant(call, 1, "filter", [-1, -1, filters, image[2]]).shape;
  const strides = pairAttribute(call, "strides");
  const dilations = pairAttribute(call, "dilations");
  const forward = { image: [rows, columns, filters], kernel: [kernelRows, kernelColumns], strides, dilations } as const;
  const window = transposedWindow(image, forward, paddingOf(call, forward));
  const fits = window.outputPadding.every((size, axis) => size >= 0 && size < (strides[axis] ?? 1));
  if (sizes.length !== 4 || !fits) {
    throw nodeError(
      call,
      "input input_sizes",
      `found ${formatShape(sizes)} for an image ${formatShape(image)}, whose strides and padding give another size`,
      "export the model again",
    );
  }
  // [rows, columns, filters, channels] becomes [rows, columns, channels, filters].
  call.budget.take(call, [kernelRows, kernelColumns, filters, image[2]]);
  const weights = transposed(constantInput(call, 1, "filter"), [0, 1, 3, 2]);
  const node = {
    op: "convTranspose2d",
    inputs: [input],
    kernel: networkTensor(weights, weights.shape),
    bias: null,
    ...window,
    groups: 1,
    activation: "none",
  } as const;
  return [{ ...imageOf(call, addNamed(call, node)), takesBias: true }];
};
