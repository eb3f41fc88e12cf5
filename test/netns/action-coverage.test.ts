// Whether the end-to-end cases leave any action, or any of its words, out. What there is, the grammar's own tables say.
import test from 'ava';
import { actionKinds } from '../../src/iproute/action-kinds.js';
import { CommandError } from '../../src/iproute/commands.js';
import { parseLine } from '../../src/iproute/parse.js';
import { controlWords } from '../../src/iproute/parse-control.js';
import { csumWords } from '../../src/iproute/parse-csum.js';
import { mirredWords } from '../../src/iproute/parse-mirred.js';
import { peditCommands } from '../../src/iproute/parse-pedit.js';
import { policeWords } from '../../src/iproute/parse-police.js';
import { sampleWords } from '../../src/iproute/parse-sample.js';
import { skbeditWords } from '../../src/iproute/parse-skbedit.js';
import { tunnelKeyWords } from '../../src/iproute/parse-tunnel-key.js';
import { vlanWords } from '../../src/iproute/parse-vlan.js';
import { peditFields } from '../../src/iproute/pedit-fields.js';
import { actionCases } from './action-cases.js';
import { tunnelCases } from './tunnel-cases.js';

const typed = [...actionCases, ...tunnelCases].map(({ actions }) => ` ${actions} `);

/** Words that are refused by name, and what stands before them. */
const refused: readonly string[] = [
  'tunnel_key set src_ip 10.0.0.1 dst_ip 10.0.0.2 geneve_opts',
  'tunnel_key set src_ip 10.0.0.1 dst_ip 10.0.0.2 erspan_opts',
  'police rate 1mbit avrate',
  'skbedit ptype',
];

const words: Readonly<Record<(typeof actionKinds)[number], readonly string[]>> = {
  tunnel_key: tunnelKeyWords,
  mirred: mirredWords.filter((word) => word !== 'index'),
  gact: [...controlWords, 'random netrand', 'random determ', 'index', 'cookie'],
  vlan: vlanWords,
  pedit: [
    ...peditCommands.map((command) => ` ${command}`),
    ...['retain', 'at', 'u8', 'u16', 'u32'],
    ...peditFields.map(([layer, name]) => `munge ${layer} ${name}`),
  ],
  csum: csumWords,
  skbedit: skbeditWords,
  police: policeWords,
  sample: sampleWords,
  simple: ['sdata'],
};

test('every action, with each of its words, has a case, or is refused by its name', (t) => {
  for (const kind of actionKinds) {
    const own = kind === 'gact' ? typed : typed.filter((text) => text.includes(` ${kind} `));
    t.true(own.length > 0, kind);
    for (const word of words[kind].filter((one) => one !== 'help')) {
      if (refused.some((line) => line.startsWith(`${kind} `) && line.endsWith(` ${word}`))) continue;
      t.true(
        own.some((text) => text.includes(` ${word.trim()} `)),
        `${kind} ${word}`,
      );
    }
  }
});

test('every field of pedit has a case with ex and without, wherever it may stand', (t) => {
  for (const [layer, name, isExtended] of peditFields) {
    const found = typed.some(
      (text) => text.includes(` munge ${layer} ${name} `) && text.includes(' pedit ex ') === isExtended,
    );
    t.true(found, `pedit${isExtended ? ' ex' : ''} munge ${layer} ${name}`);
  }
});

test('what is not supported of an action is refused by its name', (t) => {
  for (const line of refused) {
    const [kind = ''] = line.split(' ', 1);
    const word = line.slice(line.lastIndexOf(' ') + 1);
    const value = word === 'ptype' ? 'host' : '1';
    const error = t.throws(() => parseLine('tc', `actions add action ${line} ${value}`.split(' ')), {
      instanceOf: CommandError,
    });
    t.deepEqual([error?.exitCode, error?.message], [2, `vtep: "${word}" of action ${kind} is not supported by vtep`]);
  }
});
