/** The soak of `npm run soak`, for two minutes. */
import { soak } from '../../soak/soak.js';
import type { Scenario } from '../scenario.js';

export const scenarios: readonly Scenario[] = [
  {
    name: 'soak',
    title: 'mixed traffic below capacity, while rules, tables, files and monitors come and go',
    promise: 'nothing is lost, late or doubled; memory and descriptors stay flat; every command is answered',
    rights: 'root',
    run: ({ brief, say }) => soak({ seconds: brief ? 4 : 120, rate: 2000, stream: '8M', say }),
  },
];
