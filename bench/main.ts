/** npm run bench: the comparison of endpoints, or a microbench that the first word names. */
import { compareEndpoints } from './endpoints.js';

/** Modules that are loaded when they are asked for; each runs with the words behind its name and gives the status. */
const MICROBENCHES: Readonly<Record<string, () => Promise<(words: readonly string[]) => Promise<number>>>> = {
  classifier: async () => (await import('./classifier/main.js')).benchClassifier,
  checksum: async () => (await import('./micro/checksum.js')).benchChecksums,
  'strict-peers': async () => (await import('./micro/strict-peers.js')).benchStrictPeers,
  updates: async () => (await import('./updates/main.js')).benchUpdates,
};

const [word = '', ...words] = process.argv.slice(2);
const microbench = MICROBENCHES[word];
const status =
  microbench === undefined ? await compareEndpoints(process.argv.slice(2)) : await (await microbench())(words);
process.exit(status); // not waiting for runs that a row has given up
