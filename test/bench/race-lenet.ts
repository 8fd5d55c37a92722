import type { Graph } from "../../compiler/index.ts";
import { InvariantError, type Raws } from "../../isa/index.ts";
import type { Program } from "../../isa/program/program.ts";
import type { EngineSession } from "../../sim/engine.ts";
import { fastEngine, fastEngineWith } from "../../sim/fast/engine.ts";
import { PLAIN_KERNELS } from "../../sim/fast/kernels/plain.ts";
import { VECTOR_KERNELS } from "../../sim/fast/kernels/wasm/library.ts";
import { type BigintNetwork, bigintNetwork } from "./bigint-lenet.ts";
import { layerWorks } from "./lenet-layers.ts";
import { compileLenet, type Lenet, type LenetSetting, type LenetWorkload } from "./lenet-workload.ts";
import { openKernel } from "./matrix-kernel.ts";
import { type Contestant, type Course, median, medianRatio, type Rates, race } from "./measure.ts";
import { onnxruntimeNetwork } from "./opponents/onnxruntime.ts";
import { isPresent, type Opponent } from "./opponents/opponent.ts";
import { SYSTEMC_LEFT_OUT, systemcMatrices } from "./opponents/systemc.ts";
import { tensorFlowNetwork } from "./opponents/tensorflow.ts";
import { type Figure, type Section, significant } from "./report.ts";
import { EVERYTHING, type Selection } from "./selection.ts";
import { FIGURE } from "./targets.ts";

/** How LeNet is computed, by the name of its contestant; the first is the one that all opponents meet. */
const SETTINGS: Readonly<Record<string, LenetSetting>> = {
  "LeNet W16 nearest": { format: "16,8", datapath: "intrinsic" },
  "LeNet W16 nearest-up": { format: "16,8", datapath: "intrinsic", rounding: "nearest-up" },
  "LeNet W16 nearest-even": { format: "16,8", datapath: "intrinsic", rounding: "nearest-even" },
  "LeNet W16 stochastic": { format: "16,8", datapath: "intrinsic", rounding: "stochastic" },
  "LeNet W12 nearest": { format: "12,7", datapath: "intrinsic" },
  "LeNet W8 nearest": { format: "8,3", datapath: "intrinsic" },
  "LeNet W8 nearest, with overflows": { format: "8,4", datapath: "intrinsic" },
  "LeNet W16 exact products": { format: "16,8", datapath: "wide" },
  "LeNet W24 nearest": { format: "24,16", datapath: "intrinsic" },
  "LeNet W32 nearest": { format: "32,16", datapath: "intrinsic" },
  "LeNet W64 nearest": { format: "64,32", datapath: "intrinsic" },
};
const MAIN = "LeNet W16 nearest";

/** Settings whose layers also run alone. */
const LAYER_SETTINGS: readonly string[] = [
  MAIN,
  "LeNet W16 nearest-up",
  "LeNet W8 nearest",
  "LeNet W8 nearest, with overflows",
  "LeNet W16 exact products",
  "LeNet W24 nearest",
];

/** Images of a batch of the engine, as in the command, and of the float networks. */
export const BATCH_IMAGES = 10;
const FLOAT_BATCH = 64;
/** Images whose raws are compared with BigInt's. */
const CHECKED_IMAGES = 4;

export interface LenetResult {
  readonly sections: readonly Section[];
  readonly rates: readonly Rates[];
}

/** Images of the data set, from its front, over and over. */
export type ImageSource = (images: number) => Raws;

export function imageSource({ raws }: LenetWorkload, count: number): ImageSource {
  const elements = raws.length / count;
  return (images) => {
    const all = raws instanceof Int32Array ? new Int32Array(images * elements) : new BigInt64Array(images * elements);
    for (let first = 0; first < images; first += count) {
      const part = raws.subarray(0, Math.min(count, images - first) * elements);
      if (all instanceof Int32Array && part instanceof Int32Array) all.set(part, first * elements);
      else if (all instanceof BigInt64Array && part instanceof BigInt64Array) all.set(part, first * elements);
    }
    return all;
  };
}

export async function raceLenet(
  lenet: Lenet,
  course: Course,
  { names, compiled }: Selection = EVERYTHING,
): Promise<LenetResult> {
  const opponents = await raceOpponents(lenet, course, compiled);
  const settings = await raceSettings(
    lenet,
    Object.entries(SETTINGS).filter(([name]) => name === MAIN || names(name)),
    course,
  );
  return {
    sections: [...opponents.sections, ...settings.sections],
    rates: [...opponents.rates, ...settings.rates],
  };
}

export function networkMacs({ program }: { readonly program: Program }): number {
  return program.layers.reduce((sum, layer) => sum + layer.macs, 0);
}

/** A network on the fast engine, in batches as the command runs them; a unit is an image. */
function engineContestant(name: string, session: EngineSession, source: ImageSource): Contestant {
  const batch = source(BATCH_IMAGES);
  return {
    name,
    grain: BATCH_IMAGES,
    run: (images) => {
      for (let done = 0; done < images; done += BATCH_IMAGES) runImages(session, batch, BATCH_IMAGES);
    },
  };
}

function openSession(workload: LenetWorkload, engine: typeof fastEngine = fastEngine): EngineSession {
  const opened = engine.open(workload.program);
  if ("fault" in opened) throw new InvariantError(`the fast engine refused LeNet: ${opened.fault.message}`);
  return opened.session;
}

function runImages(session: EngineSession, raws: Raws, count: number): Raws {
  const result = session.run({ firstImage: 0, count, raws }, { statistics: false, capture: false });
  if (result.fault !== null) throw new InvariantError(`LeNet faulted: ${result.fault.message}`);
  return result.outputs;
}

async function raceOpponents(lenet: Lenet, course: Course, compiled: boolean): Promise<LenetResult> {
  const workload = compileLenet(lenet, SETTINGS[MAIN] as LenetSetting);
  const macs = networkMacs(workload);
  const source = imageSource(workload, lenet.count);
  const session = openSession(workload);
  const plain = openSession(workload, fastEngineWith(PLAIN_KERNELS));
  const network = bigintNetwork(workload);
  requireSameRaws(session, network, source);
  const graph = withoutSoftmax(lenet.prepared.graph);
  const float32 = await tensorFlowNetwork(graph, lenet.images, Math.min(FLOAT_BATCH, lenet.count));
  const onnxruntime = await onnxruntimeNetwork(graph, lenet.images, Math.min(FLOAT_BATCH, lenet.count));
  const works = layerWorks(workload, session, lenet.images.length / lenet.count);
  const systemc = compiled ? await systemcMatrices(works, 1) : SYSTEMC_LEFT_OUT;
  const present: readonly Opponent[] = [
    float32,
    ...(isPresent(onnxruntime) ? [onnxruntime] : []),
    {
      ...engineContestant(PLAIN_KERNELS.name, plain, source),
      version: "the fast engine with its plain kernels",
      close: () => {},
    },
    {
      name: "BigInt",
      version: "layer by layer, no machine, no evidence",
      grain: 1,
      run: (images) => runBigint(network, source(images), images),
      close: () => {},
    },
    ...(isPresent(systemc) ? [{ ...systemc, version: `${systemc.version}; the matrix products alone` }] : []),
  ];
  try {
    const heat = await race([engineContestant(MAIN, session, source), ...present], course);
    if (isPresent(onnxruntime)) requireClose(float32.result(), onnxruntime.result());
    const figures = present.map(
      ({ name, version }): Figure => ({
        name: name === "BigInt" ? FIGURE.overBigint : `LeNet / ${name}`,
        work: name,
        ratio: medianRatio(heat, MAIN, name),
        behind: `${imagesText(heat, MAIN)} / ${imagesText(heat, name)}`,
        note: version,
      }),
    );
    const title = `LeNet-5 end to end, ${significant(macs)}MAC an image, intrinsic 16,8 nearest saturate, one worker, over others`;
    return {
      sections: [{ title, figures }],
      rates: [heat],
    };
  } finally {
    for (const opponent of present) await opponent.close();
  }
}

function imagesText(rates: Rates, name: string): string {
  return `${significant(median(rates[name] ?? []))} images/s`;
}

/** The graph up to its last value before a closing softmax: what the accelerator computes. */
function withoutSoftmax(graph: Graph): Graph {
  const last = graph.nodes.find(({ name }) => name === graph.output);
  if (last?.op !== "softmax") return graph;
  return { ...graph, nodes: graph.nodes.filter((node) => node !== last), output: last.inputs[0] ?? graph.output };
}

function runBigint(network: BigintNetwork, raws: Raws, count: number): void {
  const elements = raws.length / count;
  const words = BigInt64Array.from(raws, BigInt);
  for (let image = 0; image < count; image++) network(words.subarray(image * elements, (image + 1) * elements));
}

function requireSameRaws(session: EngineSession, network: BigintNetwork, source: ImageSource): void {
  const raws = source(CHECKED_IMAGES);
  const elements = raws.length / CHECKED_IMAGES;
  const expected = Array.from({ length: CHECKED_IMAGES }, (_, image) =>
    Array.from(network(BigInt64Array.from(raws.slice(image * elements, (image + 1) * elements), BigInt))),
  ).flat();
  const found = Array.from(runImages(session, raws, CHECKED_IMAGES), BigInt);
  const wrong = expected.findIndex((raw, index) => found[index] !== raw);
  if (wrong < 0 && expected.length === found.length) return;
  throw new InvariantError(`output word ${wrong}: the fast engine has ${found[wrong]}, BigInt ${expected[wrong]}`);
}

function requireClose(a: Float32Array, b: Float32Array): void {
  const wrong = a.findIndex((value, index) => !(Math.abs(value - (b[index] ?? Number.NaN)) < 1e-3));
  if (wrong < 0 && a.length === b.length && a.length > 0) return;
  throw new InvariantError(`output ${wrong}: TensorFlow.js has ${a[wrong]}, onnxruntime ${b[wrong]}`);
}

/** Each setting against float32, and against its own layers where they are asked for. */
async function raceSettings(
  lenet: Lenet,
  settings: readonly (readonly [string, LenetSetting])[],
  course: Course,
): Promise<LenetResult> {
  const graph = withoutSoftmax(lenet.prepared.graph);
  const float32 = await tensorFlowNetwork(graph, lenet.images, Math.min(FLOAT_BATCH, lenet.count));
  const rates: Rates[] = [];
  const overFloat: Figure[] = [];
  const overLayers: Figure[] = [];
  for (const [name, setting] of settings) {
    const workload = compileLenet(lenet, setting);
    const session = openSession(workload);
    const source = imageSource(workload, lenet.count);
    const layers = LAYER_SETTINGS.includes(name) ? layersContestant(workload, session, lenet) : null;
    const contestants = [float32, engineContestant(name, session, source), ...(layers === null ? [] : [layers])];
    const heat = await race(contestants, course);
    rates.push(heat);
    const macs = networkMacs(workload);
    const gigamacs = (contestant: string): string => `${significant(median(heat[contestant] ?? []) * macs)}MAC/s`;
    overFloat.push({
      name: `${name} / float32`,
      work: name,
      ratio: medianRatio(heat, name, float32.name),
      behind: `${imagesText(heat, name)} / ${imagesText(heat, float32.name)}`,
      note: `${gigamacs(name)}; ${"kernels" in session ? session.kernels : ""}`,
    });
    if (layers === null) continue;
    overLayers.push({
      name: name === MAIN ? FIGURE.lenetOverLayers : `${name} / its layers`,
      work: name,
      ratio: medianRatio(heat, name, layers.name),
      behind: `${gigamacs(name)} / ${gigamacs(layers.name)}`,
      note: "",
    });
  }
  await float32.close();
  return {
    sections: [
      { title: "LeNet-5 end to end by lane, one worker, over float32 of TensorFlow.js", figures: overFloat },
      {
        title: "LeNet-5 end to end over the same lanes on its four layers' whole matrix products alone",
        figures: overLayers,
      },
    ],
    rates,
  };
}

/** The kernels alone on the layers of one image; a unit is an image. */
function layersContestant(workload: LenetWorkload, session: EngineSession, lenet: Lenet): Contestant {
  const works = layerWorks(workload, session, lenet.images.length / lenet.count);
  const kernels = works.map((work) => openKernel(VECTOR_KERNELS, work));
  return {
    name: "its layers",
    grain: 1,
    run: (images) => {
      for (let image = 0; image < images; image++) for (const kernel of kernels) kernel.run();
    },
  };
}
