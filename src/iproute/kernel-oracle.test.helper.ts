/**
 * The system's own tools on devices of the kernel, in a network namespace that lives as long as one command does:
 * what the tests compare with. Only root can; and only release 6.1 is the judge.
 */
import { execFileSync } from 'node:child_process';

function run(script: string): string {
  return execFileSync('unshare', ['-n', 'bash', '-s'], {
    input: script,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

/** Whether a script of these commands succeeds here. */
function works(script: string): boolean {
  try {
    return process.getuid?.() === 0 && run(`set -e; ip -V; ${script}`).includes('iproute2-6.1');
  } catch {
    return false;
  }
}

export const hasKernelVxlan = works('ip link add vtepx type vxlan id 1 dstport 1; ip tuntap add vtept mode tap');
export const hasKernelMirred = works('tc actions add action mirred egress redirect dev lo');

/** A word of the shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** What each script prints on stdout, all of them run one after the other in one fresh namespace. */
export function runInNamespace(scripts: readonly string[]): string[] {
  const separator = '==vtep-oracle==';
  const output = run(scripts.map((script) => `${script}\necho; echo ${separator}`).join('\n'));
  return output.split(`\n${separator}\n`).slice(0, -1);
}
