/** The array while one matrix instruction runs. */
export interface MatrixArray {
  /** Clocks every register once. True when this was the last step of the instruction. */
  step(): boolean;
}
