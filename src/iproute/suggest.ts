/**
 * The known word nearest to one that is not known, for the second line of a refusal: the first stays iproute2's, for
 * scripts that read it.
 */

/** Further than this no word is meant by another. */
const MAX_DISTANCE = 2;

/**
 * How many insertions, deletions, replacements and exchanges of neighbours lead from one word to the other (optimal
 * string alignment), as far as `limit`; more than that is limit + 1.
 */
export function editDistance(from: string, to: string, limit = Number.POSITIVE_INFINITY): number {
  if (Math.abs(from.length - to.length) > limit) {
    return limit + 1;
  }
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return Math.min(last[to.length] ?? 0, limit + 1);
}

/** The nearest of `known`, the first of several; undefined when none is near. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  // Of a short word every letter counts: two edits make any two letters of any two others.
  const limit = Math.min(MAX_DISTANCE, Math.floor((word.length - 1) / 2));
  let nearest: string | undefined;
  let least = limit + 1;
  if (limit < 1 || word.length > 40) {
    return undefined;
  }
  for (const candidate of known) {
    const distance = editDistance(word, candidate, limit);
    if (distance > 0 && distance < least) {
      nearest = candidate;
      least = distance;
    }
  }
  return nearest;
}

/** The second line with its newline before it, or nothing. */
export function suggest(word: string, known: readonly string[]): string {
  const nearest = nearestWord(word, known);
  return nearest === undefined ? '' : `\nvtep: did you mean "${nearest}"?`;
}
