/** One step of an LSTM, a GRU or an RNN as nodes that each do one thing. States are batch × hidden. */
import type { NodeSequence } from "../node-sequence.ts";
import { float64Of } from "../operators/operands.ts";
import {
  type Activation,
  type ActivationName,
  RECURRENT_GATES,
  type RecurrentDirection,
  type RecurrentNode,
  type RecurrentOperator,
} from "../operators/recurrent-node.ts";
import type { AnyTensor } from "../tensor-graph.ts";

/** Names of the values after a step; `cell` is for the LSTM only. Null stands for zeros. */
export interface CellState {
  readonly hidden: string | null;
  readonly cell: string | null;
}

export interface NextState {
  readonly hidden: string;
  readonly cell: string | null;
}

/** Adds the nodes of one step, called `<role>/…`, of which `x` is the input. */
export type UnrolledStep = (role: string, x: string, state: CellState) => NextState;

/** The step of one direction; its weights become constants, shared by all steps. */
export function unrolledStep(sequence: NodeSequence, node: RecurrentNode, direction: RecurrentDirection): UnrolledStep {
  return STEPS[node.operator](new UnrolledCell(sequence, node, direction));
}

class UnrolledCell {
  readonly sequence: NodeSequence;
  readonly node: RecurrentNode;
  readonly direction: RecurrentDirection;
  readonly #constants = new Map<string, string>();

  constructor(sequence: NodeSequence, node: RecurrentNode, direction: RecurrentDirection) {
    this.sequence = sequence;
    this.node = node;
    this.direction = direction;
  }

  /** Part of a tensor whose first axis is that of directions. */
  #part(tensor: AnyTensor): Float64Array {
    const values = float64Of(tensor);
    const size = values.length / this.node.directions.length;
    return values.subarray(this.direction.index * size, (this.direction.index + 1) * size);
  }

  /** A constant of this direction, made when first asked for. */
  constant(role: string, shape: readonly number[], numbers: () => ArrayLike<number>): string {
    const side = this.direction.reverse ? "reverse" : "forward";
    const known = this.#constants.get(role);
    if (known !== undefined) return known;
    const name = this.sequence.constant(`${side}/${role}`, this.node.x.type, shape, numbers());
    this.#constants.set(role, name);
    return name;
  }

  /** Bias of a gate: of the input's part, of the state's part, or their sum. */
  #bias(gate: number, parts: readonly ("input" | "state")[]): Float64Array {
    const { hidden, bias, operator } = this.node;
    const sum = new Float64Array(hidden);
    if (bias === undefined) return sum;
    const values = this.#part(bias);
    const rows = RECURRENT_GATES[operator].length * hidden;
    for (const part of parts) {
      const start = (part === "input" ? 0 : rows) + gate * hidden;
      for (let unit = 0; unit < hidden; unit++) sum[unit] = (sum[unit] as number) + (values[start + unit] as number);
    }
    return sum;
  }

  /** Rows of one gate, hidden × features, or hidden × hidden. */
  #rows(tensor: AnyTensor, gate: number): Float64Array {
    const values = this.#part(tensor);
    const size = values.length / RECURRENT_GATES[this.node.operator].length;
    return values.subarray(gate * size, (gate + 1) * size);
  }

  /** W·x + bias, of which the bias of the state's part is a part unless `separate`. */
  fromInput(role: string, gate: number, x: string, separate = false): string {
    const { features, hidden, w } = this.node;
    const name = this.gateName(gate);
    const weights = this.constant(`${name}/input weights`, [hidden, features], () => this.#rows(w, gate));
    const parts = separate ? (["input"] as const) : (["input", "state"] as const);
    const bias = this.constant(`${name}/${separate ? "input bias" : "bias"}`, [hidden], () => this.#bias(gate, parts));
    return this.sequence.add("Gemm", role, [x, weights, bias], { transB: 1 });
  }

  /** R·h + bias of the state's part; where h is zero, the bias alone. */
  fromState(role: string, gate: number, h: string | null): string {
    const { hidden, r } = this.node;
    const name = this.gateName(gate);
    const bias = this.constant(`${name}/state bias`, [hidden], () => this.#bias(gate, ["state"]));
    if (h === null) return bias;
    const weights = this.constant(`${name}/state weights`, [hidden, hidden], () => this.#rows(r, gate));
    return this.sequence.add("Gemm", role, [h, weights, bias], { transB: 1 });
  }

  /** W·x + R·h + bias as one product over x beside h. */
  fromBoth(role: string, gate: number, x: string, h: string | null): string {
    if (h === null) return this.fromInput(role, gate, x);
    const { features, hidden, w, r } = this.node;
    const name = this.gateName(gate);
    const width = features + hidden;
    const weights = this.constant(`${name}/weights`, [hidden, width], () => {
      const rows = new Float64Array(hidden * width);
      for (let unit = 0; unit < hidden; unit++) {
        rows.set(this.#rows(w, gate).subarray(unit * features, (unit + 1) * features), unit * width);
        rows.set(this.#rows(r, gate).subarray(unit * hidden, (unit + 1) * hidden), unit * width + features);
      }
      return rows;
    });
    const bias = this.constant(`${name}/bias`, [hidden], () => this.#bias(gate, ["input", "state"]));
    return this.sequence.add("Gemm", role, [this.beside(role, x, h), weights, bias], { transB: 1 });
  }

  /** x and h in one row, once for all gates that read them. */
  beside(role: string, x: string, h: string): string {
    const key = `${x} beside ${h}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const both = this.sequence.add("Concat", `${role.slice(0, role.lastIndexOf("/"))}/operands`, [x, h], { axis: 1 });
    this.#constants.set(key, both);
    return both;
  }

  /** The sum plus peephole weights times the cell's state; `order` 0 input, 1 output, 2 forget. */
  peephole(role: string, sum: string, order: number, cell: string | null): string {
    const { peepholes, hidden } = this.node;
    if (peepholes === undefined || cell === null) return sum;
    const weights = this.constant(`peephole ${order}`, [hidden], () =>
      this.#part(peepholes).subarray(order * hidden, (order + 1) * hidden),
    );
    const seen = this.sequence.add("Mul", `${role}/peephole`, [cell, weights]);
    return this.sequence.add("Add", `${role}/sum`, [sum, seen]);
  }

  /** The activation at `position` of the direction, after the node's clip. */
  activated(role: string, sum: string, position: number): string {
    const activation = this.direction.activations[position] as Activation;
    return ACTIVATIONS[activation.name](this, role, this.#clipped(role, sum, position), activation);
  }

  #clipped(role: string, sum: string, position: number): string {
    const { clip, operator } = this.node;
    // The LSTM's output function reads the cell's state, which is not clipped.
    if (clip === Infinity || (operator === "LSTM" && position === 2)) return sum;
    if (this.sequence.opset < 11) return this.sequence.add("Clip", `${role}/clip`, [sum], { min: -clip, max: clip });
    const least = this.constant("least", [], () => [-clip]);
    const greatest = this.constant("greatest", [], () => [clip]);
    return this.sequence.add("Clip", `${role}/clip`, [sum, least, greatest]);
  }

  /** 1 − x */
  complement(role: string, x: string): string {
    const one = this.constant("one", [], () => [1]);
    return this.sequence.add("Sub", role, [one, x]);
  }

  gateName(gate: number): string {
    return RECURRENT_GATES[this.node.operator][gate] ?? "gate";
  }
}

type ActivationNodes = (cell: UnrolledCell, role: string, x: string, activation: Activation) => string;

function plain(operator: string): ActivationNodes {
  return ({ sequence }, role, x) => sequence.add(operator, role, [x]);
}

const ACTIVATIONS: Readonly<Record<ActivationName, ActivationNodes>> = {
  Affine: (cell, role, x, { alpha, beta }) => {
    const scaled = cell.sequence.add("Mul", `${role}/scaled`, [x, cell.constant(`alpha ${alpha}`, [], () => [alpha])]);
    return cell.sequence.add("Add", role, [scaled, cell.constant(`beta ${beta}`, [], () => [beta])]);
  },
  Elu: ({ sequence }, role, x, { alpha }) => sequence.add("Elu", role, [x], { alpha }),
  HardSigmoid: ({ sequence }, role, x, { alpha, beta }) => sequence.add("HardSigmoid", role, [x], { alpha, beta }),
  LeakyRelu: ({ sequence }, role, x, { alpha }) => sequence.add("LeakyRelu", role, [x], { alpha }),
  Relu: plain("Relu"),
  ScaledTanh: (cell, role, x, { alpha, beta }) => {
    const scaled = cell.sequence.add("Mul", `${role}/scaled`, [x, cell.constant(`beta ${beta}`, [], () => [beta])]);
    const tanh = cell.sequence.add("Tanh", `${role}/tanh`, [scaled]);
    return cell.sequence.add("Mul", role, [tanh, cell.constant(`alpha ${alpha}`, [], () => [alpha])]);
  },
  Sigmoid: plain("Sigmoid"),
  Softplus: plain("Softplus"),
  Softsign: plain("Softsign"),
  Tanh: plain("Tanh"),
  ThresholdedRelu: ({ sequence }, role, x, { alpha }) => sequence.add("ThresholdedRelu", role, [x], { alpha }),
};

function lstm(cell: UnrolledCell): UnrolledStep {
  const { sequence, node } = cell;
  return (role, x, state) => {
    const gate = (order: number, peephole: number, seen: string | null): string => {
      const name = `${role}/${cell.gateName(order)}`;
      const sum = cell.peephole(`${name} gate`, cell.fromBoth(`${name} sum`, order, x, state.hidden), peephole, seen);
      return cell.activated(`${name} gate`, sum, 0);
    };
    const input = gate(0, 0, state.cell);
    const candidateSum = cell.fromBoth(`${role}/cell sum`, 3, x, state.hidden);
    const candidate = cell.activated(`${role}/candidate`, candidateSum, 1);
    let next = sequence.add("Mul", `${role}/${state.cell === null ? "cell" : "written"}`, [input, candidate]);
    if (state.cell !== null) {
      const forget = node.coupled ? cell.complement(`${role}/forget gate`, input) : gate(2, 2, state.cell);
      const kept = sequence.add("Mul", `${role}/kept`, [forget, state.cell]);
      next = sequence.add("Add", `${role}/cell`, [kept, next]);
    }
    const output = gate(1, 1, next);
    const shown = cell.activated(`${role}/shown`, next, 2);
    return { hidden: sequence.add("Mul", `${role}/hidden`, [output, shown]), cell: next };
  };
}

function gru(cell: UnrolledCell): UnrolledStep {
  const { sequence, node } = cell;
  return (role, x, { hidden }) => {
    const gate = (order: number): string => {
      const name = `${role}/${cell.gateName(order)}`;
      return cell.activated(`${name} gate`, cell.fromBoth(`${name} sum`, order, x, hidden), 0);
    };
    const update = gate(0);
    let sum: string;
    if (node.linearBeforeReset) {
      const fromState = cell.fromState(`${role}/state sum`, 2, hidden);
      const reset = sequence.add("Mul", `${role}/reset state`, [gate(1), fromState]);
      sum = sequence.add("Add", `${role}/hidden sum`, [cell.fromInput(`${role}/input sum`, 2, x, true), reset]);
    } else {
      const reset = hidden === null ? null : sequence.add("Mul", `${role}/reset state`, [gate(1), hidden]);
      sum = cell.fromBoth(`${role}/hidden sum`, 2, x, reset);
    }
    const candidate = cell.activated(`${role}/candidate`, sum, 1);
    const share = cell.complement(`${role}/share`, update);
    const written = sequence.add("Mul", `${role}/${hidden === null ? "hidden" : "written"}`, [share, candidate]);
    if (hidden === null) return { hidden: written, cell: null };
    const kept = sequence.add("Mul", `${role}/kept`, [update, hidden]);
    return { hidden: sequence.add("Add", `${role}/hidden`, [written, kept]), cell: null };
  };
}

function rnn(cell: UnrolledCell): UnrolledStep {
  return (role, x, { hidden }) => ({
    hidden: cell.activated(`${role}/hidden`, cell.fromBoth(`${role}/hidden sum`, 0, x, hidden), 0),
    cell: null,
  });
}

const STEPS: Readonly<Record<RecurrentOperator, (cell: UnrolledCell) => UnrolledStep>> = {
  LSTM: lstm,
  GRU: gru,
  RNN: rnn,
};
