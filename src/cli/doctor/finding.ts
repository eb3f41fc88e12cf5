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

export const ok = (sentence: string): Finding => ({ level: 'ok', sentence });
export const note = (sentence: string, remedy?: string): Finding => finding('note', sentence, remedy);
export const unseen = (sentence: string, remedy?: string): Finding => finding('unseen', sentence, remedy);
export const advice = (sentence: string, remedy?: string): Finding => finding('advice', sentence, remedy);
export const problem = (sentence: string, remedy?: string): Finding => finding('problem', sentence, remedy);

function finding(level: Level, sentence: string, remedy: string | undefined): Finding {
  return { level, sentence, ...(remedy !== undefined && { remedy }) };
}

export type Verdict = 'well' | 'advice' | 'cannot-run';

/** The exit code of each verdict. */
export const EXIT_CODES: Readonly<Record<Verdict, number>> = { well: 0, advice: 1, 'cannot-run': 2 };

export function verdictOf(findings: readonly Finding[]): Verdict {
  if (findings.some(({ level }) => level === 'problem')) return 'cannot-run';
  return findings.some(({ level }) => level === 'advice') ? 'advice' : 'well';
}
