/** npm run work: writes the baseline of work per packet, test/work/baseline.json. Needs root. */
import { writeFileSync } from 'node:fs';
import { BASELINE_FILE } from './baseline.js';
import { enterQuietNamespace, WorkLink } from './link.js';
import { SCENARIOS } from './scenarios.js';

enterQuietNamespace();
const baseline = Object.fromEntries(
  Object.entries(SCENARIOS).map(([name, run]) => {
    const link = new WorkLink(); // one for each, as in the tests: caches are cold
    const work = run(link);
    link.close();
    return [name, work];
  }),
);
const text = JSON.stringify(
  baseline,
  (_, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value),
  2,
);
writeFileSync(BASELINE_FILE, `${text}\n`);
process.stdout.write(`${text}\n`);
