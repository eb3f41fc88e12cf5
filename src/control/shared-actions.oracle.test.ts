// Counts of references, messages and exit codes: the kernel's own mirred is the judge.
import test from 'ava';
import { hasKernelMirred } from '../iproute/kernel-oracle.test.helper.js';
import { Bench } from './kit.test.helper.js';
import { kernelAnswers, type Step, vtepAnswers } from './tc-oracle.test.helper.js';

const oracle = hasKernelMirred ? test : test.skip;
const ON = 'dev vxlan0 ingress protocol ip';
const LS = 'actions ls action mirred';

const transcripts: readonly (readonly [string, readonly Step[]])[] = [
  [
    'an action of its own has a reference of its own, and one more for each binding',
    [
      'qdisc add dev vxlan0 ingress',
      'actions add action mirred egress redirect dev tap0 index 5',
      LS,
      `filter add ${ON} pref 1 flower action mirred index 5`,
      `filter add ${ON} pref 2 flower action mirred index 5 action mirred index 5`,
      `filter add ${ON} pref 3 flower action mirred egress mirror dev tap1 index 5`,
      'actions get action mirred index 5',
      '-j actions get action mirred index 5',
      'filter del dev vxlan0 ingress pref 1',
      { line: LS, until: 'ref 4 bind 3' },
      'filter del dev vxlan0 ingress',
      { line: LS, until: 'ref 1 bind 0' },
      'actions del action mirred index 5',
      LS,
      '-j actions ls action mirred',
    ],
  ],
  [
    'an action that a filter made goes with it',
    [
      'qdisc add dev vxlan0 ingress',
      `filter add ${ON} pref 1 flower action mirred egress redirect dev tap0`,
      `filter add ${ON} pref 2 flower action mirred egress redirect dev tap1 index 9`,
      `filter add ${ON} pref 3 flower action mirred index 9`,
      LS,
      'filter del dev vxlan0 ingress pref 2',
      { line: LS, until: 'index 9 ref 1 bind 1' },
      'filter del dev vxlan0 ingress pref 1',
      { line: 'actions get action mirred index 1', until: 'not found' },
      LS,
    ],
  ],
  [
    'a change keeps the counts and the cookie, and a cookie said by a filter becomes that of the action',
    [
      'qdisc add dev vxlan0 ingress',
      'actions change action mirred egress redirect dev tap0 index 5',
      `filter add ${ON} pref 1 flower action mirred index 5 cookie ccdd`,
      LS,
      'actions change action mirred egress mirror dev tap1 index 5',
      LS,
      'actions replace action mirred egress mirror dev tap0 pass index 5 cookie aabb',
      LS,
      'actions replace action mirred egress redirect dev tap0 index 5',
      '-s actions ls action mirred',
    ],
  ],
  [
    'refusals leave everything as it was',
    [
      'qdisc add dev vxlan0 ingress',
      'actions add action mirred egress redirect dev tap0 index 5',
      'actions add action mirred egress redirect dev tap0 index 5',
      'actions add action mirred egress mirror dev tap0 index 50 action mirred egress mirror dev tap0 index 5',
      'actions add action mirred egress mirror dev tap0 index 7 action mirred egress mirror dev tap0 index 7',
      'actions replace action mirred egress mirror dev tap0 index 7 action mirred egress mirror dev tap0 index 7',
      'actions add action mirred index 9',
      `filter add ${ON} pref 8 flower action mirred index 99`,
      'actions add action mirred egress mirror dev tap0 goto chain 3',
      'actions get action mirred index 77',
      'actions del action mirred index 77',
      'actions del action mirred index 5 action mirred index 77',
      'actions get action mirred index 5 action mirred index 77',
      'actions get action mirred',
      `filter add ${ON} pref 1 flower action mirred index 5`,
      'actions del action mirred index 5',
      'actions flush action mirred',
      LS,
    ],
  ],
  [
    'several are made and unmade together, in the order of their indices',
    [
      'qdisc add dev vxlan0 ingress',
      'actions add action mirred egress redirect dev tap0 action mirred egress mirror dev tap1',
      'actions add action mirred egress mirror dev tap1 index 44 action mirred egress mirror dev tap0 index 43 cookie 01',
      LS,
      '-j actions ls action mirred',
      'actions del action mirred index 2 action mirred index 44',
      LS,
      `filter add ${ON} pref 1 flower action mirred index 43`,
      'actions add action mirred egress redirect dev tap0 index 60',
      'actions flush action mirred',
      LS,
      'actions del action mirred index 60 action mirred index 60',
      LS,
    ],
  ],
];

for (const [title, steps] of transcripts) {
  oracle(title, (t) => {
    t.deepEqual(vtepAnswers(new Bench(), steps), kernelAnswers(steps));
  });
}
