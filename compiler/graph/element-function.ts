/** Functions of one number that a `function` node applies to every element: what each is, in float64. */

/** A function and its constants. Bounds of `clip` may be infinite; every other constant is finite. */
export type ElementFunction =
  /** min(max(x, minimum), maximum). */
  | { readonly kind: "clip"; readonly minimum: number; readonly maximum: number }
  /** x from 0 up, slope · x below. */
  | { readonly kind: "leakyRelu"; readonly slope: number }
  /** 1 / (1 + e^−x). */
  | { readonly kind: "sigmoid" }
  | { readonly kind: "tanh" }
  /** min(max(slope · x + offset, 0), 1). */
  | { readonly kind: "hardSigmoid"; readonly slope: number; readonly offset: number }
  /** x · min(max(x / 6 + 1/2, 0), 1). */
  | { readonly kind: "hardSwish" }
  /** e^x. */
  | { readonly kind: "exp" }
  /** x^exponent; unless the exponent is whole a negative x counts as 0. */
  | { readonly kind: "power"; readonly exponent: number };

export type ElementFunctionKind = ElementFunction["kind"];

type FunctionOf<Kind extends ElementFunctionKind> = Extract<ElementFunction, { readonly kind: Kind }>;

interface FunctionDefinition<Kind extends ElementFunctionKind> {
  evaluate(definition: FunctionOf<Kind>, x: number): number;
  /** Its constants, as `printGraph` says them. */
  settings(definition: FunctionOf<Kind>): readonly string[];
  /** What is wrong with its constants, where anything is: what is expected. */
  expects(definition: FunctionOf<Kind>): string | undefined;
}

const finite = (...values: readonly number[]): boolean => values.every((value) => Number.isFinite(value));
const nothing = (): readonly string[] => [];
const always = (): undefined => undefined;

const FUNCTIONS: { readonly [Kind in ElementFunctionKind]: FunctionDefinition<Kind> } = {
  clip: {
    evaluate: ({ minimum, maximum }, x) => Math.min(Math.max(x, minimum), maximum),
    settings: ({ minimum, maximum }) => [`${minimum} … ${maximum}`],
    expects: ({ minimum, maximum }) => (minimum <= maximum ? undefined : "a minimum that is at most the maximum"),
  },
  leakyRelu: {
    evaluate: ({ slope }, x) => (x < 0 ? slope * x : x),
    settings: ({ slope }) => [`slope ${slope}`],
    expects: ({ slope }) => (finite(slope) ? undefined : "a finite slope"),
  },
  sigmoid: { evaluate: (_definition, x) => sigmoid(x), settings: nothing, expects: always },
  tanh: { evaluate: (_definition, x) => Math.tanh(x), settings: nothing, expects: always },
  hardSigmoid: {
    evaluate: ({ slope, offset }, x) => Math.min(Math.max(slope * x + offset, 0), 1),
    settings: ({ slope, offset }) => [`slope ${slope}`, `offset ${offset}`],
    expects: ({ slope, offset }) => (finite(slope, offset) ? undefined : "a finite slope and offset"),
  },
  hardSwish: {
    evaluate: (_definition, x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1),
    settings: nothing,
    expects: always,
  },
  exp: { evaluate: (_definition, x) => Math.exp(x), settings: nothing, expects: always },
  power: {
    evaluate: ({ exponent }, x) => (Number.isInteger(exponent) ? x : Math.max(x, 0)) ** exponent,
    settings: ({ exponent }) => [`exponent ${exponent}`],
    expects: ({ exponent }) => (finite(exponent) ? undefined : "a finite exponent"),
  },
};

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
