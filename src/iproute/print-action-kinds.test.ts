// One action of each form, as tc 6.1 prints it: text with statistics up to the counters, and JSON up to `not_in_hw`.
// Recorded from the system's tc, which was given the same actions over netlink.
import test from 'ava';
import type { ActionState, OutputOptions } from './commands.js';
import { parseLine } from './parse.js';
import { printActions } from './print-actions.js';

const rows: readonly (readonly [line: string, text: string, json: string])[] = [
  [
    'tunnel_key set src_ip 192.0.2.1 dst_ip 192.0.2.2 id 4 vxlan_opts 5 tos 0x10 ttl 9 nocsum',
    'tunnel_key  set\n\tsrc_ip 192.0.2.1\n\tdst_ip 192.0.2.2\n\tkey_id 4\n\tvxlan_opts 5\n\tnocsum\n\ttos 0x10\n\tttl 9 pipe\n\t index 3 ref 1 bind 0 installed 20 sec used 1 sec firstused 12 sec\n',
    '"kind":"tunnel_key","mode":"set","src_ip":"192.0.2.1","dst_ip":"192.0.2.2","key_id":4,"vxlan_opts":[{"gbp":5}],"flag":"nocsum","tos":16,"ttl":9,"control_action":{"type":"pipe"},"index":3,"ref":1,"bind":0',
  ],
  [
    'pass random netrand drop 7',
    'gact action pass\n\t random type netrand drop val 7\n\t index 3 ref 1 bind 0 installed 20 sec used 1 sec firstused 12 sec\n',
    '"kind":"gact","control_action":{"type":"pass"},"prob":{"random_type":"netrand","control_action":{"type":"drop"},"val":7},"index":3,"ref":1,"bind":0',
  ],
  [
    'vlan pop',
    'vlan  pop pipe\n\t index 3 ref 1 bind 0 installed 20 sec used 1 sec firstused 12 sec\n',
    '"kind":"vlan","vlan_action":"pop","control_action":{"type":"pipe"},"index":3,"ref":1,"bind":0',
  ],
  [
    'vlan push id 5',
    'vlan  push id 5 protocol 802.1Q priority 0 pipe\n\t index 3 ref 1 bind 0 installed 20 sec used 1 sec firstused 12 sec\n',
    '"kind":"vlan","vlan_action":"push","id":5,"protocol":"802.1Q","priority":0,"control_action":{"type":"pipe"},"index":3,"ref":1,"bind":0',
  ],
  [
    'vlan modify id 6 protocol 802.1ad priority 3 jump 7',
    'vlan  modify id 6 protocol 802.1ad priority 3 jump 7\n\t index 3 ref 1 bind 0 installed 20 sec used 1 sec firstused 12 sec\n',
    '"kind":"vlan","vlan_action":"modify","id":6,"protocol":"802.1ad","priority":3,"control_action":{"type":"jump","jump":7},"index":3,"ref":1,"bind":0',
  ],
  [
    'vlan push_eth dst_mac 02:00:00:00:00:01 src_mac 02:00:00:00:00:02',
    'vlan  push_eth dst_mac 02:00:00:00:00:01 src_mac 02:00:00:00:00:02 pipe\n\t index 3 ref 1 bind 0 installed 20 sec used 1 sec firstused 12 sec\n',
    '"kind":"vlan","vlan_action":"push_eth","dst_mac":"02:00:00:00:00:01","src_mac":"02:00:00:00:00:02","control_action":{"type":"pipe"},"index":3,"ref":1,"bind":0',
  ],
  [
    'pedit ex munge ip dst set 10.0.0.1 munge tcp dport add 5 munge ip6 traffic_class set 0x20 pipe',
    ' pedit action pipe keys 3\n \t index 3 ref 1 bind 0 installed 20 sec used 1 sec firstused 12 sec\n\t key #0  at ipv4+16: val 0a000001 mask 00000000\n\t key #1  at tcp+0: add 00000005 mask ffff0000\n\t key #2  at ipv6+0: val 02000000 mask f00fffff\n',
    '"kind":"pedit","control_action":{"type":"pipe"},"nkeys":3,"index":3,"ref":1,"bind":0,"keys":[{"htype":"ipv4","offset":16,"cmd":"set","val":"a000001","mask":"0"},{"htype":"tcp","offset":0,"cmd":"add","val":"5","mask":"ffff0000"},{"htype":"ipv6","offset":0,"cmd":"set","val":"2000000","mask":"f00fffff"}]',
  ],
  [
    'pedit munge offset -14 u16 set 0x102 munge offset 0 u8 invert drop',
    ' pedit action drop keys 2\n \t index 3 ref 1 bind 0 installed 20 sec used 1 sec firstused 12 sec\n\t key #0  at -16: val 00000102 mask ffff0000\n\t key #1  at 0: val ff000000 mask ffffffff\n',
    '"kind":"pedit","control_action":{"type":"drop"},"nkeys":2,"index":3,"ref":1,"bind":0,"keys":[{"htype":"network","offset":-16,"cmd":"set","val":"102","mask":"ffff0000"},{"htype":"network","offset":0,"cmd":"set","val":"ff000000","mask":"ffffffff"}]',
  ],
  [
    'csum ip4h and tcp and udplite pipe',
    'csum (iph, tcp, udplite) action pipe\n\tindex 3 ref 1 bind 0 installed 20 sec used 1 sec firstused 12 sec\n',
    '"kind":"csum","csum":"iph, tcp, udplite","control_action":{"type":"pipe"},"index":3,"ref":1,"bind":0',
  ],
  [
    'skbedit queue_mapping 3 priority 1:2 mark 5/0xff inheritdsfield',
    'skbedit queue_mapping 3 priority 1:2 mark 5/0xff inheritdsfield pipe\n\t index 3 ref 1 bind 0 installed 20 sec used 1 sec firstused 12 sec\n',
    '"kind":"skbedit","queue_mapping":3,"priority":"1:2","mark":5,"mask":"ff","inheritdsfield":null,"control_action":{"type":"pipe"},"index":3,"ref":1,"bind":0',
  ],
  [
    'police rate 1mbit burst 10k conform-exceed drop/pipe',
    ' police 0x3 rate 1Mbit burst 10Kb mtu 2Kb action drop/pipe overhead 0b \n\tref 1 bind 0  installed 20 sec used 1 sec firstused 12 sec\n',
    '"kind":"police","index":3,"control_action":{"type":"drop"},"control_action":{"type":"pipe"},"overhead":0,"ref":1,"bind":0',
  ],
  [
    'police rate 8mbit burst 20k peakrate 16mbit mtu 1500 overhead 20 linklayer atm conform-exceed reclassify / jump 2',
    ' police 0x3 rate 8Mbit burst 20Kb mtu 1500b peakrate 16Mbit action reclassify/jump 2 overhead 20b linklayer atm \n\tref 1 bind 0  installed 20 sec used 1 sec firstused 12 sec\n',
    '"kind":"police","index":3,"control_action":{"type":"reclassify"},"control_action":{"type":"jump","jump":2},"overhead":20,"linklayer":"atm","ref":1,"bind":0',
  ],
  [
    'police pkts_rate 1000 pkts_burst 50 continue',
    ' police 0x3 rate 0bit burst 0b mtu 4096Mb pkts_rate 1000 pkts_burst 50 action continue overhead 0b \n\tref 1 bind 0  installed 20 sec used 1 sec firstused 12 sec\n',
    '"kind":"police","index":3,"pkts_rate":1000,"pkts_burst":50,"control_action":{"type":"continue"},"overhead":0,"ref":1,"bind":0',
  ],
  [
    'sample rate 10 group 4 trunc 100',
    'sample rate 1/10 group 4 trunc_size 100 pipe\n\t index 3 ref 1 bind 0 installed 20 sec used 1 sec firstused 12 sec\n',
    '"kind":"sample","rate":10,"group":4,"trunc_size":100,"control_action":{"type":"pipe"},"index":3,"ref":1,"bind":0',
  ],
];

const statistics = {
  ...{ packets: 7, bytes: 588, drops: 1, overlimits: 2, requeues: 0 },
  ...{ installed: 20, lastUsed: 1, firstUsed: 12 },
};
const plain: OutputOptions = { statistics: false, details: false, json: false, pretty: false };

function stateOf(line: string): ActionState {
  const command = parseLine('tc', ['actions', 'add', 'action', ...line.split(' '), 'index', '3']);
  const [spec] = command.kind === 'actions-add' ? command.actions : [];
  if (spec === undefined || spec.kind === 'reference') {
    throw new Error(line);
  }
  return { spec: { ...spec, index: 3 }, ref: 1, bind: 0, statistics };
}

for (const [line, text, json] of rows) {
  test(`${line} prints as tc prints it`, (t) => {
    const state = stateOf(line);
    const said = printActions([state], { ...plain, statistics: true });
    t.is(said.slice(said.indexOf('order 0: ') + 9, said.indexOf('\tAction statistics')), text);
    const written = printActions([state], { ...plain, json: true });
    t.is(written.slice(written.indexOf('"order":0,') + 10, written.indexOf(',"not_in_hw"')), json);
  });
}

test('an action simple is JSON too, where that of tc 6.1 is none', (t) => {
  const written = printActions([stateOf('simple sdata hello')], { ...plain, json: true });
  t.like((JSON.parse(written) as unknown[])[1], {
    actions: [{ order: 0, simple: 'hello', index: 3, ref: 1, bind: 0 }],
  });
});
