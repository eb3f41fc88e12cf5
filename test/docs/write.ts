/** `npm run docs`: writes the pages that are made from tables in the source. */
import { writeFileSync } from 'node:fs';
import { commandsPage } from './commands-page.js';
import { dropsPage } from './drops-page.js';
import { metricsPage } from './metrics-page.js';

writeFileSync(new URL('../../../docs/drops.md', import.meta.url), dropsPage());
writeFileSync(new URL('../../../docs/commands.md', import.meta.url), commandsPage());
writeFileSync(new URL('../../../docs/metrics.md', import.meta.url), metricsPage());
