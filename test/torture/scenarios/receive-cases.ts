/** The receive cases of test/golden/receive: all of them through the pipeline in memory, and over a socket beside the kernel. */
import { isDeepStrictEqual } from 'node:util';
import { slowSegments } from '../../../src/offload/test-segments.js';
import { receiveCases } from '../../golden/receive-cases.js';
import { expectedOf, outcomeOf, VARIANTS } from '../../golden/receive-pipeline.js';
import { receiveOverSocket } from '../../netns/receive-over-socket.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

/** Bytes of UDP payload that the frames of an outcome came in. */
function bytesOut(frames: Readonly<Record<string, readonly string[]>>): number {
  return Object.values(frames)
    .flat()
    .flatMap((text) => {
      const [hex = '', size, kind] = text.split(' ').reverse();
      const bytes = Buffer.from(hex, 'hex');
      return kind === undefined ? [bytes] : slowSegments(bytes, Number(size));
    })
    .reduce((sum, { length }) => sum + 8 + length, 0);
}

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  const cases = receiveCases();
  let [sent, delivered, dropped] = [0, 0, 0];
  // CI has run them all: golden/receive.test.ts does the same.
  const variants = brief ? VARIANTS.slice(0, 1) : VARIANTS;
  for (const one of cases) {
    say(`${one.file}: ${one.title}`);
    for (const options of variants) {
      const outcome = await outcomeOf(one, options);
      if (!isDeepStrictEqual(outcome, expectedOf(one)))
        throw new Error(
          `${one.file}: ${one.title}: ${JSON.stringify(outcome)} instead of ${JSON.stringify(expectedOf(one))}`,
        );
      const bytes = one.datagrams.reduce((sum, { length }) => sum + length, 0);
      sent += bytes;
      delivered += bytesOut(outcome.frames);
      if (one.expect === 'dropped') dropped += bytes;
    }
  }
  if (sent !== delivered + dropped) throw new Error(`${sent} bytes sent, ${delivered} delivered, ${dropped} dropped`);
  const socket = await receiveOverSocket(say);
  return [
    { value: cases.length, what: 'cases in memory' },
    { value: sent, what: 'bytes in' },
    { value: delivered, what: 'bytes delivered' },
    { value: dropped, what: 'bytes counted as dropped' },
    { value: socket.cases, what: 'cases over a socket' },
    { value: socket.datagrams, what: 'datagrams in these' },
    { value: socket.delivered, what: 'delivered' },
    { value: socket.dropped, what: 'counted as dropped' },
    { value: socket.compared, what: 'cases in which the kernel’s device did the same' },
  ];
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'receive-cases',
    title: 'every way in which a received datagram can be wrong, or at a limit',
    promise:
      'what comes out, what is counted and which keys match is what each case says, and the kernel’s device agrees',
    rights: 'root',
    run,
  },
];
