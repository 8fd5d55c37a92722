import { SingleBar } from "cli-progress";
import { printable } from "../../isa/printable.ts";
import { grouped } from "../report/text/wording.ts";

/** Shows how far a long job is. */
export interface Progress {
  update(done: number): void;
  stop(): void;
}

/** Where progress goes, and what tells the time. */
export interface ProgressOutput {
  readonly stream: Pick<NodeJS.WriteStream, "write"> & { readonly isTTY?: boolean; readonly columns?: number };
  /** Milliseconds. */
  readonly now: () => number;
  /** Calls back once after so many milliseconds, until the function it returns is called; keeps no process alive. */
  readonly later: (callback: () => void, milliseconds: number) => () => void;
}

const USUAL: ProgressOutput = {
  stream: process.stderr,
  now: () => performance.now(),
  later: (callback, milliseconds) => {
    const timer = setTimeout(callback, milliseconds).unref();
    return () => clearTimeout(timer);
  },
};

/** What a line of progress says. */
export interface ProgressState {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly seconds: number;
}

/** A bar on standard error when that is a terminal, a line a minute in a pipe. `total` in `unit`s. */
export function startProgress(label: string, total: number, unit: string, output: ProgressOutput = USUAL): Progress {
  const started = output.now();
  const stateAt = (done: number): ProgressState => ({
    ...{ label: printable(label), done, total, unit },
    seconds: (output.now() - started) / 1000,
  });
  return output.stream.isTTY ? bar(stateAt, total, output) : lines(stateAt, output);
}

type StateAt = (done: number) => ProgressState;

/** Of a terminal that does not say how wide it is, or says 0. */
const USUAL_COLUMNS = 80;

function bar(stateAt: StateAt, total: number, { stream }: ProgressOutput): Progress {
  const drawn = new SingleBar({
    format: (_options, { value }) => progressBar(stateAt(value), stream.columns || USUAL_COLUMNS),
    hideCursor: true,
    clearOnComplete: true,
    stream: stream as NodeJS.WriteStream,
  });
  drawn.start(total, 0);
  return { update: (done) => drawn.update(done), stop: () => drawn.stop() };
}

const MINUTE = 60_000;

/** When the last line was written, by the stream: one job after the other shares the minute. */
const lastLines = new WeakMap<object, number>();

function lines(stateAt: StateAt, { stream, now, later }: ProgressOutput): Progress {
  let done = 0;
  let cancel: () => void = () => undefined;
  const wait = (): void => {
    const last = lastLines.get(stream) ?? now();
    lastLines.set(stream, last);
    cancel = later(
      () => {
        lastLines.set(stream, now());
        stream.write(`${progressLine(stateAt(done))}\n`);
        wait();
      },
      Math.max(0, last + MINUTE - now()),
    );
  };
  wait();
  return {
    update: (value) => {
      done = value;
    },
    stop: () => cancel(),
  };
}

/** `run: 120/1,000 images, 2.1 images/s, 7 min left`. */
export function progressLine(state: ProgressState): string {
  const { label, done, total, unit } = state;
  return `${label}: ${grouped(done)}/${grouped(total)} ${unit}, ${rateText(state)}, ${leftText(state)} left`;
}

/** Of the bar itself, characters. */
const LONGEST_BAR = 40;
const SHORTEST_BAR = 8;

/**
 * `run ████░░░░ 120/1000 images · 2.1 images/s · 7 min left` in less than `columns` characters: the bar is shortened first, then the
 * name, then the rate goes. The time left stays.
 */
export function progressBar(state: ProgressState, columns: number): string {
  const { label, done, total, unit } = state;
  const left = `${leftText(state)} left`;
  const counted = `${done}/${total} ${unit}`;
  const room = Math.max(1, columns - 1);
  for (const tail of [`${counted} · ${rateText(state)} · ${left}`, `${counted} · ${left}`, left]) {
    const free = room - tail.length - 2;
    if (free < SHORTEST_BAR + 4) continue;
    const length = Math.max(SHORTEST_BAR, Math.min(LONGEST_BAR, free - label.length));
    const name = shortened(label, free - length);
    const full = Math.round(length * Math.min(1, total === 0 ? 1 : done / total));
    return `${name} ${"█".repeat(full)}${"░".repeat(length - full)} ${tail}`;
  }
  return left.slice(0, room);
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}

function rateText({ done, seconds, unit }: ProgressState): string {
  if (done === 0 || seconds === 0) return `– ${unit}/s`;
  return `${Number((done / seconds).toPrecision(3))} ${unit}/s`;
}

function leftText({ done, total, seconds }: ProgressState): string {
  if (done === 0) return "–";
  const left = Math.ceil((seconds * Math.max(0, total - done)) / done);
  if (left < 100) return `${left} s`;
  return left < 100 * 60 ? `${Math.ceil(left / 60)} min` : `${Math.ceil(left / 3600)} h`;
}
