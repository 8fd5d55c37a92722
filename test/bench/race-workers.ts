import { availableParallelism } from "node:os";
import { InvariantError, type Raws } from "../../isa/index.ts";
import { SimulationPool } from "../../sim/pool/pool.ts";
import { LoopThreads } from "./integer-loop.ts";
import { compileLenet, type Lenet } from "./lenet-workload.ts";
import { type Contestant, type Course, median, medianOfRounds, type Rates, race } from "./measure.ts";
import { BATCH_IMAGES, imageSource } from "./race-lenet.ts";
import { type Figure, type Section, significant } from "./report.ts";
import { FIGURE } from "./targets.ts";

/** 1, 2, then doubled, and as many as the machine has processors. */
export function workerCounts(processors: number = availableParallelism()): readonly number[] {
  const counts = [1, 2];
  for (let count = 4; count < processors; count *= 2) counts.push(count);
  return processors > 2 ? [...counts, processors] : counts;
}

/** LeNet on pools of workers, in turn with a pure integer loop on as many threads. */
export async function raceWorkers(
  lenet: Lenet,
  course: Course,
  counts: readonly number[] = workerCounts(),
): Promise<{ readonly section: Section; readonly rates: readonly Rates[] }> {
  const workload = compileLenet(lenet, { format: "16,8", datapath: "intrinsic" });
  const source = imageSource(workload, lenet.count);
  const pools = counts.map((workers) => new SimulationPool("fast", workers));
  const loops = counts.map((threads) => new LoopThreads(threads));
  const contestants = counts.flatMap((count, index): Contestant[] => {
    const [pool, loop] = [pools[index] as SimulationPool, loops[index] as LoopThreads];
    // The images lie ready before the clock starts: laying them out is not the pool's work.
    const ready = new Map<number, Raws>();
    return [
      { name: `loop ${count}`, grain: count * 1_000_000, run: (turns) => loop.run(turns) },
      {
        name: `pool ${count}`,
        grain: count * BATCH_IMAGES,
        run: async (images) => {
          const raws = ready.get(images) ?? source(images);
          ready.set(images, raws);
          const { fault } = await pool.run(workload.program, raws, images, {
            batchImages: BATCH_IMAGES,
            observedImages: 0,
          });
          if (fault !== null) throw new InvariantError(`LeNet faulted: ${fault.message}`);
        },
      },
    ];
  });
  try {
    const rates = await race(contestants, course);
    const title = "Gain of n workers on LeNet over the gain of n threads for a pure integer loop";
    return { section: { title, figures: counts.slice(1).map((count) => gainFigure(rates, count)) }, rates: [rates] };
  } finally {
    await Promise.all([...pools, ...loops].map((each) => each.close()));
  }
}

function gainFigure(rates: Rates, count: number): Figure {
  const gain = (name: string): string =>
    medianOfRounds(rates, (rate) => rate(`${name} ${count}`) / rate(`${name} 1`)).toFixed(2);
  const images = (workers: number): string => significant(median(rates[`pool ${workers}`] ?? []));
  return {
    name: count === 2 ? FIGURE.secondWorker : `${count} workers / ${count} threads`,
    work: `${count} workers`,
    ratio: medianOfRounds(
      rates,
      (rate) => rate(`pool ${count}`) / rate("pool 1") / (rate(`loop ${count}`) / rate("loop 1")),
    ),
    behind: `${gain("pool")} / ${gain("loop")}`,
    note: `${images(1)} → ${images(count)} images/s`,
  };
}
