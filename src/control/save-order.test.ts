/** Which of several filters that fit is met first: after a save, and after what was taken back, as before. */
import test from 'ava';
import fc from 'fast-check';
import type { ClassifierSnapshot } from '../classifier/classifier.js';
import { find, PORT, VNI } from '../classifier/conformance/support.js';
import { KeyWord } from '../classifier/flow-key.js';
import { splitBatch } from '../iproute/batch.js';
import type { LinkState } from '../iproute/link-state.js';
import { tried } from './arbitrary-edit.test.helper.js';
import { Bench } from './kit.test.helper.js';
import { saveLines } from './save.js';

const LINK = {
  ...{ name: 'vxlan0', mtu: 1450, flags: [] },
  details: { kind: 'vxlan', options: { external: true, dstport: 4789 } },
} as unknown as LinkState;

const handles = fc.integer({ min: 1, max: 6 });

/** Ranges that overlap, under two masks, beside a mask without any. */
const keys = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('1-4', '2-6', '3-8', '1-8').map((range) => `dst_port ${range}`) },
  fc.constantFrom('1-4', '2-6').map((range) => `dst_port ${range} enc_key_id 7`),
  fc.integer({ min: 1, max: 8 }).map((port) => `dst_port ${port}`),
);

const line = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('add', 'replace'), handles, keys)
      .map(([verb, handle, key]) => `${verb} ${handle} flower ip_proto tcp ${key} action drop`),
  },
  handles.map((handle) => `del ${handle} flower`),
);

function tc(bench: Bench, text: string): boolean {
  const [verb, handle, ...rest] = text.split(' ');
  const words = `filter ${verb} dev vxlan0 ingress pref 1 protocol ip handle ${handle} ${rest.join(' ')}`;
  return tried(() => bench.tc(words));
}

/** The handle that a frame of each port and VNI meets first. */
async function verdicts(bench: Bench): Promise<(number | undefined)[]> {
  bench.rules.changed(0);
  await bench.rules.commit();
  const last = bench.datapath.instructions.at(-1);
  const snapshot: ClassifierSnapshot | undefined = last?.type === 'rules' ? last.hooks[0]?.snapshot : undefined;
  if (!snapshot) throw new Error('nothing is in force');
  const found: (number | undefined)[] = [];
  for (const vni of [0, 7]) {
    for (let port = 1; port <= 8; port++) {
      const rule = find(snapshot, { [KeyWord.ETH_TYPE]: 0x0800, [KeyWord.IP_PROTO]: 6, [PORT]: port, [VNI]: vni });
      found.push(bench.rules.places.at(rule, Date.now() + 1)?.handle);
    }
  }
  return found;
}

const lines = fc.array(line, { minLength: 1, maxLength: 16, size: 'max' });

test('ranges of ports that overlap are met in the same order when what is saved is read again', async (t) => {
  let different = 0;
  await fc.assert(
    fc.asyncProperty(lines, lines, async (first, undone) => {
      const bench = new Bench();
      bench.tc('qdisc add dev vxlan0 ingress');
      for (const each of first) tc(bench, each);
      const before = await verdicts(bench);
      bench.rules.open();
      for (const each of undone) tc(bench, each);
      await bench.rules.rollBack();
      t.deepEqual(await verdicts(bench), before, 'taken back');
      const again = new Bench();
      for (const { words } of splitBatch([...saveLines([LINK], [], bench.rules)].join('')))
        if (words[0] === 'tc') again.tc(words.slice(1).join(' '));
      t.deepEqual(await verdicts(again), before, 'read again');
      if (new Set(before).size > 2) different++;
    }),
    { numRuns: 300, seed: 20261125, includeErrorInReport: true },
  );
  t.true(different > 50, `${different}`);
});
