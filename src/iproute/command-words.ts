/**
 * What can be typed where: one row for each place that help can be asked at, from the tables that the parsers read
 * by. For completion, and for the tests that hold help and documents to the grammar.
 */

import { actionKinds } from './action-kinds.js';
import { flowerKeyWords } from './flower-keys.js';
import type { HelpTopic } from './help.js';
import { actionsVerbs } from './parse-actions-object.js';
import { chainVerbs } from './parse-chain.js';
import { controlWords } from './parse-control.js';
import { csumWords } from './parse-csum.js';
import { fdbFlushWords, fdbShowWords, fdbVerbs } from './parse-fdb.js';
import { fdbWholeWords, fdbWords } from './parse-fdb-modify.js';
import { filterVerbs } from './parse-filter.js';
import { mirredWords } from './parse-mirred.js';
import { monitorWords } from './parse-monitor.js';
import { peditCommands } from './parse-pedit.js';
import { policeWords } from './parse-police.js';
import { qdiscVerbs, qdiscWords } from './parse-qdisc.js';
import { sampleWords } from './parse-sample.js';
import { skbeditWords } from './parse-skbedit.js';
import { tunnelKeyWords } from './parse-tunnel-key.js';
import { vlanWords } from './parse-vlan.js';
import { vniVerbs, vniWords } from './parse-vni.js';
import { vxlanWords } from './parse-vxlan.js';
import { peditWords } from './pedit-fields.js';

/** Other names that iproute2 has for a word, which need no telling of their own. */
const otherNames = new Map<string, string>([
  ['lst', 'list'],
  ['shot', 'drop'],
  ['ok', 'pass'],
  ['local', 'permanent'],
  ['temp', 'static'],
  ['brport', 'dev'],
  ...['iph', 'ipv4h'].map((name) => [name, 'ip4h'] as const),
  ...['buffer', 'maxburst'].map((name) => [name, 'burst'] as const),
  ['minburst', 'mtu'],
]);

/** Words that are taken and then refused by name, or are the host's, at each place. */
const notVteps: Partial<Record<HelpTopic, readonly string[]>> = {
  // It says what is so anyway.
  'ip link vxlan': ['noexternal'],
  'tc qdisc': ['change', 'link', 'parent', 'root'],
  'tc filter tunnel_key': ['geneve_opts', 'erspan_opts'],
  'tc filter csum': ['or', '+'],
  'tc filter skbedit': ['ptype'],
  'tc filter police': ['avrate'],
  'bridge fdb': [
    ...['nhid', 'master', 'vlan', 'use', 'br', 'brport', 'added_by_user', 'noadded_by_user', 'nosticky', 'offloaded'],
    ...['nooffloaded'],
  ],
};

function row(topic: HelpTopic, ...words: readonly (readonly string[])[]): readonly [HelpTopic, readonly string[]] {
  const foreign = notVteps[topic] ?? [];
  const all = words.flat().filter((word) => word !== 'help' && !otherNames.has(word) && !foreign.includes(word));
  return [topic, [...new Set(all)]];
}

/** By the place that help is asked at; what abbreviations and other names stand for is left out. */
export const commandWords: ReadonlyMap<HelpTopic, readonly string[]> = new Map([
  row('ip', ['link', 'tuntap', 'monitor']),
  row(
    'ip link',
    ['add', 'set', 'change', 'delete', 'show', 'list'],
    ['name', 'dev', 'mtu', 'address', 'txqueuelen', 'up', 'down', 'type', 'vxlan', 'tap', 'tun', 'persist'],
  ),
  row(
    'ip link vxlan',
    vxlanWords.map((entry) => (/port$|label$/.test(entry) ? entry.replace(/^.*\//, '') : entry.replace(/\/.*$/, ''))),
  ),
  row('ip tuntap', ['add', 'delete', 'dev', 'mode', 'tap', 'persist', 'vnet_hdr', 'multi_queue', 'one_queue']),
  row('ip monitor', monitorWords('ip')),
  row('tc', ['qdisc', 'filter', 'chain', 'actions', 'monitor']),
  row('tc qdisc', qdiscVerbs, qdiscWords),
  row('tc filter', filterVerbs, [
    'dev',
    'parent',
    'ingress',
    'egress',
    'protocol',
    'pref',
    'chain',
    'handle',
    'flower',
  ]),
  row(
    'tc filter flower',
    flowerKeyWords,
    ['skip_hw', 'hw_tc', 'verbose', 'classid', 'action', 'index', 'cookie'],
    actionKinds,
    controlWords,
  ),
  row('tc filter tunnel_key', tunnelKeyWords),
  row('tc filter mirred', mirredWords),
  row('tc filter gact', ['gact', 'random', 'netrand', 'determ', 'index']),
  row('tc filter vlan', vlanWords),
  row('tc filter pedit', ['ex', 'munge', 'offset', 'at', 'retain'], peditCommands, peditWords),
  row('tc filter csum', csumWords),
  row('tc filter skbedit', skbeditWords),
  row('tc filter police', policeWords),
  row('tc filter sample', sampleWords),
  row('tc filter simple', ['sdata']),
  row('tc chain', chainVerbs, ['dev', 'parent', 'ingress', 'egress', 'chain']),
  row('tc actions', actionsVerbs, ['action', 'index', 'since'], actionKinds),
  row('tc monitor', monitorWords('tc')),
  row('bridge', ['fdb', 'vni', 'monitor']),
  row('bridge fdb', fdbVerbs, fdbWholeWords, fdbWords, fdbShowWords, fdbFlushWords),
  row('bridge vni', vniVerbs, vniWords),
  row('bridge monitor', monitorWords('bridge')),
  row('monitor', monitorWords('vtep')),
]);
