// Chains of their own: the kernel's, with u32 filters in the place of flower's, are the judge.
import test from 'ava';
import { hasKernelMirred } from '../iproute/kernel-oracle.test.helper.js';
import { Bench } from './kit.test.helper.js';
import { kernelAnswers, type Step, vtepAnswers } from './tc-oracle.test.helper.js';

const oracle = hasKernelMirred ? test : test.skip;
const ON = 'dev vxlan0 ingress';
const ACTION = 'flower action mirred egress redirect dev tap0';

const transcripts: readonly (readonly [string, readonly Step[]])[] = [
  [
    'a chain that was made is there without filters, and after them',
    [
      'qdisc add dev vxlan0 ingress',
      `chain show ${ON}`,
      `chain add ${ON} chain 5`,
      `chain add ${ON} chain 5`,
      `chain add ${ON}`,
      `chain show ${ON}`,
      `-j chain show ${ON}`,
      `chain show ${ON} chain 5`,
      `chain show ${ON} chain 6`,
      `chain get ${ON} chain 5`,
      `-j chain get ${ON} chain 5`,
      `chain get ${ON} chain 6`,
      `filter add ${ON} protocol ip pref 1 chain 5 ${ACTION}`,
      `filter del ${ON} pref 1 chain 5`,
      `chain show ${ON}`,
      `filter add ${ON} protocol ip pref 1 chain 5 ${ACTION}`,
      `filter del ${ON} chain 5`,
      `chain show ${ON}`,
      `chain show dev vxlan0 parent ffff:`,
    ],
  ],
  [
    'a chain that filters made goes with the last of them',
    [
      'qdisc add dev vxlan0 ingress',
      `filter add ${ON} protocol ip pref 1 chain 7 ${ACTION}`,
      `filter add ${ON} protocol ip pref 2 chain 7 ${ACTION}`,
      `filter add ${ON} protocol ip pref 1 ${ACTION}`,
      `chain show ${ON}`,
      `chain add ${ON} chain 7`,
      `filter del ${ON} pref 1 chain 7`,
      `chain show ${ON}`,
      `filter del ${ON} pref 2 chain 7`,
      `chain show ${ON}`,
    ],
  ],
  [
    'a chain is deleted with its filters, however it was made',
    [
      'qdisc add dev vxlan0 ingress',
      `chain add ${ON} chain 9`,
      `filter add ${ON} protocol ip pref 1 chain 9 ${ACTION}`,
      `filter add ${ON} protocol ip pref 1 chain 3 ${ACTION}`,
      `filter add ${ON} protocol ip pref 1 ${ACTION}`,
      `chain del ${ON} chain 9`,
      `chain del ${ON} chain 9`,
      `chain show ${ON}`,
      `chain del ${ON}`,
      `filter show ${ON} chain 0`,
      `filter show ${ON} chain 9`,
      `chain del ${ON} chain 3`,
      `chain show ${ON}`,
      `filter show ${ON}`,
    ],
  ],
  [
    'a chain that something goes to is not there for that',
    [
      'qdisc add dev vxlan0 ingress',
      `filter add ${ON} protocol ip pref 1 flower action mirred egress mirror dev tap0 goto chain 9`,
      `chain show ${ON}`,
      `chain del ${ON} chain 9`,
      `chain get ${ON} chain 9`,
      `chain add ${ON} chain 9`,
      `chain show ${ON}`,
      `chain del ${ON} chain 9`,
      `chain show ${ON}`,
    ],
  ],
  [
    'refusals',
    [
      `chain add ${ON}`,
      `chain del ${ON}`,
      `chain get ${ON}`,
      `chain show ${ON}`,
      'qdisc add dev vxlan0 ingress',
      `chain add ${ON} chain 268435456`,
      `chain del ${ON} chain 268435456`,
      `chain get ${ON} chain 268435456`,
      `chain del ${ON}`,
      `chain show ${ON}`,
      'qdisc del dev vxlan0 ingress',
      'qdisc add dev vxlan0 clsact',
      'chain add dev vxlan0 parent ffff:',
      'chain show dev vxlan0 parent ffff:',
    ],
  ],
];

for (const [title, steps] of transcripts) {
  oracle(title, (t) => {
    t.deepEqual(vtepAnswers(new Bench(), steps), kernelAnswers(steps));
  });
}
