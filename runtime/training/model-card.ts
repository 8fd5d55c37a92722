/** The README.md beside the bundled network: what it is, how it was made, and what was measured on it. */
import { DISTORTION } from "./distortion.ts";
import { SPLIT_SEED, SPLIT_SIZES } from "./mnist-split.ts";
import type { TrainingOptions } from "./train.ts";

export interface TrainingFigures {
  /** What computed, as `loadTensorFlow` names it. */
  readonly backend: string;
  readonly parameters: number;
  /** Shares of digits classified right, 0 to 1. */
  readonly validationAccuracy: number;
  readonly testAccuracy: number;
  /** Layer name → largest absolute output on the validation set. */
  readonly largestActivations: ReadonlyMap<string, number>;
}

/** Markdown text. Holds no date and no machine, so that the same training gives the same file. */
export function modelCard(options: TrainingOptions, figures: TrainingFigures): string {
  const { shift, angle, scale, slant } = DISTORTION;
  const degrees = ((angle * 180) / Math.PI).toFixed(1);
  const rows = [...figures.largestActivations].map(([layer, value]) => `| ${layer} | ${value.toFixed(2)} |`);
  return `# LeNet-5 on MNIST digits

Written by \`npm run train:lenet\`, as were \`model.json\` and \`weights.bin\` (TensorFlow.js layers model, float32).

Input [28, 28, 1]: grey level / 256, no other preparation. Layers: conv1 20@5×5, pool1 max 2×2, conv2 50@5×5,
pool2 max 2×2, flatten, fc1 500 with ReLU, fc2 10 with softmax; no padding, no activation after the convolutions.
${figures.parameters.toLocaleString("en")} parameters. Output: probability of the digits 0 to 9.

## Training

* Data: the 10,000 digits of the npm package \`mnist\` 1.1.0, split by seed ${SPLIT_SEED} into ${SPLIT_SIZES.train} for training,
  ${SPLIT_SIZES.validation} for validation and ${SPLIT_SIZES.test} for the test (\`../mnist/README.md\` says where they come from).
* ${options.epochs} epochs in batches of ${options.batchSize}; every digit distorted anew each time: shift up to ±${shift} pixels, rotation ±${degrees}°,
  scale ±${percent(scale)}, slant ±${percent(slant)}.
* Loss: cross-entropy + ${options.weightDecay} · sum of the squared weights. Adam, rate ${options.learningRate} falling to 0 along half a cosine.
* Seed ${options.seed}. Computed by ${figures.backend}; the same backend gives the same weights again.
* The weights after the last epoch are kept; no set chose among epochs.

## Figures

| set | right |
|---|---|
| validation | ${percent(figures.validationAccuracy)} |
| test | ${percent(figures.testAccuracy)} |

Largest absolute output of each layer on the validation set (fc2 before the softmax):

| layer | largest |
|---|---|
${rows.join("\n")}
`;
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
