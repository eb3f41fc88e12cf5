/** What a check finds. */
export const ok = (sentence) => ({ level: 'ok', sentence });
export const note = (sentence, remedy) => finding('note', sentence, remedy);
export const unseen = (sentence, remedy) => finding('unseen', sentence, remedy);
export const advice = (sentence, remedy) => finding('advice', sentence, remedy);
export const problem = (sentence, remedy) => finding('problem', sentence, remedy);
function finding(level, sentence, remedy) {
  return { level, sentence, ...(remedy !== undefined && { remedy }) };
}
/** The exit code of each verdict. */
export const EXIT_CODES = { well: 0, advice: 1, 'cannot-run': 2 };
export function verdictOf(findings) {
  if (findings.some(({ level }) => level === 'problem')) return 'cannot-run';
  return findings.some(({ level }) => level === 'advice') ? 'advice' : 'well';
}
//# sourceMappingURL=finding.js.map
