/** What a run of one target comes to; `npm run fuzz -- --json FILE` writes a list of these. */
export interface FuzzFigures {
  readonly target: string;
  readonly inputs: number;
  readonly seconds: number;
  readonly blocks: number;
  /** Inputs that were kept before, or made, and that reached something new in the order in which they came. */
  readonly corpus: number;
  /** Files. */
  readonly findings: readonly string[];
}
