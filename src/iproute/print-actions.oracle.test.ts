/** Actions and chains against the system's tc: mirred actions and ingress qdiscs of the kernel. */
import test from 'ava';
import fc from 'fast-check';
import { actionCommand } from './action-command.js';
import { filterState } from './arbitrary-filter.test.helper.js';
import type { ActionState, OutputOptions } from './commands.js';
import { chainCommand } from './filter-command.js';
import { hasKernelMirred, quote, runInNamespace } from './kernel-oracle.test.helper.js';
import { printActions, printActionsGet } from './print-actions.js';
import { printChainGet, printChains } from './print-chain.js';

const ifOracle = hasKernelMirred ? test : test.skip;
const plain: OutputOptions = { statistics: false, details: false, json: false, pretty: false };
const outputs: readonly (readonly [options: string, output: OutputOptions])[] = [
  ['', plain],
  ['-s', { ...plain, statistics: true }],
  ['-j', { ...plain, json: true }],
  ['-s -j', { ...plain, statistics: true, json: true }],
  ['-s -j -p', { ...plain, statistics: true, json: true, pretty: true }],
];

/** The age of an action, which tc leaves out below a hundredth of a second. */
function withoutAge(text: string): string {
  return text.replaceAll(/ (?:installed|used) \d+ sec/g, '').replaceAll(/\s*"(?:installed|last_used)": ?\d+,/g, '');
}

function line(words: readonly string[]): string {
  return `tc ${words.map(quote).join(' ')}`;
}

ifOracle('Generated mirred actions print as the tc of the system prints the kernel’s', (t) => {
  const statistics = { packets: 0, bytes: 0, drops: 0, overlimits: 0, requeues: 0, installed: 0, lastUsed: 0 };
  const all = fc
    .sample(filterState, { numRuns: 300, seed: 51 })
    .flatMap(({ actions }) => actions)
    .filter(({ spec }) => spec.kind === 'mirred' && spec.control.type !== 'goto')
    .map(
      ({ spec }, i): ActionState => ({
        spec: { ...spec, index: (spec.index % 1000) + 1000 * i + 1 },
        ref: 1,
        bind: 0,
        statistics,
      }),
    )
    // More would come in several messages, each with a count of its own.
    .slice(0, 15);
  const [one, other] = [all[3], all[11]];
  if (one === undefined || other === undefined) {
    t.fail('too few actions were generated');
    return;
  }
  const get = [one, other].flatMap(({ spec }) => ['action', 'mirred', 'index', `${spec.index}`]).join(' ');
  const shown = runInNamespace([
    ['ip link set lo up', ...all.map(({ spec }) => line(actionCommand(spec)))].join('\n'),
    ...outputs.flatMap(([options]) => [`tc ${options} actions ls action mirred`, `tc ${options} actions get ${get}`]),
    'tc actions flush action mirred; tc actions ls action mirred',
    'tc -j actions ls action mirred',
    ...outputs.map(([options]) => `tc ${options} actions get action; tc ${options} actions`),
  ]);
  for (const [i, [options, output]] of outputs.entries()) {
    t.is(withoutAge(printActions(all, output)), withoutAge(shown[1 + 2 * i] ?? ''), options);
    t.is(withoutAge(printActionsGet([one, other], output)), withoutAge(shown[2 + 2 * i] ?? ''), `get ${options}`);
  }
  t.is(printActions([], plain), shown[11] ?? '');
  t.is(printActions([], { ...plain, json: true }), shown[12] ?? '');
  for (const [i, [options, output]] of outputs.entries()) {
    t.is(printActionsGet([], output), shown[13 + i] ?? '', `get of none ${options}`);
  }
});

ifOracle('Chains print as the tc of the system prints the kernel’s', (t) => {
  const numbers = [0, 5, 4096, 0xfffffff];
  const add = (parent: 'ingress' | 'egress'): string[] =>
    numbers.map((chain) => line(chainCommand({ dev: 'lo', parent, chain })));
  const chosen: readonly (readonly [options: string, output: OutputOptions])[] = [
    ...outputs,
    ['-d', { ...plain, details: true }],
  ];
  const shown = runInNamespace([
    [
      'tc qdisc add dev lo clsact',
      ...add('ingress'),
      ...add('egress'),
      'ip tuntap add vtept mode tap',
      'tc qdisc add dev vtept ingress',
      'tc chain add dev vtept parent ffff: chain 7',
    ].join('\n'),
    ...chosen.flatMap(([options]) => [
      `tc ${options} chain show dev lo ingress`,
      `tc ${options} chain show dev lo egress chain 5`,
      `tc ${options} chain get dev lo ingress chain 4096`,
      `tc ${options} chain show dev vtept parent ffff:`,
    ]),
  ]);
  for (const [i, [options, output]] of chosen.entries()) {
    t.is(printChains(numbers, { parent: 'ingress' }, output), shown[1 + 4 * i] ?? '', options);
    t.is(printChains([5], { parent: 'egress', chain: 5 }, output), shown[2 + 4 * i] ?? '', options);
    t.is(printChainGet(4096, output), shown[3 + 4 * i] ?? '', options);
    t.is(printChains([7], { parent: 'ffff:' }, output), shown[4 + 4 * i] ?? '', options);
  }
});
