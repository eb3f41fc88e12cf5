/** What a check finds. */
/**
 * ok: as it should be. note: worth knowing. unseen: it could not be looked at. advice: it works, and would work better.
 * problem: vtep cannot run, or a device of it cannot.
 */
export type Level = 'ok' | 'note' | 'unseen' | 'advice' | 'problem';
export interface Finding {
  readonly level: Level;
  /** A sentence without a full stop. */
  readonly sentence: string;
  /** What to do: a command, or a half-sentence. */
  readonly remedy?: string;
}
/** A finding with the check that made it, and what it is about. */
export interface Reported extends Finding {
  /** In kebab-case: for scripts. */
  readonly check: string;
  /** `host`, `kernel`, `underlay eth0`, `endpoint`. */
  readonly section: string;
}
export declare const ok: (sentence: string) => Finding;
export declare const note: (sentence: string, remedy?: string) => Finding;
export declare const unseen: (sentence: string, remedy?: string) => Finding;
export declare const advice: (sentence: string, remedy?: string) => Finding;
export declare const problem: (sentence: string, remedy?: string) => Finding;
export type Verdict = 'well' | 'advice' | 'cannot-run';
/** The exit code of each verdict. */
export declare const EXIT_CODES: Readonly<Record<Verdict, number>>;
export declare function verdictOf(findings: readonly Finding[]): Verdict;
