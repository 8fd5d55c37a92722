/**
 * Formats for each register by itself: from a comfortable start, what each one needs alone, all of them together, and then bit
 * by bit where a bit is cheapest to lose.
 */
import { InvariantError } from "../../../isa/diagnostic.ts";
import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import { type Judged, judgeIfPossible, type TrialRunner } from "../trial-runner.ts";
import type { Priced } from "./objective.ts";
import {
  assignmentOf,
  changeText,
  type Formats,
  formatOf,
  registerBits,
  type SearchRegister,
  type SearchSpace,
  sensible,
  shortened,
  startFormats,
  withFormat,
} from "./search-space.ts";
import { advantage } from "./target.ts";

/** What one register needs while all others are as at the start. */
export interface RegisterNeed {
  /** The least word length that keeps the target. */
  readonly targetWordLength: number;
  /** The least word length with the same output bits as the start; null where outputs have no digest. */
  readonly identicalWordLength: number | null;
  /** What the figure loses by that least length that keeps the target, in the target's unit. */
  readonly loss: number;
  /** What it loses by one bit less; null where a single bit keeps the target. */
  readonly lossBeyond: number | null;
}

export interface ComfortableStart {
  readonly wordLength: number;
  readonly formats: Formats;
  readonly judged: Judged;
}

/** Word lengths that a search starts from, the first of them that keeps the target. */
const START_LENGTHS = [16, 24, 32, 48] as const;

/** Null where not even the longest words keep the target. */
export async function comfortableStart(runner: TrialRunner, space: SearchSpace): Promise<ComfortableStart | null> {
  for (const wordLength of START_LENGTHS) {
    const formats = startFormats(space, wordLength);
    const change = `start: all registers ${wordLength} bits`;
    const judged = await judgeIfPossible(runner, assignmentOf(space, formats), change, { whole: true });
    if (judged?.verdict === "kept") return { wordLength, formats, judged };
  }
  return null;
}

/** One need per register of the space, by bisection. */
export async function needsAlone(
  runner: TrialRunner,
  space: SearchSpace,
  start: ComfortableStart,
): Promise<readonly RegisterNeed[]> {
  const needs: RegisterNeed[] = [];
  for (const [index, register] of space.registers.entries()) {
    const judgeAt = (wordLength: number): Promise<Judged> => {
      const format = formatOf(register, wordLength);
      const assignment = assignmentOf(space, withFormat(space, start.formats, index, format));
      return runner.judge(assignment, `alone: ${changeText(register, format)}`);
    };
    const lossOf = ({ figure }: Judged): number => advantage(runner.target.kind, start.judged.figure, figure);
    const longest = start.formats[index]?.wordLength ?? start.wordLength;
    let found = start.judged;
    let beyond: Judged | null = null;
    const targetWordLength = await least(1, longest, async (wordLength) => {
      const judged = await judgeAt(wordLength);
      if (judged.verdict === "kept") found = judged;
      else beyond = judged;
      return judged.verdict === "kept";
    });
    const reference = start.judged.assignment;
    const atStart = await runner.identical(reference, reference);
    const identicalWordLength =
      atStart === null
        ? null
        : await least(1, longest, async (wordLength) => {
            const format = formatOf(register, wordLength);
            const assignment = assignmentOf(space, withFormat(space, start.formats, index, format));
            return (await runner.identical(assignment, reference)) === true;
          });
    needs.push({
      targetWordLength,
      identicalWordLength,
      loss: lossOf(found),
      lossBeyond: beyond === null ? null : lossOf(beyond),
    });
  }
  return needs;
}

/** The register that holds the target back first as all are shortened alike: it needs most bits, or loses most by one less. */
export function bottleneckOf(needs: readonly RegisterNeed[]): number {
  const rank = ({ targetWordLength, lossBeyond }: RegisterNeed): readonly [number, number] => [
    lossBeyond === null ? 0 : targetWordLength,
    lossBeyond ?? 0,
  ];
  let worst = 0;
  for (const [index, need] of needs.entries()) {
    const [length, loss] = rank(need);
    const [worstLength, worstLoss] = rank(needs[worst] ?? need);
    if (length > worstLength || (length === worstLength && loss > worstLoss)) worst = index;
  }
  return worst;
}

export interface DescentOptions {
  readonly price: (candidate: Priced) => number;
  /** What the figure must reach; the target with its margin where nothing is said. */
  readonly limit?: number;
  /** Every trial on all images. */
  readonly whole?: boolean;
}

/** Registers whose shortening brings less than this share of all that can be saved are shortened last. */
const SMALL_SHARE = 0.01;

/**
 * Shortens all registers together. Registers that cost something come first: as long as each needs alone and one bit more, two
 * bits more, … until the target holds; then one bit at a time, at the low or the high end, wherever most is saved per figure lost. A
 * bit that cannot go is not asked for again. Then the same for those that cost next to nothing. What is left is seen on all images;
 * where it misses, the last bits come back.
 */
export async function shortenTogether(
  runner: TrialRunner,
  space: SearchSpace,
  start: ComfortableStart,
  needs: readonly RegisterNeed[],
  options: DescentOptions,
): Promise<{ readonly formats: Formats; readonly judged: Judged }> {
  const descent = new Descent(runner, space, start, needs, options);
  const [costly, cheap] = descent.byShare();
  for (const group of [costly, cheap]) {
    await descent.toNeeds(group);
    await descent.bitByBit(group);
  }
  await descent.bitByBit(costly);
  return descent.verified();
}

class Descent {
  readonly #runner: TrialRunner;
  readonly #space: SearchSpace;
  readonly #start: ComfortableStart;
  readonly #needs: readonly RegisterNeed[];
  readonly #options: DescentOptions;
  /** Assignments that were kept, the last one the present; the first was seen on all images. */
  readonly #path: { readonly formats: Formats; readonly judged: Judged }[];
  /** Figure lost when a register was last shortened. */
  readonly #losses: number[];
  /** What a move saves, as of the last time its register changed: costs of different registers hardly meet. */
  readonly #savings: Map<string, number> = new Map();

  constructor(
    runner: TrialRunner,
    space: SearchSpace,
    start: ComfortableStart,
    needs: readonly RegisterNeed[],
    options: DescentOptions,
  ) {
    this.#runner = runner;
    this.#space = space;
    this.#start = start;
    this.#needs = needs;
    this.#options = options;
    this.#path = [{ formats: start.formats, judged: start.judged }];
    this.#losses = needs.map(({ loss }) => finiteLoss(loss));
  }

  /** Registers by index: those worth at least a hundredth of what all can save, and the others. */
  byShare(): readonly [costly: readonly number[], cheap: readonly number[]] {
    const { formats } = this.#start;
    const before = this.#price(formats);
    const saved = this.#space.registers.map(
      (register, index) =>
        before - this.#price(withFormat(this.#space, formats, index, this.#needed(register, index, 0))),
    );
    const total = saved.reduce((sum, each) => sum + each, 0);
    const indices = [...saved.keys()];
    const isCostly = (index: number): boolean => (saved[index] ?? 0) >= SMALL_SHARE * total;
    return [indices.filter(isCostly), indices.filter((index) => !isCostly(index))];
  }

  /** Each register of the group as long as it needs alone, or the least number of bits more that keeps the target. */
  async toNeeds(group: readonly number[]): Promise<void> {
    for (let more = 0; more < this.#start.wordLength; more++) {
      const formats = sensible(
        this.#space,
        this.#present().formats.map((format, index) => {
          const register = this.#space.registers[index];
          return register === undefined || !group.includes(index) ? format : this.#needed(register, index, more);
        }),
      );
      if (await this.#accepts(formats, `together: needs alone + ${more}`)) return;
    }
  }

  async bitByBit(group: readonly number[]): Promise<void> {
    const blocked = new Set<string>();
    for (;;) {
      const move = this.#bestMove(group, blocked);
      if (move === null) return;
      const before = this.#present().judged;
      const register = this.#space.registers[move.index];
      if (register === undefined) throw new InvariantError(`no register ${move.index}`);
      if (await this.#accepts(move.formats, changeText(register, move.format))) {
        const lost = advantage(this.#runner.target.kind, before.figure, this.#present().judged.figure);
        this.#losses[move.index] = finiteLoss(lost);
        for (const end of ["low", "high"]) this.#savings.delete(`${move.index} ${end}`);
      } else blocked.add(move.name);
    }
  }

  /** The present assignment, or the last before it that keeps the target on all images. */
  async verified(): Promise<{ readonly formats: Formats; readonly judged: Judged }> {
    for (const { formats, judged } of [...this.#path].reverse()) {
      const whole = await this.#runner.judge(judged.assignment, `whole: ${judged.change}`, {
        ...this.#limit(),
        whole: true,
      });
      if (whole.verdict === "kept") return { formats, judged: whole };
    }
    const [first] = this.#path;
    if (first === undefined) throw new InvariantError("a search without a start");
    return first;
  }

  /** The move that saves most for what it probably loses; null where none is left that saves anything. */
  #bestMove(group: readonly number[], blocked: ReadonlySet<string>): Move | null {
    const { formats } = this.#present();
    let price: number | null = null;
    const before = (): number => {
      price ??= this.#price(formats);
      return price;
    };
    let best: Move | null = null;
    for (const index of group) {
      for (const end of ["low", "high"] as const) {
        const name = `${index} ${end}`;
        const old = formats[index];
        const format = blocked.has(name) || old === undefined ? null : shortened(old, end);
        if (format === null) continue;
        const moved = withFormat(this.#space, formats, index, format);
        const saved = this.#savings.get(name) ?? before() - this.#price(moved);
        this.#savings.set(name, saved);
        if (saved <= 0) continue;
        const rank = saved / ((this.#losses[index] ?? 0) + LEAST_LOSS);
        if (best === null || rank > best.rank) best = { index, name, format, formats: moved, rank };
      }
    }
    return best;
  }

  async #accepts(formats: Formats, change: string): Promise<boolean> {
    const assignment = assignmentOf(this.#space, formats);
    const judged = await this.#runner.judge(assignment, change, {
      ...this.#limit(),
      whole: this.#options.whole === true,
    });
    if (judged.verdict === "kept") this.#path.push({ formats, judged });
    return judged.verdict === "kept";
  }

  #limit(): { limit?: number } {
    return this.#options.limit === undefined ? {} : { limit: this.#options.limit };
  }

  #present(): { readonly formats: Formats; readonly judged: Judged } {
    const last = this.#path.at(-1);
    if (last === undefined) throw new InvariantError("a search without a start");
    return last;
  }

  #needed(register: SearchRegister, index: number, more: number): FixedPointFormat {
    const longest = this.#start.formats[index]?.wordLength ?? this.#start.wordLength;
    const wanted = (this.#needs[index]?.targetWordLength ?? longest) + more;
    return formatOf(register, Math.min(longest, wanted));
  }

  #price(formats: Formats): number {
    const cost = this.#runner.cost(assignmentOf(this.#space, formats));
    return this.#options.price({ cost, registerBits: registerBits(this.#space, formats) });
  }
}

interface Move {
  readonly index: number;
  readonly name: string;
  readonly format: FixedPointFormat;
  readonly formats: Formats;
  readonly rank: number;
}

/** Counts as lost where nothing was seen to be lost, in the target's unit: moves are then ranked by what they save. */
const LEAST_LOSS = 1e-3;

/** From a figure without any error every step loses infinitely much: then what is saved decides alone. */
function finiteLoss(loss: number): number {
  return Number.isFinite(loss) ? Math.max(0, loss) : 0;
}

/** The least integer of low … high that holds, if all above it do; `high` is taken to hold. */
async function least(low: number, high: number, holds: (value: number) => Promise<boolean>): Promise<number> {
  let [bottom, top] = [low, high];
  while (bottom < top) {
    const middle = Math.floor((bottom + top) / 2);
    if (await holds(middle)) top = middle;
    else bottom = middle + 1;
  }
  return top;
}
