/**
 * What a line of `npm run torture` is. Every file of scenarios/ exports `scenarios`; `npm run torture` runs all of them at
 * full length and prints the table of docs/torture.md, and torture.test.ts runs the very same ones, briefly, in CI.
 */

/** What was counted while vtep was under strain; printed as `value what`, in the order given. */
export interface Figure {
  /** What the value counts: `datagrams sent`, `frames delivered`, `MiB at the end`. */
  readonly what: string;
  /** A number is printed with its thousands set apart; a text as it is. */
  readonly value: number | string;
}

/** How long a scenario goes on. */
export interface Strain {
  /** True in CI: the same work for a few seconds; false for what `npm run torture` promises. */
  readonly brief: boolean;
  /** Says what is going on; only a terminal shows it. */
  readonly say: (what: string) => void;
}

export interface Scenario {
  /** One word of lower case with dashes; `npm run torture -- NAME` runs it alone. */
  readonly name: string;
  /** What is done to vtep, in a short sentence. */
  readonly title: string;
  /** What must hold, in a short sentence; `run` rejects where it does not. */
  readonly promise: string;
  /** `root` where it makes namespaces and devices; `none` where anybody may run it. */
  readonly rights: 'root' | 'none';
  /** Makes all it needs, removes it whatever happens, and gives the figures. Brief: 20 seconds at most. */
  readonly run: (strain: Strain) => Promise<readonly Figure[]>;
}
