/** The same commands given to the system's tc, on TAPs of the kernel, and to vtep: what both say, side by side. */

import { CommandError } from '../iproute/commands.js';
import { runInNamespace } from '../iproute/kernel-oracle.test.helper.js';
import type { Bench } from './kit.test.helper.js';

/** A line without `tc`; `until`: what the kernel's answer holds at last, which it reaches a moment later. */
export type Step = string | { readonly line: string; readonly until: string };

const lineOf = (step: Step): string => (typeof step === 'string' ? step : step.line);

/** The kernel has no flower here: a u32 filter that matches everything stands for it. */
const kernelLine = (line: string): string => `tc ${line.replace(' flower', ' u32 match u32 0 0')} 2>&1`;

/** What the system's tc prints for each step, and its exit code. */
export function kernelAnswers(steps: readonly Step[]): string[] {
  const devices = ['vxlan0', 'tap0', 'tap1'].map((name) => `ip tuntap add dev ${name} mode tap`);
  return runInNamespace([
    devices.join('\n'),
    ...steps.map((step) => {
      const line = kernelLine(lineOf(step));
      if (typeof step === 'string') return `${line}; echo "exit $?"`;
      const found = `[[ "$said" == *"${step.until}"* ]]`;
      return `for i in {1..200}; do said="$(${line})"; code=$?; ${found} && break; done; echo "$said"; echo "exit $code"`;
    }),
  ])
    .slice(1)
    .map((answer) => answer.trim());
}

/** What vtep prints for each step, and its exit code. */
export function vtepAnswers(bench: Bench, steps: readonly Step[]): string[] {
  return steps.map((step) => {
    try {
      return `${bench.tc(lineOf(step))}exit 0`.trim();
    } catch (error) {
      if (error instanceof CommandError) return `${error.message}\nexit ${error.exitCode}`;
      throw error;
    }
  });
}
