import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SimulationPool } from "../../sim/pool/pool.ts";
import { compileLenet, openLenet } from "./lenet-workload.ts";
import { BATCH_IMAGES } from "./race-lenet.ts";
import { workerCounts } from "./race-workers.ts";

/** Memory of a process that holds LeNet and a pool of workers which have run images, MB (10^6 bytes). */
export interface PoolMemory {
  readonly workers: number;
  readonly residentMegabytes: number;
}

export interface WorkerMemory {
  readonly pools: readonly PoolMemory[];
  /** Of each worker beyond the first. */
  readonly megabytesPerWorker: number;
  /** Words of constants that all workers read in one place. */
  readonly sharedMegabytes: number;
}

/** Measures each pool in a process of its own, so that none inherits another's garbage. */
export async function measureWorkerMemory(counts: readonly number[] = workerCounts()): Promise<WorkerMemory> {
  const answers: { readonly pool: PoolMemory; readonly sharedMegabytes: number }[] = [];
  for (const workers of counts) {
    const { stdout } = await promisify(execFile)(process.execPath, [programFile(), String(workers)]);
    answers.push(JSON.parse(stdout));
  }
  const pools = answers.map(({ pool }) => pool);
  const [first, last] = [pools[0], pools.at(-1)];
  const more = (last?.workers ?? 0) - (first?.workers ?? 0);
  return {
    pools,
    megabytesPerWorker: ((last?.residentMegabytes ?? 0) - (first?.residentMegabytes ?? 0)) / more,
    sharedMegabytes: answers[0]?.sharedMegabytes ?? 0,
  };
}

/** A process of its own runs compiled JavaScript: from source, the build in dist/ serves. */
function programFile(): string {
  const fromSource = import.meta.url.endsWith(".ts");
  return fileURLToPath(
    new URL(fromSource ? "../../dist/test/bench/worker-memory.js" : "./worker-memory.js", import.meta.url),
  );
}

async function measureHere(workers: number): Promise<void> {
  const lenet = await openLenet(workers * BATCH_IMAGES * 4);
  const { program, raws } = compileLenet(lenet, { format: "16,8", datapath: "intrinsic" });
  const pool = new SimulationPool("fast", workers);
  await pool.run(program, raws, lenet.count, { batchImages: BATCH_IMAGES, observedImages: 0 });
  const residentMegabytes = process.memoryUsage.rss() / 1e6;
  await pool.close();
  const sharedMegabytes = program.constants.reduce((sum, constant) => sum + constant.raws.byteLength, 0) / 1e6;
  process.stdout.write(JSON.stringify({ pool: { workers, residentMegabytes }, sharedMegabytes }));
}

// This module is the measured process's program as well.
if (process.argv[1] === fileURLToPath(import.meta.url)) await measureHere(Number(process.argv[2]));
