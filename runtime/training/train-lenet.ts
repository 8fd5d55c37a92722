/**
 * `npm run train:lenet`: splits the digits, trains LeNet-5, and writes both into the bundled assets.
 * Everything is repeated exactly by running it again on the same backend.
 */
import { DiagnosticError } from "../../isa/diagnostic.ts";
import { assetPath } from "../assets.ts";
import { writeIdx } from "../datasets/formats/idx.ts";
import { FileError, writeFileAtomically } from "../files.ts";
import { registerConv2dBackpropFilter } from "./conv2d-backprop-filter.ts";
import { accuracy, largestActivations } from "./evaluate.ts";
import { buildLenet } from "./lenet.ts";
import { IMAGE_SIDE, type LabelledImages, readMnistPackage, splitMnist } from "./mnist-split.ts";
import { modelCard } from "./model-card.ts";
import { modelFiles } from "./model-files.ts";
import { loadTensorFlow } from "./tensorflow.ts";
import { LENET_TRAINING, train } from "./train.ts";
import { registerFastWasmKernels } from "./wasm-speed.ts";

async function trainLenet(): Promise<void> {
  const split = splitMnist(readMnistPackage());
  await writeDigits("validation", split.validation);
  await writeDigits("test", split.test);

  const { tf, backend } = await loadTensorFlow();
  registerConv2dBackpropFilter(tf);
  registerFastWasmKernels(tf);
  const model = buildLenet(tf, LENET_TRAINING.seed);
  print(`LeNet-5, ${model.countParams()} parameters, ${split.train.count} digits, ${backend}`);

  const start = performance.now();
  await train(tf, model, split.train, LENET_TRAINING, ({ epoch, loss }) => {
    const validation = percent(accuracy(tf, model, split.validation));
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    print(
      `epoch ${epoch} of ${LENET_TRAINING.epochs}: loss ${loss.toFixed(4)}, validation ${validation}, ${seconds} s`,
    );
  });

  const figures = {
    backend,
    parameters: model.countParams(),
    validationAccuracy: accuracy(tf, model, split.validation),
    testAccuracy: accuracy(tf, model, split.test),
    largestActivations: largestActivations(tf, model, split.validation),
  };
  for (const [layer, value] of figures.largestActivations) print(`largest |output| of ${layer}: ${value.toFixed(2)}`);
  print(`validation ${percent(figures.validationAccuracy)}, test ${percent(figures.testAccuracy)}`);

  const { topology, weights } = await modelFiles(tf, model);
  await writeFileAtomically(assetPath("lenet5", "weights.bin"), weights);
  await writeFileAtomically(assetPath("lenet5", "model.json"), topology);
  await writeFileAtomically(assetPath("lenet5", "README.md"), modelCard(LENET_TRAINING, figures));
}

async function writeDigits(name: string, { count, images, labels }: LabelledImages): Promise<void> {
  const imageFile = writeIdx({ shape: [count, IMAGE_SIDE, IMAGE_SIDE], data: images }, { compress: true });
  const labelFile = writeIdx({ shape: [count], data: labels }, { compress: true });
  await writeFileAtomically(assetPath("mnist", `${name}-images.idx.gz`), imageFile);
  await writeFileAtomically(assetPath("mnist", `${name}-labels.idx.gz`), labelFile);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await trainLenet();
} catch (error) {
  if (!(error instanceof DiagnosticError || error instanceof FileError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error instanceof FileError ? 74 : 2;
}
