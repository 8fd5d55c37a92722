import { SingleBar } from "cli-progress";
import { printable } from "../../isa/printable.ts";

/** Shows how far a long job is. */
export interface Progress {
  update(done: number): void;
  stop(): void;
}

const SILENT: Progress = { update: () => undefined, stop: () => undefined };

/** A bar on standard error when that is a terminal, silence in a pipe. `total` in `unit`s. */
export function startProgress(label: string, total: number, unit: string): Progress {
  if (!process.stderr.isTTY) return SILENT;
  const bar = new SingleBar({
    format: `${printable(label).replaceAll("{", "(")} {bar} {value}/{total} ${unit} · {rate} ${unit}/s · {left} s left`,
    hideCursor: true,
    clearOnComplete: true,
    stream: process.stderr,
  });
  const started = performance.now();
  bar.start(total, 0, { rate: "–", left: "–" });
  return {
    update: (done) => {
      const seconds = (performance.now() - started) / 1000;
      const rate = done / seconds;
      bar.update(done, { rate: rate.toPrecision(3), left: Math.ceil((total - done) / rate) });
    },
    stop: () => bar.stop(),
  };
}
