/** What of a race runs. */
export interface Selection {
  /** Whether a case of cases.ts, or a setting of LeNet, runs. */
  readonly names: (name: string) => boolean;
  /** Whether opponents run that must be compiled first, which takes seconds. */
  readonly compiled: boolean;
}

export const EVERYTHING: Selection = { names: () => true, compiled: true };
