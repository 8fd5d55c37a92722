import fc from "fast-check";

/** How many cases a law tries, from which seed, and whether the first counterexample will do; all are fast-check's own. */
export interface LawSettings {
  readonly numRuns?: number;
  readonly seed?: number;
  readonly endOnFailure?: boolean;
}

/** A property of a unit under test. `check` throws fast-check's error with a shrunk counterexample where it does not hold. */
export interface Law {
  /** A sentence about the unit, fit for the name of a test. */
  readonly name: string;
  readonly check: (settings?: LawSettings) => void;
}

/** The same of a unit that answers later, or to many questions at once. */
export interface AsyncLaw {
  readonly name: string;
  readonly check: (settings?: LawSettings) => Promise<void>;
}

/** A law from a property. */
export function law<Ts extends [unknown, ...unknown[]]>(name: string, property: fc.IProperty<Ts>): Law {
  return { name, check: (settings = {}) => fc.assert(property, settings) };
}

/** A law as questions to a unit and a verdict on its answers, whichever way the unit is asked. */
export interface UnitLaw<Question, Case = never> {
  readonly name: string;
  readonly cases: fc.Arbitrary<Case>;
  /** What one case asks. */
  readonly questions: (drawn: Case) => readonly Question[];
  /** What is wrong with the answers, in the order of the questions; null where nothing is. */
  readonly complaint: (questions: readonly Question[], answers: readonly bigint[]) => string | null;
}

/** A law whose cases nobody need know. */
export function unitLaw<Question, Case>(parts: UnitLaw<Question, Case>): UnitLaw<Question> {
  return parts as unknown as UnitLaw<Question>;
}

/** One question, with a verdict on its answer alone. */
export function single<Question>(
  name: string,
  question: fc.Arbitrary<Question>,
  complaint: (question: Question, answer: bigint) => string | null,
): UnitLaw<Question> {
  return unitLaw<Question, Question>({
    name,
    cases: question,
    questions: (drawn) => [drawn],
    complaint: ([asked], [answer]) => (asked === undefined || answer === undefined ? null : complaint(asked, answer)),
  });
}

/** Asks a unit that answers at once. */
export function askedAtOnce<Question>(laws: readonly UnitLaw<Question>[], unit: (question: Question) => bigint): Law[] {
  return laws.map(({ name, cases, questions, complaint }) =>
    law(
      name,
      fc.property(cases, (drawn) => {
        const asked = questions(drawn);
        refuse(complaint(asked, asked.map(unit)));
      }),
    ),
  );
}

/** Asks a unit that answers by a promise, one question after the other. */
export function askedLater<Question>(
  laws: readonly UnitLaw<Question>[],
  unit: (question: Question) => Promise<bigint>,
): AsyncLaw[] {
  return laws.map(({ name, cases, questions, complaint }) => {
    const property = fc.asyncProperty(cases, async (drawn) => {
      const asked = questions(drawn);
      const answers: bigint[] = [];
      for (const question of asked) answers.push(await unit(question));
      refuse(complaint(asked, answers));
    });
    return { name, check: (settings = {}) => fc.assert(property, settings) };
  });
}

/** Cases that a batched unit gets at once. */
const BATCH = 64;

/**
 * Asks a unit that takes many questions at once and gives as many answers, at once or by a promise. Questions come together that
 * are alike by `kind`, so that a unit may take one setting for all of them.
 */
export function askedTogether<Question>(
  laws: readonly UnitLaw<Question>[],
  unit: (questions: readonly Question[]) => readonly bigint[] | Promise<readonly bigint[]>,
  kind: (question: Question) => string,
): AsyncLaw[] {
  return laws.map(({ name, cases, questions, complaint }) => {
    const property = fc.asyncProperty(fc.array(cases, { minLength: 1, maxLength: BATCH }), async (drawn) => {
      const askedByCase = drawn.map(questions);
      const all = askedByCase.flat();
      const answers = new Map<Question, bigint>();
      for (const each of new Set(all.map(kind))) {
        const asked = all.filter((question) => kind(question) === each);
        const found = await unit(asked);
        if (found.length !== asked.length) throw new Error(`${asked.length} questions, found ${found.length} answers`);
        asked.forEach((question, index) => {
          answers.set(question, found[index] ?? 0n);
        });
      }
      for (const asked of askedByCase)
        refuse(
          complaint(
            asked,
            asked.map((question) => answers.get(question) ?? 0n),
          ),
        );
    });
    return { name, check: (settings = {}) => fc.assert(property, settings) };
  });
}

function refuse(complaint: string | null): void {
  if (complaint !== null) throw new Error(complaint);
}

/** The bits that rounding drops, as hardware sees them: `kept −2, guard 1, sticky 0 (dropped 10)`. */
export function droppedText(raw: bigint, droppedBits: number): string {
  if (droppedBits <= 0) return "no bit dropped";
  const bits = BigInt(droppedBits);
  const dropped = BigInt.asUintN(droppedBits, raw);
  const guard = dropped >> (bits - 1n);
  const sticky = BigInt.asUintN(droppedBits - 1, dropped) === 0n ? 0 : 1;
  return `kept ${raw >> bits}, guard ${guard}, sticky ${sticky} (dropped ${dropped.toString(2).padStart(droppedBits, "0")})`;
}
