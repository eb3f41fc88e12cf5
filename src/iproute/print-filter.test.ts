/**
 * Golden output. The block of the two actions is what people see of the rule of the field; the JSON is what tc 6.1
 * prints for the same filters when it is fed their messages (netlink-encode.ts) as a dump.
 */
import test from 'ava';
import fc from 'fast-check';
import { filterState } from './arbitrary-filter.test.helper.js';
import { parseBatchLine, splitBatch } from './batch.js';
import type { ActionState, ActionStatistics, FilterState } from './commands.js';
import { filterPieces, printFilterEvent, printFilterGet, printFilters } from './print-filter.js';

const plain = { statistics: false, details: false, json: false, pretty: false };

const counts: ActionStatistics = {
  packets: 19612,
  bytes: 1647408,
  drops: 0,
  overlimits: 0,
  requeues: 0,
  installed: 20085,
  lastUsed: 1,
};

/** A filter as the daemon would install it, given as the line that makes it. */
function install(line: string, handle: number, index: number, statistics = counts): FilterState {
  const command = parseBatchLine(splitBatch(line)[0]?.words ?? []);
  if (command.kind !== 'filter-add') {
    throw new Error(command.kind);
  }
  const { filter } = command;
  const actions = filter.actions.map((spec): ActionState => {
    if (spec.kind === 'reference') {
      throw new Error(spec.kind);
    }
    return { spec: { ...spec, index: spec.index ?? index }, ref: 1, bind: 1, statistics };
  });
  return { ...filter, pref: filter.pref || 49152, handle, actions };
}

const rule =
  'dst_mac 02:25:d0:13:01:02 src_mac 24:25:d0:e1:00:00 enc_dst_ip 192.168.1.13 enc_src_ip 192.168.1.14 enc_key_id 4 ' +
  'enc_dst_port 4789 action tunnel_key unset action mirred egress redirect dev enp4s0f0_1';
const field = install(`tc filter add dev vxlan0 protocol ip ingress prio 1 flower ${rule}`, 1, 3);
const classic = install(`tc filter add dev vxlan0 protocol ip parent ffff: prio 1 flower skip_hw ${rule}`, 1, 3);

test('The rule of the field prints as tc prints it, with both actions and their statistics', (t) => {
  const output = { ...plain, statistics: true };
  t.is(
    printFilters([field], { dev: 'vxlan0', parent: 'ingress' }, output),
    [
      'filter protocol ip pref 1 flower chain 0 ',
      'filter protocol ip pref 1 flower chain 0 handle 0x1 ',
      '  dst_mac 02:25:d0:13:01:02',
      '  src_mac 24:25:d0:e1:00:00',
      '  eth_type ipv4',
      '  enc_dst_ip 192.168.1.13',
      '  enc_src_ip 192.168.1.14',
      '  enc_key_id 4',
      '  enc_dst_port 4789',
      '  not_in_hw',
      '\taction order 1: tunnel_key  unset pipe',
      '\t index 3 ref 1 bind 1 installed 20085 sec used 1 sec',
      '\tAction statistics:',
      '\tSent 1647408 bytes 19612 pkt (dropped 0, overlimits 0 requeues 0) ',
      '\tbacklog 0b 0p requeues 0',
      '',
      '\taction order 2: mirred (Egress Redirect to device enp4s0f0_1) stolen',
      '\tindex 3 ref 1 bind 1 installed 20085 sec used 1 sec',
      '\tAction statistics:',
      '\tSent 1647408 bytes 19612 pkt (dropped 0, overlimits 0 requeues 0) ',
      '\tbacklog 0b 0p requeues 0',
      '',
      '',
    ].join('\n'),
  );
});

test('Without -s there are neither times nor statistics', (t) => {
  t.deepEqual(printFilters([field], { dev: 'vxlan0', parent: 'ingress' }, plain).split('\n').slice(10), [
    '\taction order 1: tunnel_key  unset pipe',
    '\t index 3 ref 1 bind 1',
    '',
    '\taction order 2: mirred (Egress Redirect to device enp4s0f0_1) stolen',
    '\tindex 3 ref 1 bind 1',
    '',
    '',
  ]);
});

function heads(filters: readonly FilterState[], selector: Parameters<typeof printFilters>[1]): string[] {
  return printFilters(filters, selector, plain)
    .split('\n')
    .filter((line) => line.startsWith('filter'));
}

test('What the selector says is left out of the heads', (t) => {
  const selector = { dev: 'vxlan0', parent: 'ingress' } as const;
  t.deepEqual(heads([field], { ...selector, pref: 1 }), [
    'filter protocol ip flower chain 0 ',
    'filter protocol ip flower chain 0 handle 0x1 ',
  ]);
  t.deepEqual(heads([field], { ...selector, protocol: 0x800, chain: 0 }), [
    'filter pref 1 flower ',
    'filter pref 1 flower handle 0x1 ',
  ]);
});

test('A parent that is spelled otherwise than in the request is printed', (t) => {
  t.deepEqual(heads([classic], { dev: 'vxlan0', parent: 'ingress' }), [
    'filter parent ffff: protocol ip pref 1 flower chain 0 ',
    'filter parent ffff: protocol ip pref 1 flower chain 0 handle 0x1 ',
  ]);
  t.deepEqual(heads([field], { dev: 'vxlan0', parent: 'ffff:' }), [
    'filter ingress protocol ip pref 1 flower chain 0 ',
    'filter ingress protocol ip pref 1 flower chain 0 handle 0x1 ',
  ]);
  t.is(heads([classic], { dev: 'vxlan0', parent: 'ffff:' })[0], 'filter protocol ip pref 1 flower chain 0 ');
});

test('There is one record without a handle for each chain and pref', (t) => {
  const second = { ...field, handle: 2 };
  const otherPref = { ...field, pref: 2, protocol: 3, keys: [] };
  const otherChain = { ...otherPref, chain: 7 };
  t.deepEqual(heads([field, second, otherPref, otherChain], { dev: 'vxlan0', parent: 'ingress' }), [
    'filter protocol ip pref 1 flower chain 0 ',
    'filter protocol ip pref 1 flower chain 0 handle 0x1 ',
    'filter protocol ip pref 1 flower chain 0 handle 0x2 ',
    'filter protocol all pref 2 flower chain 0 ',
    'filter protocol all pref 2 flower chain 0 handle 0x1 ',
    'filter protocol all pref 2 flower chain 7 ',
    'filter protocol all pref 2 flower chain 7 handle 0x1 ',
  ]);
});

test('get prints one filter and its parent', (t) => {
  t.is(printFilterGet(field, plain).split('\n')[0], 'filter ingress protocol ip pref 1 flower chain 0 handle 0x1 ');
  t.is(
    printFilterGet(classic, plain).split('\n')[0],
    'filter parent ffff: protocol ip pref 1 flower chain 0 handle 0x1 ',
  );
});

test('An event says what became of the filter, and of which device', (t) => {
  t.is(
    printFilterEvent(field, 'deleted', plain).split('\n')[0],
    'deleted filter dev vxlan0 ingress protocol ip pref 1 flower chain 0 handle 0x1 ',
  );
});

const rich = install(
  'tc filter add dev tap0 ingress protocol ipv6 pref 7 chain 2 flower indev tap0 dst_mac 02:00:00:00:00:01/24 ip_proto tcp ' +
    'dst_ip fd00::/64 dst_port 80/0xff00 enc_tos 0x10/f0 classid 1:10 ' +
    'action tunnel_key set id 4 src_ip 10.0.0.1 dst_ip 10.0.0.2 dst_port 4789 nocsum nofrag tos 16 ttl 64 cookie a1b2 ' +
    'action mirred egress mirror dev tap1 goto chain 5 action drop random determ pass 50',
  0x1f,
  1,
  { packets: 3, bytes: 252, drops: 1, overlimits: 2, requeues: 0, installed: 10, lastUsed: 4, firstUsed: 9 },
);

test('Every part of tunnel_key set, mirror and gact has its line', (t) => {
  t.is(
    printFilters([rich], { dev: 'tap0', parent: 'ingress' }, plain),
    [
      'filter protocol ipv6 pref 7 flower chain 2 ',
      'filter protocol ipv6 pref 7 flower chain 2 handle 0x1f classid 1:10 ',
      '  indev tap0',
      '  dst_mac 02:00:00:00:00:01/24',
      '  eth_type ipv6',
      '  ip_proto tcp',
      '  dst_ip fd00::/64',
      '  dst_port 80/0xff00',
      '  enc_tos 16/0xf0',
      '  not_in_hw',
      '\taction order 1: tunnel_key  set',
      '\tsrc_ip 10.0.0.1',
      '\tdst_ip 10.0.0.2',
      '\tkey_id 4',
      '\tdst_port 4789',
      '\tnocsum',
      '\tnofrag',
      '\ttos 0x10',
      '\tttl 64 pipe',
      '\t index 1 ref 1 bind 1',
      '\tcookie a1b2',
      '',
      '\taction order 2: mirred (Egress Mirror to device tap1) goto chain 5',
      '\tindex 1 ref 1 bind 1',
      '',
      '\taction order 3: gact action drop',
      '\t random type determ pass val 50',
      '\t index 1 ref 1 bind 1',
      '',
      '',
    ].join('\n'),
  );
});

test('JSON is one array, with the record of the priority and the filter', (t) => {
  const json = printFilters([rich], { dev: 'tap0', parent: 'ingress' }, { ...plain, json: true, statistics: true });
  const statistics = '"stats":{"bytes":252,"packets":3,"drops":1,"overlimits":2,"requeues":0,"backlog":0,"qlen":0}';
  const common = '"index":1,"ref":1,"bind":1,"installed":10,"last_used":4,"first_used":9';
  t.is(
    json,
    `${[
      '[{"protocol":"ipv6","pref":7,"kind":"flower","chain":2},',
      '{"protocol":"ipv6","pref":7,"kind":"flower","chain":2,"options":{"handle":31,"classid":"1:10","indev":"tap0",',
      '"keys":{"dst_mac":"02:00:00:00:00:01/24","eth_type":"ipv6","ip_proto":"tcp","dst_ip":"fd00::/64",',
      '"dst_port":80,"dst_port_mask":"ff00","enc_tos":16,"enc_tos_mask":"f0"},"not_in_hw":true,"actions":[',
      '{"order":1,"kind":"tunnel_key","mode":"set","src_ip":"10.0.0.1","dst_ip":"10.0.0.2","key_id":4,"dst_port":4789,',
      '"flag":"nocsum","nofrag":true,"tos":16,"ttl":64,"control_action":{"type":"pipe"},',
      `${common},${statistics},"cookie":"a1b2"},`,
      '{"order":2,"kind":"mirred","mirred_action":"mirror","direction":"egress","to_dev":"tap1",',
      `"control_action":{"type":"goto","chain":5},${common},${statistics}},`,
      '{"order":3,"kind":"gact","control_action":{"type":"drop"},',
      '"prob":{"random_type":"determ","control_action":{"type":"pass"},"val":50},',
      `${common},${statistics}}]}}]`,
    ].join('')}\n`,
  );
});

test('Pretty JSON has the layout of iproute2', (t) => {
  const filter = install('tc filter add dev a ingress pref 5 flower enc_key_id 4 action drop', 1, 1);
  t.is(
    printFilters([filter], { dev: 'a', parent: 'ffff:' }, { ...plain, json: true, pretty: true }),
    `[ {
        "ingress": true,
        "protocol": "all",
        "pref": 5,
        "kind": "flower",
        "chain": 0
    },{
        "ingress": true,
        "protocol": "all",
        "pref": 5,
        "kind": "flower",
        "chain": 0,
        "options": {
            "handle": 1,
            "keys": {
                "enc_key_id": 4
            },
            "not_in_hw": true,
            "actions": [ {
                    "order": 1,
                    "kind": "gact",
                    "control_action": {
                        "type": "drop"
                    },
                    "prob": {
                        "random_type": "none",
                        "control_action": {
                            "type": "pass"
                        },
                        "val": 0
                    },
                    "index": 1,
                    "ref": 1,
                    "bind": 1
                } ]
        }
    } ]
`,
  );
});

test('Nothing prints as nothing, and as an empty array in JSON', (t) => {
  const selector = { dev: 'a', parent: 'ingress' } as const;
  t.is(printFilters([], selector, plain), '');
  t.is(printFilters([], selector, { ...plain, json: true }), '[]\n');
  t.is(printFilters([], selector, { ...plain, json: true, pretty: true }), '[ ]\n');
});

test('JSON of any filters can be parsed, and says the same compact and pretty', (t) => {
  const selector = { dev: 'lo', parent: 'ffff:' } as const;
  fc.assert(
    fc.property(fc.array(filterState, { maxLength: 4 }), fc.boolean(), (filters, statistics) => {
      const compact = printFilters(filters, selector, { ...plain, statistics, json: true });
      const pretty = printFilters(filters, selector, { ...plain, statistics, json: true, pretty: true });
      t.deepEqual(JSON.parse(compact), JSON.parse(pretty));
      t.is([...filterPieces(filters, selector, { ...plain, statistics, json: true })].join(''), compact);
    }),
    { seed: 14, numRuns: 200 },
  );
});
