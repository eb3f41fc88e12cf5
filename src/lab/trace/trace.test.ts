// What a trace says, in words and as data.
import test, { type ExecutionContext } from 'ava';
import { type CapturedPacket, LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../../observe/captures/capture-reader.js';
import { readArrival } from './arrival.js';
import { liveBatch } from './live-batch.js';
import { printTrace } from './print-trace.js';
import type { TraceReport } from './report.js';
import { Tracer } from './trace.js';

const DEVICES = `ip link add vxlan0 type vxlan external dstport 4789
ip link add blue type vxlan id 7 dstport 4790 local 192.0.2.1 remote 192.0.2.9
ip link add off type vxlan id 8 dstport 4791
ip tuntap add dev tap0 mode tap
ip tuntap add dev tap1 mode tap
ip link set vxlan0 up
ip link set blue up
ip link set tap0 up
tc qdisc add dev vxlan0 clsact
tc qdisc add dev blue clsact
tc qdisc add dev tap0 clsact
`;

const nothing = (): CapturedPacket[] => [];

async function traced(rules: string, words: string, near?: number): Promise<{ report: TraceReport; text: string }> {
  const lines = rules.trim() === '' ? '' : rules.trim().replace(/^/gm, 'tc filter add dev ');
  const tracer = await Tracer.from(`${DEVICES}${lines}\n`, 'rules', near === undefined ? {} : { near });
  const report = tracer.trace(readArrival(tracer.endpoint, words.split(' '), nothing).arrival);
  return { report, text: printTrace(report) };
}

test('the first field in which a near miss differs is told, the nearest rule first, and how many more there are', async (t) => {
  const rules = `
vxlan0 ingress protocol ip pref 1 flower enc_key_id 5 enc_src_ip 10.0.0.14 ip_proto tcp dst_port 22 action drop
vxlan0 ingress protocol ip pref 1 handle 0x2 flower enc_key_id 4 enc_src_ip 10.0.0.14 ip_proto tcp dst_port 80 action drop
vxlan0 ingress protocol ip pref 2 flower dst_ip 10.0.0.0/8 action drop
vxlan0 ingress protocol arp pref 3 flower action drop
vxlan0 ingress protocol ip pref 4 flower ip_proto tcp dst_port 81-90 action drop`;
  const { text } = await traced(rules, 'dev vxlan0 enc_key_id 4 enc_src_ip 10.0.0.9 ip_proto tcp dst_port 80');
  t.true(
    text.includes(`
  chain 0: tried pref 1 (1 mask, 2 rules), pref 2 (1 mask, 1 rule), pref 4 (1 mask, 1 rule)
    pref 1 handle 0x2: enc_src_ip is 10.0.0.9, rule wants 10.0.0.14
    pref 2 handle 0x1: dst_ip is 192.0.2.2, rule wants 10.0.0.0/8
    pref 3 handle 0x1: protocol is ip, rule wants arp
    2 more rules do not match
    no rule matches
`),
    text,
  );
  t.true(text.includes("\nend: to the host's stack at vxlan0: 60 bytes\n"), text);
  const all = await traced(rules, 'dev vxlan0 enc_key_id 4 enc_src_ip 10.0.0.9 ip_proto tcp dst_port 80', 9);
  t.regex(all.text, /pref 4 handle 0x1: dst_port is 80, rule wants 81-90\n/);
  t.regex(all.text, /pref 1 handle 0x1: dst_port is 80, rule wants 22; and 2 more fields differ\n/);
  const none = await traced(rules, 'dev vxlan0 enc_key_id 4 enc_src_ip 10.0.0.9 ip_proto tcp dst_port 80', 0);
  t.regex(none.text, /pref 4 \(1 mask, 1 rule\)\n {4}5 more rules do not match\n/);
});

test('every action is told with what it changed, in the frame and in the metadata, and what it sent elsewhere', async (t) => {
  const { text, report } = await traced(
    `
vxlan0 ingress protocol ip pref 1 flower enc_key_id 4 action mirred egress mirror dev tap0 pipe action tunnel_key unset pipe action vlan push id 9 pipe action skbedit mark 3 pipe action goto chain 6
vxlan0 ingress protocol 802.1Q pref 1 chain 6 flower vlan_id 9 action tunnel_key set src_ip 10.1.0.1 dst_ip 10.1.0.2 id 6 dst_port 4789 pipe action mirred egress redirect dev vxlan0
vxlan0 egress protocol all pref 1 flower enc_key_id 6 action continue
tap0 egress protocol all pref 1 flower action drop`,
    'dev vxlan0 enc_key_id 4 enc_src_ip 10.0.0.9 ip_proto tcp dst_port 80',
  );
  t.true(
    text.includes(`
  action 1: mirred egress mirror dev tap0 pipe index 1
    tap0 egress, protocol ip
`),
    text,
  );
  t.true(
    text.includes(`
      verdict drop: the frame is dropped
      dropped here
  action 2: tunnel_key unset pipe index 1
    metadata: none any more
  action 3: vlan push id 9 protocol 802.1Q priority 0 pipe index 1
    num_of_vlans: none -> 1
    vlan_id: none -> 9
    vlan_prio: none -> 0
    vlan_ethtype: none -> ip
    length: 60 -> 64
  action 4: skbedit mark 3 pipe index 1
    mark: none -> 3
  action 5: gact goto chain 6 index 1
  verdict goto: goes on in chain 6
  chain 6: tried pref 1 (1 mask, 1 rule)
    match: pref 1 handle 0x1 protocol 802.1Q flower vlan_id 9
  action 1: tunnel_key set src_ip 10.1.0.1 dst_ip 10.1.0.2 id 6 dst_port 4789 csum pipe index 2
    metadata: enc_dst_ip 10.1.0.2 enc_src_ip 10.1.0.1 enc_key_id 6 enc_dst_port 4789`),
    text,
  );
  t.true(
    text.endsWith(
      'end: vxlan0 sends it into the tunnel to 10.1.0.2 port 4789, VNI 6: 100 bytes with the outer headers\n',
    ),
    text,
  );
  t.is(report.outputs.length, 1);
  t.deepEqual(report.hints, []);
});

test('bytes that an action changed are told, also where no field shows it', async (t) => {
  const { text } = await traced(
    'tap0 ingress protocol ip pref 1 flower action pedit munge offset 32 u32 set 0x1020304 pipe action csum ip and udp pipe action skbedit priority 1:2 pipe action drop',
    'dev tap0 ip_proto udp',
  );
  t.regex(text, / {2}action 1: pedit .* pipe index 1\n {4}bytes 46-49: 00000000 -> 01020304\n {2}action 2/);
  t.regex(text, / {2}action 3: skbedit .*\n {4}priority: none -> \d+\n/);
});

test('keys on the metadata of a tunnel, where there is none, are pointed out by name', async (t) => {
  const keys = 'flower enc_key_id 7 action mirred egress redirect dev tap0';
  const classic = await traced(`blue ingress protocol all pref 1 ${keys}`, 'dev blue ip_proto udp');
  t.regex(classic.text, /pref 1 handle 0x1: no enc_key_id, for there is no such tunnel metadata, rule wants 7\n/);
  t.deepEqual(classic.report.hints, [
    'blue is not external: it hands on no tunnel metadata, so filters there with enc_* keys (pref 1 handle 0x1) never match. Make it with "ip link add blue type vxlan external …", or leave these keys out',
  ]);
  const tap = await traced(`tap0 ingress protocol all pref 1 ${keys}`, 'dev tap0 ip_proto udp');
  t.regex(tap.report.hints[0] ?? '', /^what the host sends on tap0 has no tunnel metadata/);
  t.regex(tap.report.hints[1] ?? '', /^no filter at the ingress of tap0 took the frame/);
  const unset = await traced(
    `
vxlan0 ingress protocol all pref 1 flower action tunnel_key unset pipe action mirred egress redirect dev tap0
tap0 egress protocol all pref 1 ${keys}`,
    'dev vxlan0 enc_key_id 7 ip_proto udp',
  );
  t.regex(unset.report.hints[0] ?? '', /^the packet has no tunnel metadata at the egress of tap0 .*"tunnel_key unset"/);
});

test('a frame for an external device without metadata, and targets that are down, are explained', async (t) => {
  const bare = await traced(
    'tap0 ingress protocol all pref 1 flower action mirred egress redirect dev vxlan0',
    'dev tap0 ip_proto udp',
  );
  t.regex(bare.text, /counted as no-tunnel-metadata of vxlan0: /);
  t.regex(bare.report.hints[0] ?? '', /^vxlan0 is external, and needs to be told where to: "action tunnel_key set /);
  const down = await traced(
    'tap0 ingress protocol all pref 1 flower action mirred egress redirect dev tap1',
    'dev tap0 ip_proto udp',
  );
  t.regex(down.text, / {4}counted as mirred-down of tap0: /);
  t.true(down.text.endsWith('end: nothing leaves\n'));
});

test('a packet that no device takes is told why', async (t) => {
  const told = async (words: string): Promise<string> => (await traced('', words)).text;
  t.regex(
    await told('dev off ip_proto udp'),
    /no device takes it\nhint: off is down, and receives nothing: "ip link set off up"/,
  );
  t.regex(await told('dev tap1 ip_proto udp'), /end: no device takes it\nhint: tap1 is down, and takes no frames/);
  t.regex(
    await told('dev blue enc_src_ip 2001:db8::77 enc_dst_ip 2001:db8::78'),
    /hint: blue receives on port 4790, but not at address 2001:db8::78/,
  );
  const { report } = await traced('', 'dev blue ip_proto udp');
  const packet = report.input.bytes.replace(/^(.{44})12b6/, '$112b7');
  t.regex(await told(`hex ${packet}`), /hint: it is for UDP port 4791; off is down|off is down, and receives nothing/);
  t.regex(
    await told(`hex ${report.input.bytes.replace(/^(.{44})12b6/, '$10001')}`),
    /hint: it is for UDP port 1; vxlan0 receives on port 4789, blue receives on port 4790/,
  );
});

test('a mirror receiver, whose TAPs a trace does not have, says so', async (t) => {
  const tracer = await Tracer.from(
    'ip link add mir type vxlan external vni any tap-prefix m dstport 4789\nip link set mir up\n',
    'rules',
  );
  const { arrival } = readArrival(tracer.endpoint, 'dev mir enc_key_id 5 ip_proto udp'.split(' '), nothing);
  const { hints } = tracer.trace(arrival);
  t.regex(hints[0] ?? '', /^mir gives each VNI a TAP of its own \(m…\)/);
});

test('a classic device says where its forwarding table sends a frame, and where it knows nothing', async (t) => {
  const sent = await traced('', 'dev blue egress ip_proto udp');
  t.regex(sent.text, /end: blue sends it into the tunnel to 192.0.2.9 port 4790, VNI 7: /);
  const tracer = await Tracer.from('ip link add red type vxlan id 7 dstport 4790\nip link set red up\n', 'rules');
  const { arrival } = readArrival(tracer.endpoint, ['dev', 'red', 'egress', 'ip_proto', 'udp'], nothing);
  t.regex(printTrace(tracer.trace(arrival)), /counted as no-remote of red: /);
});

test('a packet may be given in hexadecimal, and as one of a capture', async (t) => {
  const { report } = await traced('', 'dev vxlan0 enc_key_id 4 ip_proto tcp');
  const { bytes } = report.input;
  const spaced = bytes.replace(/../g, '$& ').trim();
  t.deepEqual((await traced('', `hex ${spaced}`)).report, report);
  t.deepEqual((await traced('', `hex ${'02'.repeat(12)}0800${bytes}`)).report, report);
  const frame = (await traced('', 'dev tap0 ip_proto tcp')).report;
  t.deepEqual((await traced('', `dev tap0 hex 0x${frame.input.bytes}`)).report, frame);

  const tracer = await Tracer.from(DEVICES, 'rules');
  const packets = [
    { number: 1, linkType: LINKTYPE_RAW, time: 5, bytes: Uint8Array.of(1), length: 1 },
    {
      number: 2,
      linkType: LINKTYPE_ETHERNET,
      time: 6,
      bytes: Uint8Array.from(Buffer.from(frame.input.bytes, 'hex')),
      length: 60,
    },
  ];
  const read = (words: string): ReturnType<typeof readArrival> =>
    readArrival(tracer.endpoint, words.split(' '), () => packets);
  t.is(read('dev tap0 pcap x packet 2').time, 6);
  t.is(read('dev tap0 pcap x packet 2').arrival.bytes.length, 60);
  for (const [words, message] of [
    ['pcap x packet 3', 'x has 2 packets, and no packet 3'],
    ['pcap x packet', '"packet": packets are counted from 1 on'],
    ['pcap x packet 0', '"0": packets are counted from 1 on'],
    ['pcap x number 3', '"number" is not understood: pcap FILE [packet N]'],
    ['pcap', '"pcap" needs a file'],
    ['dev tap0 pcap x', "what the host sends on tap0 has an Ethernet header; the capture's packets have none"],
  ] as const)
    t.throws(() => read(words), { message: `vtep: ${message}` }, words);
});

test('an action that never runs, for the one before it ends, is pointed out', async (t) => {
  const rules = 'vxlan0 ingress protocol ip pref 1 flower action csum ip action mirred egress redirect dev tap0';
  const { report } = await traced(rules, 'dev vxlan0 ip_proto udp');
  t.deepEqual(report.hints, [
    'of pref 1 handle 0x1 action 2 (mirred) never runs, for action 1 (csum) ends with pass: say pipe behind action 1 (csum), or put it last',
  ]);
  t.deepEqual((await traced(rules.replace('csum ip', 'csum ip pipe'), 'dev vxlan0 ip_proto udp')).report.hints, []);
});

test('a word that a flow cannot have is refused by name', async (t) => {
  const tracer = await Tracer.from(DEVICES, 'rules', { hosts: ['eth0'] });
  const refused = (words: string, message: string | RegExp): void => {
    const error = t.throws(() => readArrival(tracer.endpoint, words.split(' '), nothing), undefined, words);
    if (typeof message === 'string') t.is(error?.message, `vtep: ${message}`, words);
    else t.regex(error?.message ?? '', message, words);
  };
  refused('dev', '"dev" needs the name of a device');
  refused('dev tap9 ip_proto udp', /^vtep: no line makes a device "tap9"/);
  refused(
    'dev tap0 egress ip_proto udp',
    'what leaves by tap0 goes to the host; say what comes in: dev tap0 without "egress"',
  );
  refused('dev tap0 enc_key_id 4', '"enc_key_id": what the host sends on tap0 has no metadata of a tunnel');
  refused('dev tap0 dst_ip 10.0.0.0/8', 'a packet has one dst_ip: say it without a mask');
  refused('dev tap0 ip_proto udp dst_port 1-5', 'a packet has one dst_port, not a range');
  refused('dev tap0 indev tap0', '"indev" is not for a packet to say');
  refused(
    'dev tap0 ip_proto udp action drop',
    'a flow is made of keys alone, without actions and other options of a filter',
  );
  refused('dev tap0 protocol all', 'a packet has one protocol, not "all"');
  refused('dev tap0 protocol foo', '"foo" is no protocol');
  refused('dev tap0 ip_prot0 udp', /^What is "ip_prot0"\?/);
  refused('dev tap0 dst_port 80', /Illegal "dst_port"/);
  refused('dev vxlan0 enc_dst_port 1', 'enc_dst_port 1: vxlan0 receives on port 4789 only');
  refused('dev vxlan0 enc_key_id 16777216', 'enc_key_id 16777216: a VNI has 24 bits');
  refused(
    'dev vxlan0 enc_src_ip 10.0.0.1 enc_dst_ip 2001:db8::1',
    'enc_src_ip and enc_dst_ip are of different families',
  );
  refused('dev vxlan0 vxlan_opts 5', '"vxlan_opts": vxlan0 has no gbp, and takes no group policy');
  refused('hex', '"hex" needs the bytes of a packet');
  refused('hex 4x', '"x" is no hexadecimal digit');
  refused('hex 450', '3 hexadecimal digits are no whole number of bytes');
  refused('hex 45', 'what comes from the underlay is an IP packet, and this holds none');
  refused('dev tap0 hex 45', 'what the host sends on tap0 begins with the 14 bytes of an Ethernet header');
  refused(
    'tap0',
    '"tap0" is not understood: say "dev NAME" and what comes in there, "hex …" or "pcap FILE" (vtep help trace)',
  );
});

/** What a flow says is what the trace reads of the packet that is built. */
async function readsBack(t: ExecutionContext, words: string, prefix = 'dev vxlan0'): Promise<void> {
  const { report } = await traced('', `${prefix} ${words}`);
  const [step] = report.steps;
  if (step?.kind !== 'hook') throw new Error(`no hook: ${JSON.stringify(report)}`);
  const said = { ...step.packet, ...step.metadata };
  const pairs = words.split(' ');
  for (let n = pairs[0] === 'protocol' ? 2 : 0; n < pairs.length; n += 2) {
    const name = { type: 'icmp_type', code: 'icmp_code' }[pairs[n] ?? ''] ?? pairs[n] ?? '';
    t.is(said[name], pairs[n + 1], `${name} of ${words}`);
  }
}

test('the packet that is built of a flow has the fields that the words say', async (t) => {
  await readsBack(
    t,
    'enc_key_id 77 enc_src_ip 10.0.0.9 enc_dst_ip 10.0.0.1 enc_src_port 777 enc_ttl 9 enc_tos 4 enc_flags tuncsum/tundf',
  );
  await readsBack(
    t,
    'enc_src_ip 2001:db8::9 dst_ip 2001:db8::1 src_ip 2001:db8::2 ip_proto tcp dst_port 80 src_port 81 tcp_flags 0x12',
  );
  await readsBack(
    t,
    'dst_mac 02:00:00:00:00:09 src_mac 02:00:00:00:00:08 dst_ip 10.0.0.1 ip_tos 16 ip_ttl 3 ip_proto udp dst_port 53'.replace(
      'ip_tos 0x10',
      'ip_tos 16',
    ),
  );
  await readsBack(t, 'ip_proto sctp dst_port 7 src_port 8');
  await readsBack(t, 'ip_proto icmp type 3 code 1');
  await readsBack(t, 'dst_ip 2001:db8::1 ip_proto icmpv6 type 136 code 0');
  await readsBack(t, 'ip_flags frag');
  await readsBack(t, 'dst_ip 2001:db8::1 ip_flags frag/firstfrag');
  await readsBack(t, 'arp_sip 10.0.0.1 arp_tip 10.0.0.2 arp_op reply arp_sha 02:00:00:00:00:09');
  await readsBack(t, 'protocol 802.1Q vlan_id 5 vlan_prio 3 vlan_ethtype ip dst_ip 10.0.0.1');
  await readsBack(
    t,
    'protocol 802.1ad num_of_vlans 2 vlan_id 5 vlan_ethtype 802.1Q cvlan_id 6 cvlan_prio 1 cvlan_ethtype ipv6 src_ip 2001:db8::7',
  );
  await readsBack(t, 'ip_proto tcp dst_port 80', 'dev tap0');
  await readsBack(t, 'ip_proto udp dst_port 80', 'dev blue egress');
});

test('lines are wrapped to a terminal and not to a pipe, and frames are printed where they are asked for', async (t) => {
  const { report, text } = await traced('', 'dev vxlan0 enc_key_id 4 ip_proto tcp dst_port 80');
  t.true(text.split('\n').some((line) => line.length > 150));
  const narrow = printTrace(report, { width: 50, hex: true });
  t.true(narrow.split('\n').every((line) => line.length <= 60));
  t.true(narrow.includes('\n  0000: 45 00 00 60 '), narrow);
  t.is(printTrace(report, { width: 1 }), printTrace(report, { width: 40 }));
  t.false(narrow.includes('\u00a0'));
});

test('the state of a running vtep becomes a batch: what was learned too, and the interfaces that it speaks of', (t) => {
  const saved = `ip link add vxlan0 mtu 1450 type vxlan id 4 dev eth0
ip tuntap add dev tap0 mode tap
tc filter add dev tap0 ingress protocol all pref 1 chain 0 handle 1 flower indev eth5 action mirred egress redirect dev eth1 index 1
# its device is gone: tc actions add action mirred egress mirror dev * pipe index 2
`;
  const shown = `02:00:00:00:00:05 dev vxlan0 dst 192.0.2.5 self
00:00:00:00:00:00 dev vxlan0 dst 192.0.2.9 self permanent
02:00:00:00:00:06 dev eth9 dst 192.0.2.6 self
33:33:00:00:00:01 dev eth0 self permanent
`;
  const { text, hosts } = liveBatch(saved, shown);
  t.is(text, `${saved}bridge fdb replace 02:00:00:00:00:05 dev vxlan0 dst 192.0.2.5 self dynamic\n`);
  t.deepEqual(hosts, ['eth0', 'eth5', 'eth1']);
});
