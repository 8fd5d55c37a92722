/** A chain of registers: what is shifted in comes out `length` steps later; at once where the length is 0. Null is empty. */
export class ShiftRegister<Value> {
  readonly #stages: (Value | null)[];

  constructor(length: number) {
    this.#stages = new Array<Value | null>(length).fill(null);
  }

  shift(entering: Value | null): Value | null {
    if (this.#stages.length === 0) return entering;
    const leaving = this.#stages.pop() ?? null;
    this.#stages.unshift(entering);
    return leaving;
  }
}
