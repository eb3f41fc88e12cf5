/** The committed baseline of work per packet, and what is held against it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Work } from './link.js';

export type Baseline = Readonly<Record<string, Work>>;

export const BASELINE_FILE = fileURLToPath(new URL('../../../test/work/baseline.json', import.meta.url));

/**
 * How much more work than the baseline's is let pass. Nothing here depends on time, so that the same code does the
 * same work; the margin is for a kernel that cuts a batch elsewhere.
 */
export const TOLERANCE = 1.1;

export function readBaseline(): Baseline {
  return JSON.parse(readFileSync(BASELINE_FILE, 'utf8')) as Baseline;
}

/** What is worse than the baseline, or not in it, a sentence each. */
export function degraded(scenario: string, work: Work, baseline: Baseline): string[] {
  const before = baseline[scenario] ?? {};
  const names = new Set([...Object.keys(before), ...Object.keys(work)]);
  return [...names].flatMap((name) => {
    const [was, is] = [before[name], work[name]];
    if (was === undefined || is === undefined)
      return [`${scenario}: ${name} is ${was === undefined ? 'not in the baseline' : 'not measured'}`];
    return is <= was * TOLERANCE ? [] : [`${scenario}: ${is.toFixed(4)} ${name}, ${was.toFixed(4)} in the baseline`];
  });
}

/** What is so much better that the baseline should follow. */
export function improved(scenario: string, work: Work, baseline: Baseline): string[] {
  return Object.entries(work).flatMap(([name, is]) => {
    const was = baseline[scenario]?.[name] ?? 0;
    return is * TOLERANCE < was ? [`${scenario}: ${is.toFixed(4)} ${name}, ${was.toFixed(4)} in the baseline`] : [];
  });
}
