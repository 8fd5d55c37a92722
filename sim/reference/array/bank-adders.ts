interface Addition {
  readonly instruction: number;
  readonly perform: () => void;
}

/**
 * The adders between the array's lower edge and the accumulator bank. What reaches them in one cycle is added and written
 * in the next, before anything else of that cycle: a reader of the same cycle sees it, the next instruction's included.
 */
export class BankAdders {
  #waiting: Addition[] = [];

  /** Hands over an addition of this cycle, to be performed in the next. */
  schedule(instruction: number, perform: () => void): void {
    this.#waiting.push({ instruction, perform });
  }

  /** Performs the additions of the cycle before; `executing` is told the instruction of each. */
  step(executing: (instruction: number) => void): void {
    if (this.#waiting.length === 0) return;
    const additions = this.#waiting;
    this.#waiting = [];
    for (const { instruction, perform } of additions) {
      executing(instruction);
      perform();
    }
  }
}
