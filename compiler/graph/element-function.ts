/** Functions of one number that a `function` node applies to every element: what each is, in float64. */
import { erf } from "./error-function.ts";

/** A function and its constants. Bounds of `clip` may be infinite; every other constant is finite. */
export type ElementFunction =
  /** min(max(x, minimum), maximum). */
  | { readonly kind: "clip"; readonly minimum: number; readonly maximum: number }
  | { readonly kind: "abs" }
  /** x from 0 up, slope · x below. */
  | { readonly kind: "leakyRelu"; readonly slope: number }
  /** x above the threshold, else 0. */
  | { readonly kind: "thresholdedRelu"; readonly threshold: number }
  /** scale from 0 up, −scale below. */
  | { readonly kind: "sign"; readonly scale: number }
  /** min(max(slope · x + offset, 0), 1). */
  | { readonly kind: "hardSigmoid"; readonly slope: number; readonly offset: number }
  /** x · min(max(x / 6 + 1/2, 0), 1). */
  | { readonly kind: "hardSwish" }
  /** x + bias below −threshold, x − bias above it, 0 between. */
  | { readonly kind: "shrink"; readonly threshold: number; readonly bias: number }
  /** 1 / (1 + e^−x). */
  | { readonly kind: "sigmoid" }
  /** ln(1 + e^x). */
  | { readonly kind: "softplus" }
  /** x / (1 + |x|). */
  | { readonly kind: "softsign" }
  /** x from 0 up, scale · (e^(x / width) − 1) below; all of it times gain: elu, celu and selu. */
  | { readonly kind: "elu"; readonly scale: number; readonly width: number; readonly gain: number }
  /** x / (1 + e^(−slope · x)): swish, silu. */
  | { readonly kind: "swish"; readonly slope: number }
  /** x · tanh(ln(1 + e^x)). */
  | { readonly kind: "mish" }
  /** x · Φ(x), or its approximation by tanh. */
  | { readonly kind: "gelu"; readonly approximate: boolean }
  /** x^exponent; unless the exponent is whole a negative x counts as 0. */
  | { readonly kind: "power"; readonly exponent: number }
  /** Functions of that name; an x outside the domain counts as its nearest end. */
  | { readonly kind: NamedFunction };

/** Functions without constants that bear their usual names. */
export type NamedFunction =
  | "tanh"
  | "exp"
  | "log"
  | "erf"
  | "sin"
  | "cos"
  | "tan"
  | "asin"
  | "acos"
  | "atan"
  | "sinh"
  | "cosh"
  | "asinh"
  | "acosh"
  | "atanh";

export type ElementFunctionKind = ElementFunction["kind"];

type FunctionOf<Kind extends ElementFunctionKind> = Extract<ElementFunction, { readonly kind: Kind }>;

interface FunctionDefinition<Kind extends ElementFunctionKind> {
  evaluate(definition: FunctionOf<Kind>, x: number): number;
  /** Its constants, as `printGraph` says them. */
  settings(definition: FunctionOf<Kind>): readonly string[];
  /** What is wrong with its constants, where anything is: what is expected. */
  expects(definition: FunctionOf<Kind>): string | undefined;
  /** Made of lines: comparators and one multiplication, no table. */
  readonly exact?: true;
}

const finite = (...values: readonly number[]): boolean => values.every((value) => Number.isFinite(value));
const nothing = (): readonly string[] => [];
const always = (): undefined => undefined;

const FUNCTIONS: { readonly [Kind in ElementFunctionKind]: FunctionDefinition<Kind> } = {
  clip: {
    exact: true,
    evaluate: ({ minimum, maximum }, x) => Math.min(Math.max(x, minimum), maximum),
    settings: ({ minimum, maximum }) => [`${minimum} … ${maximum}`],
    expects: ({ minimum, maximum }) => (minimum <= maximum ? undefined : "a minimum that is at most the maximum"),
  },
  abs: { exact: true, evaluate: (_definition, x) => Math.abs(x), settings: nothing, expects: always },
  leakyRelu: {
    exact: true,
    evaluate: ({ slope }, x) => (x < 0 ? slope * x : x),
    settings: ({ slope }) => [`slope ${slope}`],
    expects: ({ slope }) => (finite(slope) ? undefined : "a finite slope"),
  },
  thresholdedRelu: {
    exact: true,
    evaluate: ({ threshold }, x) => (x > threshold ? x : 0),
    settings: ({ threshold }) => [`threshold ${threshold}`],
    expects: ({ threshold }) => (finite(threshold) ? undefined : "a finite threshold"),
  },
  sign: {
    exact: true,
    evaluate: ({ scale }, x) => (x >= 0 ? scale : -scale),
    settings: ({ scale }) => [`scale ${scale}`],
    expects: ({ scale }) => (finite(scale) ? undefined : "a finite scale"),
  },
  hardSigmoid: {
    exact: true,
    evaluate: ({ slope, offset }, x) => Math.min(Math.max(slope * x + offset, 0), 1),
    settings: ({ slope, offset }) => [`slope ${slope}`, `offset ${offset}`],
    expects: ({ slope, offset }) => (finite(slope, offset) ? undefined : "a finite slope and offset"),
  },
  hardSwish: {
    exact: true,
    evaluate: (_definition, x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1),
    settings: nothing,
    expects: always,
  },
  shrink: {
    evaluate: ({ threshold, bias }, x) => (x < -threshold ? x + bias : x > threshold ? x - bias : 0),
    settings: ({ threshold, bias }) => [`threshold ${threshold}`, `bias ${bias}`],
    expects: ({ threshold, bias }) => (finite(threshold, bias) ? undefined : "a finite threshold and bias"),
  },
  sigmoid: { evaluate: (_definition, x) => sigmoid(x), settings: nothing, expects: always },
  softplus: { evaluate: (_definition, x) => softplus(x), settings: nothing, expects: always },
  softsign: { evaluate: (_definition, x) => x / (1 + Math.abs(x)), settings: nothing, expects: always },
  elu: {
    evaluate: ({ scale, width, gain }, x) => gain * (x < 0 ? scale * Math.expm1(x / width) : x),
    settings: ({ scale, width, gain }) => [`scale ${scale}`, `width ${width}`, `gain ${gain}`],
    expects: ({ scale, width, gain }) =>
      finite(scale, width, gain) && width !== 0
        ? undefined
        : "a finite scale and gain, and a finite width other than 0",
  },
  swish: {
    evaluate: ({ slope }, x) => x * sigmoid(slope * x),
    settings: ({ slope }) => [`slope ${slope}`],
    expects: ({ slope }) => (finite(slope) ? undefined : "a finite slope"),
  },
  mish: { evaluate: (_definition, x) => x * Math.tanh(softplus(x)), settings: nothing, expects: always },
  gelu: {
    evaluate: ({ approximate }, x) => x * (approximate ? normalByTanh(x) : (1 + erf(x / Math.SQRT2)) / 2),
    settings: ({ approximate }) => (approximate ? ["by tanh"] : []),
    expects: always,
  },
  power: {
    evaluate: ({ exponent }, x) => (Number.isInteger(exponent) ? x : Math.max(x, 0)) ** exponent,
    settings: ({ exponent }) => [`exponent ${exponent}`],
    expects: ({ exponent }) => (finite(exponent) ? undefined : "a finite exponent"),
  },
  tanh: named(Math.tanh),
  exp: named(Math.exp),
  log: named((x) => Math.log(Math.max(x, 0))),
  erf: named(erf),
  sin: named(Math.sin),
  cos: named(Math.cos),
  tan: named(Math.tan),
  asin: named((x) => Math.asin(withinOne(x))),
  acos: named((x) => Math.acos(withinOne(x))),
  atan: named(Math.atan),
  sinh: named(Math.sinh),
  cosh: named(Math.cosh),
  asinh: named(Math.asinh),
  acosh: named((x) => Math.acosh(Math.max(x, 1))),
  atanh: named((x) => Math.atanh(withinOne(x))),
};

function named<Kind extends NamedFunction>(evaluate: (x: number) => number): FunctionDefinition<Kind> {
  return { evaluate: (_definition, x) => evaluate(x), settings: nothing, expects: always };
}

/** Whether the machine computes the function with comparators and one multiplication; every other one is a table. */
export function isExact(definition: ElementFunction): boolean {
  return definitionOf(definition).exact === true;
}

/** The function at x. Infinite at a pole (a negative power of 0). */
export function evaluateFunction(definition: ElementFunction, x: number): number {
  return definitionOf(definition).evaluate(definition, x);
}

/** Kind and constants: `leakyRelu`, `slope 0.1`. */
export function functionSettings(definition: ElementFunction): readonly string[] {
  return [definition.kind, ...definitionOf(definition).settings(definition)];
}

/** What a function's constants should be, where they are not; undefined where they are good. */
export function functionExpects(definition: ElementFunction): string | undefined {
  return definitionOf(definition).expects(definition);
}

function definitionOf<Kind extends ElementFunctionKind>(definition: FunctionOf<Kind>): FunctionDefinition<Kind> {
  return FUNCTIONS[definition.kind] as unknown as FunctionDefinition<Kind>;
}

/** Without overflow at either end. */
function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const power = Math.exp(x);
  return power / (1 + power);
}

/** Without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** Φ(x) by tanh, as Gelu's approximation has it. */
function normalByTanh(x: number): number {
  return (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))) / 2;
}

function withinOne(x: number): number {
  return Math.min(Math.max(x, -1), 1);
}
