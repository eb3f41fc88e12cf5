/** Every target of npm run fuzz, for a while each. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FuzzFigures } from '../../fuzz/figures.js';
import { TARGETS } from '../../fuzz/targets.js';
import { run as runProcess } from '../../netns/process.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

const MAIN = fileURLToPath(new URL('../../fuzz/main.js', import.meta.url));
/** Findings of a run that fails stay here. */
const FINDINGS = 'fuzz-findings';

/** Processes side by side: two processors are what everybody has. */
const AT_ONCE = 2;

async function fuzz(name: string, folder: string, brief: boolean): Promise<FuzzFigures[]> {
  const json = join(folder, `${name}.json`);
  // What CI tries is the same each time; what people try is not.
  const words = brief ? ['--seconds', '1', '--seed', '7'] : ['--seconds', '40'];
  const argv = [process.execPath, MAIN, name, ...words, '--json', json, '--findings', FINDINGS];
  const { code, stdout, stderr } = await runProcess(argv, { deadlineMs: 150_000 });
  if (code !== 0) throw new Error(`${stdout}${stderr}`);
  return JSON.parse(readFileSync(json, 'utf8')) as FuzzFigures[];
}

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-fuzz-'));
  try {
    const waiting = TARGETS.map(({ name }) => name);
    const figures: FuzzFigures[] = [];
    const work = async (): Promise<void> => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        say(`${name}: ${figures.reduce((sum, { inputs }) => sum + inputs, 0)} inputs so far`);
        figures.push(...(await fuzz(name, folder, brief)));
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    const sum = (of: (one: FuzzFigures) => number): number => figures.reduce((total, one) => total + of(one), 0);
    return [
      { value: figures.length, what: 'targets' },
      { value: sum(({ inputs }) => inputs), what: 'inputs tried' },
      { value: sum(({ blocks }) => blocks), what: 'blocks of code reached' },
      { value: sum(({ findings }) => findings.length), what: 'findings' },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'fuzz',
    title: 'coverage-guided fuzzing of all that reads untrusted bytes',
    promise:
      'no exception, no byte read or written outside of its slot, none lost uncounted, and none that came in otherwise',
    rights: 'none',
    run,
  },
];
