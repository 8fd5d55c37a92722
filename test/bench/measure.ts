/** Something that does `amount` units of work when asked to. */
export interface Contestant {
  readonly name: string;
  /** The amount must be a multiple of this. */
  readonly grain: number;
  run(amount: number): Promise<void> | void;
}

/** Units of work per second of each contestant, round by round. */
export type Rates = Readonly<Record<string, readonly number[]>>;

/** How long a race lasts. */
export interface Course {
  readonly rounds: number;
  /** Of one run of one contestant. */
  readonly seconds: number;
  /** Hears who starts. */
  readonly onRace?: (names: readonly string[]) => void;
}

/**
 * Runs all contestants in turn, round after round, so that a disturbance of the machine hits them alike; every other
 * round goes backwards, so that a drift does not favour the first.
 */
export async function race(contestants: readonly Contestant[], { rounds, seconds, onRace }: Course): Promise<Rates> {
  onRace?.(contestants.map(({ name }) => name));
  const amounts = new Map<string, number>();
  for (const contestant of contestants) amounts.set(contestant.name, await warmedAmount(contestant, seconds));
  const rates = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
      const amount = amounts.get(contestant.name) ?? contestant.grain;
      rates.get(contestant.name)?.push(amount / (await timed(contestant, amount)));
    }
  }
  return Object.fromEntries(rates);
}

/** Doubles the work until a run takes half of `seconds`, which also lets V8 compile, and takes what fills `seconds`. */
async function warmedAmount(contestant: Contestant, seconds: number): Promise<number> {
  const { grain } = contestant;
  await timed(contestant, grain);
  for (let amount = grain; ; amount *= 2) {
    const taken = await timed(contestant, amount);
    if (taken < seconds / 2) continue;
    return Math.max(1, Math.round((amount / taken) * (seconds / grain))) * grain;
  }
}

async function timed(contestant: Contestant, amount: number): Promise<number> {
  const start = performance.now();
  await contestant.run(amount);
  return (performance.now() - start) / 1000;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

/** Median of a figure that is computed in each round from that round's rates. */
export function medianOfRounds(rates: Rates, figure: (rate: (name: string) => number) => number): number {
  const rounds = Object.values(rates)[0]?.length ?? 0;
  return median(Array.from({ length: rounds }, (_, round) => figure((name) => rates[name]?.[round] ?? Number.NaN)));
}

/** Median over the rounds of one contestant's rate over another's. */
export function medianRatio(rates: Rates, name: string, over: string): number {
  return medianOfRounds(rates, (rate) => rate(name) / rate(over));
}
