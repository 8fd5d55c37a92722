/**
 * `npm run bench [-- --json <file>]`: how fast is the fast engine? Three ratios, each between things that ran in turn on
 * the same machine, because absolute rates say more of the machine than of the program:
 *
 * - to the same arithmetic written straight in BigInt (bigint-lenet.ts), one thread each;
 * - what a second worker of the pool gains, to what a second thread gains for a pure integer loop;
 * - to float32 inference of the same network through TensorFlow.js.
 *
 * Exit code 0 when every target is met, 1 when one is missed, 70 when the two computations differ in a raw.
 */
import { parseArgs } from "node:util";
import { InvariantError, type Raws } from "../../isa/index.ts";
import { EXIT, explainError } from "../../runtime/cli/exit-codes.ts";
import { emit } from "../../runtime/cli/output.ts";
import { openFloatReference } from "../../runtime/session/float.ts";
import type { EngineSession } from "../../sim/engine.ts";
import { ENGINES } from "../../sim/engines.ts";
import { SimulationPool } from "../../sim/pool/pool.ts";
import { type BigintNetwork, bigintNetwork } from "./bigint-lenet.ts";
import { LoopThreads } from "./integer-loop.ts";
import { compileLenet, type Lenet, type LenetWorkload, openLenet } from "./lenet-workload.ts";
import { type Contestant, median, medianOfRounds, type Rates, race } from "./measure.ts";
import { type BenchReport, benchText, describeHost, type Figure, misses, significant } from "./report.ts";

const SETTING = { format: "16,8", datapath: "intrinsic" };
const ROUNDS = 9;
/** Of one run of one contestant. */
const SECONDS = 0.8;
/** As in the command. */
const BATCH_IMAGES = 10;

/** Images of the data set, from its front, over and over. */
type ImageSource = (images: number) => Raws;

async function bench(): Promise<BenchReport> {
  const host = describeHost();
  const lenet = await openLenet();
  const workload = compileLenet(lenet, SETTING);
  const macs = workload.program.layers.reduce((sum, layer) => sum + layer.macs, 0);
  const source = imageSource(workload, lenet.count);
  const single = await raceSingleThread(lenet, workload, source);
  const threads = await raceThreads(workload, source);
  return {
    schema: "macroscope/bench/1",
    host,
    workload: `LeNet-5, ${significant(macs)}MAC an image, intrinsic 16,8 nearest saturate, output-stationary`,
    rounds: ROUNDS,
    figures: [...singleThreadFigures(single, macs), scalingFigure(threads)],
    rates: { ...single, ...threads },
  };
}

function imageSource({ raws }: LenetWorkload, count: number): ImageSource {
  const elements = raws.length / count;
  return (images) => {
    if (!(raws instanceof Int32Array)) throw new InvariantError("the workload's input is wider than 32 bits");
    const all = new Int32Array(images * elements);
    for (let first = 0; first < images; first += count) {
      all.set(raws.subarray(0, Math.min(count, images - first) * elements), first * elements);
    }
    return all;
  };
}

async function raceSingleThread(lenet: Lenet, workload: LenetWorkload, source: ImageSource): Promise<Rates> {
  const opened = ENGINES.fast.open(workload.program);
  if ("fault" in opened) throw new InvariantError(`the fast engine refused LeNet: ${opened.fault.message}`);
  const { session } = opened;
  const bigint = bigintNetwork(workload);
  requireSameRaws(session, bigint, source, CHECKED_IMAGES);
  const { network } = await openFloatReference(lenet.prepared.graph);
  const elements = lenet.images.length / lenet.count;
  const rates = await race(
    [
      { name: "fast", warmUp: 20, grain: 1, run: (images) => void runFast(session, source(images), images) },
      { name: "bigint", warmUp: 1, grain: 1, run: (images) => runBigint(bigint, source(images), images) },
      {
        name: "float32",
        warmUp: 64,
        grain: 64,
        run: async (images) => {
          for (let left = images; left > 0; left -= lenet.count) {
            const count = Math.min(left, lenet.count);
            await network.run(lenet.images.subarray(0, count * elements), count);
          }
        },
      },
    ],
    ROUNDS,
    SECONDS,
  );
  network.dispose();
  return rates;
}

const CHECKED_IMAGES = 8;

function runFast(session: EngineSession, raws: Raws, count: number): Raws {
  const result = session.run({ firstImage: 0, count, raws }, { statistics: false, capture: false });
  if (result.fault !== null) throw new InvariantError(`LeNet faulted: ${result.fault.message}`);
  return result.outputs;
}

function runBigint(network: BigintNetwork, raws: Raws, count: number): void {
  const elements = raws.length / count;
  const words = Array.from(raws, BigInt);
  for (let image = 0; image < count; image++) network(words.slice(image * elements, (image + 1) * elements));
}

function requireSameRaws(session: EngineSession, network: BigintNetwork, source: ImageSource, count: number): void {
  const raws = source(count);
  const elements = raws.length / count;
  const expected = Array.from({ length: count }, (_, image) =>
    network(Array.from(raws.subarray(image * elements, (image + 1) * elements), BigInt)),
  ).flat();
  const found = Array.from(runFast(session, raws, count), BigInt);
  const wrong = expected.findIndex((raw, index) => found[index] !== raw);
  if (wrong < 0 && expected.length === found.length) return;
  throw new InvariantError(`output word ${wrong}: the fast engine has ${found[wrong]}, BigInt ${expected[wrong]}`);
}

/** Contestants whose names tell the number of threads. */
async function raceThreads(workload: LenetWorkload, source: ImageSource): Promise<Rates> {
  const pools = [1, 2].map((workers) => new SimulationPool(workload.program, "fast", workers));
  const loops = [1, 2].map((threads) => new LoopThreads(threads));
  const contestants = [1, 2].flatMap((threads, index): Contestant[] => {
    const [pool, loop] = [pools[index] as SimulationPool, loops[index] as LoopThreads];
    const options = { batchImages: BATCH_IMAGES, observedImages: 0 };
    // The images lie ready before the clock starts: laying them out is not the pool's work.
    const images = new Map<number, Raws>();
    return [
      { name: `loop ${threads}`, warmUp: 2e7, grain: threads, run: (turns) => loop.run(turns) },
      {
        name: `pool ${threads}`,
        warmUp: 8 * BATCH_IMAGES,
        grain: threads * BATCH_IMAGES,
        run: async (count) => {
          const raws = images.get(count) ?? source(count);
          images.set(count, raws);
          const { fault } = await pool.run(raws, count, options);
          if (fault !== null) throw new InvariantError(`LeNet faulted: ${fault.message}`);
        },
      },
    ];
  });
  try {
    return await race(contestants, ROUNDS, SECONDS);
  } finally {
    await Promise.all([...pools, ...loops].map((each) => each.close()));
  }
}

function singleThreadFigures(rates: Rates, macs: number): readonly Figure[] {
  const images = (name: string): string => `${significant(median(rates[name] ?? []))} images/s`;
  const fast = median(rates.fast ?? []);
  return [
    {
      question: "fast engine / the same arithmetic in BigInt",
      ratio: medianOfRounds(rates, (rate) => rate("fast") / rate("bigint")),
      target: 5,
      behind: `${images("fast")} (${significant(fast * macs)}MAC/s) / ${images("bigint")}, one thread each`,
    },
    {
      question: "fast engine / float32 in TensorFlow.js",
      ratio: medianOfRounds(rates, (rate) => rate("fast") / rate("float32")),
      target: null,
      behind: `${images("fast")} / ${images("float32")}, one thread each`,
    },
  ];
}

function scalingFigure(rates: Rates): Figure {
  const gain = (name: string): string =>
    medianOfRounds(rates, (rate) => rate(`${name} 2`) / rate(`${name} 1`)).toFixed(2);
  const images = (workers: number): string => significant(median(rates[`pool ${workers}`] ?? []));
  return {
    question: "gain of a second worker / of a second thread for an integer loop",
    ratio: medianOfRounds(rates, (rate) => rate("pool 2") / rate("pool 1") / (rate("loop 2") / rate("loop 1"))),
    target: 0.9,
    behind: `${gain("pool")} (${images(1)} → ${images(2)} images/s) / ${gain("loop")}`,
  };
}

async function main(): Promise<number> {
  try {
    const { values } = parseArgs({ options: { json: { type: "string" } } });
    const report = await bench();
    await emit({ json: values.json }, report, benchText(report));
    return misses(report).length === 0 ? EXIT.done : EXIT.no;
  } catch (error) {
    const { lines, exitCode } = explainError(error);
    for (const line of lines) process.stderr.write(`${line}\n`);
    return exitCode;
  }
}

process.exitCode = await main();
