import test from 'ava';
import { parseBatchLine, splitBatch } from './batch.js';
import type { Command } from './commands.js';
import { formatHex } from './numbers.js';
import { parseLine } from './parse.js';

function parse(line: string): Command {
  const [first] = splitBatch(line);
  return parseBatchLine(first?.words ?? []);
}

/** Bytes as hexadecimal, so that a table of commands can be read. */
function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return formatHex(value);
  }
  if (Array.isArray(value)) {
    return value.map(readable);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, readable(field)]));
  }
  return value;
}

const plain = { statistics: false, details: false, json: false, pretty: false };

/** The lines that people have, and what they mean. */
const lines: readonly (readonly [line: string, expected: object])[] = [
  [
    'ip link add name vxlan0 type vxlan dstport 4789 dev vb external udp6zerocsumrx udp6zerocsumtx',
    {
      kind: 'link-add-vxlan',
      link: { name: 'vxlan0' },
      vxlan: {
        external: true,
        dstport: 4789,
        dev: 'vb',
        udpcsum: true,
        udp6zerocsumtx: true,
        udp6zerocsumrx: true,
      },
      notes: [],
    },
  ],
  [
    'ip link add vxlan0 mtu 1450 address 02:00:00:00:00:0a txqueuelen 500 up type vxlan external local 10.0.0.1 srcport 100 200 ttl 64 tos EF nolearning noudpcsum ageing 300 dstport 8472',
    {
      kind: 'link-add-vxlan',
      link: { name: 'vxlan0', mtu: 1450, address: '02000000000a', txqueuelen: 500, up: true },
      vxlan: {
        external: true,
        dstport: 8472,
        local: '0a000001',
        srcport: [100, 200],
        udpcsum: false,
        udp6zerocsumtx: false,
        udp6zerocsumrx: false,
        ttl: 64,
        tos: 0xb8,
      },
      notes: [],
    },
  ],
  ['tc qdisc add dev vxlan0 handle ffff: ingress', { kind: 'qdisc-add', dev: 'vxlan0', qdisc: 'ingress' }],
  ['tc qdisc add dev vxlan0 ingress', { kind: 'qdisc-add', dev: 'vxlan0', qdisc: 'ingress' }],
  ['tc qdisc add dev vxlan0 clsact', { kind: 'qdisc-add', dev: 'vxlan0', qdisc: 'clsact' }],
  ['tc qdisc replace dev vxlan0 clsact', { kind: 'qdisc-add', dev: 'vxlan0', qdisc: 'clsact', mode: 'replace' }],
  ['tc qdisc change dev vxlan0 ingress', { kind: 'qdisc-add', dev: 'vxlan0', qdisc: 'ingress', mode: 'change' }],
  ['tc qdisc link dev vxlan0 ingress', { kind: 'qdisc-add', dev: 'vxlan0', qdisc: 'ingress', mode: 'change' }],
  ['tc qdisc del dev vxlan0 ingress', { kind: 'qdisc-del', dev: 'vxlan0', qdisc: 'ingress' }],
  ['tc qdisc del dev vxlan0 parent ffff:fff1', { kind: 'qdisc-del', dev: 'vxlan0', qdisc: 'ingress', anyKind: true }],
  ['tc -s q s dev vxlan0', { kind: 'qdisc-show', dev: 'vxlan0', output: { ...plain, statistics: true } }],
  [
    'tc filter add dev vxlan0 protocol ip parent ffff: prio 1 flower skip_hw dst_mac 02:25:d0:13:01:02 src_mac 24:25:d0:e1:00:00 enc_dst_ip 192.168.1.13 enc_src_ip 192.168.1.14 enc_key_id 4 enc_dst_port 4789 action tunnel_key unset action mirred egress redirect dev tap0',
    {
      kind: 'filter-add',
      mode: 'add',
      filter: {
        dev: 'vxlan0',
        parent: 'ffff:',
        protocol: 0x0800,
        pref: 1,
        chain: 0,
        handle: 0,
        keys: [
          { name: 'dst_mac', value: '0225d0130102', mask: 'ffffffffffff' },
          { name: 'src_mac', value: '2425d0e10000', mask: 'ffffffffffff' },
          { name: 'eth_type', value: '0800', mask: 'ffff' },
          { name: 'enc_dst_ip', value: 'c0a8010d', mask: 'ffffffff' },
          { name: 'enc_src_ip', value: 'c0a8010e', mask: 'ffffffff' },
          { name: 'enc_key_id', value: '00000004', mask: 'ffffffff' },
          { name: 'enc_dst_port', value: '12b5', mask: 'ffff' },
        ],
        skipHw: true,
        actions: [
          { kind: 'tunnel_key', control: { type: 'pipe' }, mode: 'unset' },
          { kind: 'mirred', direction: 'egress', mode: 'redirect', dev: 'tap0', control: { type: 'stolen' } },
        ],
      },
    },
  ],
  [
    'tc filter add dev tap0 ingress pref 0x2 chain 3 handle 010 proto all flower src_mac 52:54:00:00:00:01/24 indev tap0 classid 1:10 action tunnel_key set id 4 src_ip fd00::1 dst_ip fd00::2 dst_port 4789 tos 10 ttl 1f nocsum nofrag pass index 5 cookie a1b2 action mirred egress mirror dev tap1 continue action goto chain 7 jump 2 drop random determ pass 50',
    {
      kind: 'filter-add',
      mode: 'add',
      filter: {
        dev: 'tap0',
        parent: 'ingress',
        protocol: 3,
        pref: 2,
        chain: 3,
        handle: 8,
        keys: [
          { name: 'indev', value: '74617030', mask: '' },
          { name: 'src_mac', value: '525400000001', mask: 'ffffff000000' },
        ],
        skipHw: false,
        classid: 0x10010,
        actions: [
          {
            kind: 'tunnel_key',
            control: { type: 'pass' },
            index: 5,
            mode: 'set',
            csum: false,
            noFrag: true,
            id: 4,
            srcIp: 'fd000000000000000000000000000001',
            dstIp: 'fd000000000000000000000000000002',
            dstPort: 4789,
            tos: 10,
            ttl: 0x1f,
            cookie: 'a1b2',
          },
          { kind: 'mirred', direction: 'egress', mode: 'mirror', dev: 'tap1', control: { type: 'continue' } },
          { kind: 'gact', control: { type: 'goto', chain: 7 } },
          { kind: 'gact', control: { type: 'jump', count: 2 } },
          {
            kind: 'gact',
            control: { type: 'drop' },
            random: { type: 'determ', control: { type: 'pass' }, value: 50 },
          },
        ],
      },
    },
  ],
  // A control word after redirect is not its own: tc reads it as one more action.
  [
    'tc f r dev a egress proto ipv6 flower ip_proto t dst_port 80/0xff00 src_port 5 dst_ip fe80::1/64 enc_tos 0x10/f0 enc_ttl 64 enc_src_port 9 action mirred ingress redirect dev b pipe',
    {
      kind: 'filter-add',
      mode: 'replace',
      filter: {
        dev: 'a',
        parent: 'egress',
        protocol: 0x86dd,
        pref: 0,
        chain: 0,
        handle: 0,
        keys: [
          { name: 'eth_type', value: '86dd', mask: 'ffff' },
          { name: 'ip_proto', value: '06', mask: 'ff' },
          { name: 'dst_ip', value: 'fe800000000000000000000000000001', mask: 'ffffffffffffffff0000000000000000' },
          { name: 'dst_port', value: '0050', mask: 'ff00' },
          { name: 'src_port', value: '0005', mask: 'ffff' },
          { name: 'enc_src_port', value: '0009', mask: 'ffff' },
          { name: 'enc_tos', value: '10', mask: 'f0' },
          { name: 'enc_ttl', value: '40', mask: 'ff' },
        ],
        skipHw: false,
        actions: [
          { kind: 'mirred', direction: 'ingress', mode: 'redirect', dev: 'b', control: { type: 'stolen' } },
          { kind: 'gact', control: { type: 'pipe' } },
        ],
      },
    },
  ],
  [
    'tc -s filter show dev vxlan0 ingress',
    {
      kind: 'filter-show',
      selector: { dev: 'vxlan0', parent: 'ingress' },
      output: { ...plain, statistics: true },
    },
  ],
  [
    'tc -j -p f ls dev x parent ffff: prot 802.1Q pref 5 chain 0',
    {
      kind: 'filter-show',
      selector: { dev: 'x', parent: 'ffff:', protocol: 0x8100, pref: 5, chain: 0 },
      output: { ...plain, json: true, pretty: true },
    },
  ],
  [
    'tc filter get dev x ingress protocol ip pref 1 handle 0x10 flower',
    {
      kind: 'filter-get',
      selector: { dev: 'x', parent: 'ingress', protocol: 0x800, pref: 1, handle: 16, kind: 'flower' },
      output: plain,
    },
  ],
  ['tc filter del dev x ingress', { kind: 'filter-del', selector: { dev: 'x', parent: 'ingress' } }],
  [
    'tc filter del dev x parent ffff:fff2 pref 1 handle 1 flower',
    {
      kind: 'filter-del',
      selector: { dev: 'x', parent: 'ingress', pref: 1, handle: 1, kind: 'flower' },
    },
  ],
  ['ip link add tap0 type tap', { kind: 'link-add-tap', link: { name: 'tap0' }, persist: false }],
  [
    'ip link add tap0 mtu 9000 type tap persist',
    { kind: 'link-add-tap', link: { name: 'tap0', mtu: 9000 }, persist: true },
  ],
  ['ip tuntap add dev tap0 mode tap', { kind: 'link-add-tap', link: { name: 'tap0' }, persist: false, tuntap: true }],
  [
    'ip tunt a tap0 mode tap vnet_hdr multi_queue one_queue persist',
    { kind: 'link-add-tap', link: { name: 'tap0' }, persist: true, tuntap: true },
  ],
  ['ip tuntap del dev tap0 mode tap', { kind: 'link-del', name: 'tap0', tuntap: true }],
  ['ip link del dev vxlan0', { kind: 'link-del', name: 'vxlan0' }],
  ['ip l d vxlan0', { kind: 'link-del', name: 'vxlan0' }],
  ['ip link set vxlan0 up', { kind: 'link-set', name: 'vxlan0', up: true, argv: ['link', 'set', 'vxlan0', 'up'] }],
  [
    'ip link change tap0 mtu 1450 up master br0',
    {
      kind: 'link-set',
      name: 'tap0',
      up: true,
      argv: ['link', 'change', 'tap0', 'mtu', '1450', 'up', 'master', 'br0'],
    },
  ],
  ['ip link set dev up down', { kind: 'link-set', name: 'up', up: false, argv: ['link', 'set', 'dev', 'up', 'down'] }],
  [
    'ip addr add 10.0.0.1/24 dev tap0',
    { kind: 'host', tool: 'ip', argv: ['addr', 'add', '10.0.0.1/24', 'dev', 'tap0'], dev: 'tap0' },
  ],
  ['ip -n other link set eth0 up', { kind: 'host', tool: 'ip', argv: ['-n', 'other', 'link', 'set', 'eth0', 'up'] }],
  ['ip link add br0 type bridge', { kind: 'host', tool: 'ip', argv: ['link', 'add', 'br0', 'type', 'bridge'] }],
  [
    'tc qdisc add dev tap0 root fq',
    { kind: 'host', tool: 'tc', argv: ['qdisc', 'add', 'dev', 'tap0', 'root', 'fq'], dev: 'tap0' },
  ],
  [
    'tc filter add dev tap0 parent 1: u32 match u32 0 0',
    {
      kind: 'host',
      tool: 'tc',
      argv: ['filter', 'add', 'dev', 'tap0', 'parent', '1:', 'u32', 'match', 'u32', '0', '0'],
      dev: 'tap0',
    },
  ],
  [
    'bridge link set dev tap0 learning off',
    { kind: 'host', tool: 'bridge', argv: ['link', 'set', 'dev', 'tap0', 'learning', 'off'], dev: 'tap0' },
  ],
];

for (const [line, expected] of lines) {
  test(`It parses: ${line}`, (t) => {
    t.deepEqual(readable(parse(line)), expected);
  });
}

test('A vxlan device without dstport gets 4789, and a note says so', (t) => {
  for (const line of ['ip link add v type vxlan external', 'ip link add v type vxlan external dstport 0']) {
    const command = parse(line);
    t.is(command.kind === 'link-add-vxlan' ? command.vxlan.dstport : undefined, 4789);
    t.regex(command.kind === 'link-add-vxlan' ? command.notes.join() : '', /destination port not specified.*4789/);
  }
});

test('Of a key that is given twice the last one counts', (t) => {
  const command = parse('tc filter add dev v ingress flower enc_key_id 4 enc_key_id 5');
  const keys = command.kind === 'filter-add' ? command.filter.keys : [];
  t.deepEqual(readable(keys), [{ name: 'enc_key_id', value: '00000005', mask: 'ffffffff' }]);
});

test('Options may be abbreviated and repeated, and ip takes two dashes', (t) => {
  const command = parseLine('tc', ['-s', '-stat', '-d', '-j', '-pretty', 'qdisc']);
  t.deepEqual(command, {
    kind: 'qdisc-show',
    output: { statistics: true, details: true, json: true, pretty: true },
  });
  t.is(parseLine('ip', ['--stats', '-6', 'route']).kind, 'host');
});

test('Help is to be had at every level', (t) => {
  for (const line of [
    'tc',
    'tc help',
    'tc -h',
    'tc qdisc help',
    'tc qdisc add help',
    'tc filter help',
    'tc filter add help',
    'tc filter add dev x ingress flower help',
    'tc filter add dev x ingress flower action tunnel_key help',
    'tc filter add dev x ingress flower action mirred help',
    'tc filter add dev x ingress flower action gact help',
    'ip',
    'ip link help',
    'ip link add v type vxlan help',
    'ip tuntap help',
    'bridge help',
  ]) {
    const command = parse(line);
    t.regex(command.kind === 'help' ? command.text : '', /^Usage: /, line);
  }
});
