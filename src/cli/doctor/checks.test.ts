// Each check against a host on which all is well, and against hosts on which something is not.
import test from 'ava';
import type { ProbeState } from '../../io/probe/probe.js';
import { EACCES, ENOENT } from '../../native/errno.js';
import { refusedDatagrams } from './check-refused.js';
import { CHECK_NAMES, runChecks } from './checks.js';
import type { Facts } from './facts.js';
import { drop, facts, link, NOBODY, queue, running } from './facts.test.helper.js';
import { type Level, type Reported, verdictOf } from './finding.js';

/** What differs from a host on which all is well. */
function amiss(more: Partial<Facts>): Reported[] {
  return runChecks(facts(more)).filter(({ level }) => level !== 'ok');
}

test('on a host on which all is well nothing but ok is said', (t) => {
  t.deepEqual(amiss({}), []);
  t.is(verdictOf(runChecks(facts())), 'well');
  const named = new Set(runChecks(facts()).map(({ check }) => check));
  // These have something to say where there is something only.
  const silent = ['devices', 'bundles', 'outer-checksum', 'conntrack', 'refused'];
  for (const name of CHECK_NAMES) t.true(named.has(name) || silent.includes(name), name);
});

test('without a daemon that is a note, and the rest is judged all the same', (t) => {
  const found = amiss({ ...NOBODY, holders: [] });
  t.deepEqual(
    found.map(({ check, level }) => [check, level]),
    [['endpoint', 'note']],
  );
  t.is(verdictOf(found), 'well');
});

const veth = (more: Parameters<typeof link>[0]): Partial<Facts> => ({
  links: [link({ name: 'eth0', kind: 'veth', ...more })],
});
const probe = (name: string, state: ProbeState): Partial<Facts> => ({
  probes: [{ name, state, sentence: `${name} ${state}` }],
});

/** What is wrong with a host; the check that finds it, how bad it is, and what is said of it. */
const rows: readonly (readonly [title: string, Partial<Facts>, check: string, Level, says: RegExp, remedy?: RegExp])[] =
  [
    ['another system', { platformRefusal: 'vtep needs Linux (this is darwin)' }, 'platform', 'problem', /needs Linux/],
    ['an old Node.js', { node: '18.20.0' }, 'node', 'problem', /18\.20\.0 is too old: vtep needs 20\.8/],
    ['a Node.js one minor release too old', { node: '20.7.0' }, 'node', 'problem', /too old/],
    [
      'an ordinary user',
      { ...NOBODY, isRoot: false, capabilities: { netAdmin: false, netRaw: true } },
      'rights',
      'problem',
      /no CAP_NET_ADMIN/,
      /unshare -rn/,
    ],
    [
      'an ordinary user who may make no user namespaces',
      { ...NOBODY, isRoot: false, mayMakeUserNamespace: false, capabilities: { netAdmin: false, netRaw: true } },
      'rights',
      'problem',
      /no CAP_NET_ADMIN/,
      /^run it as root$/,
    ],
    [
      'the root of a container without rights',
      { ...NOBODY, capabilities: { netAdmin: false, netRaw: true } },
      'rights',
      'problem',
      /no CAP_NET_ADMIN/,
      /--cap-add NET_ADMIN/,
    ],
    [
      'a user without rights beside a daemon that runs',
      { capabilities: { netAdmin: false, netRaw: true } },
      'rights',
      'note',
      /the vtep that runs has it/,
    ],
    ['no CAP_NET_RAW', { capabilities: { netAdmin: true, netRaw: false } }, 'rights', 'note', /raw and pcap.*refused/],
    [
      'no TUN/TAP',
      { ...NOBODY, tun: { path: '/dev/net/tun', errno: ENOENT } },
      'tun',
      'problem',
      /No such file/,
      /--device/,
    ],
    [
      'a TUN/TAP node of root in a user namespace',
      { ...NOBODY, isInUserNamespace: true, tun: { path: '/dev/net/tun', errno: EACCES } },
      'tun',
      'problem',
      /Permission denied/,
      /chmod 666/,
    ],
    [
      'a TUN/TAP node that is not for who asks',
      { tun: { path: '/dev/net/tun', errno: EACCES } },
      'tun',
      'note',
      /has it open/,
    ],
    ['no iproute2', { missingTools: ['tc', 'bridge'] }, 'tools', 'advice', /tc, bridge: not installed/, /iproute2/],
    [
      'no raw-socket',
      { packages: { 'raw-socket': 'underlay raw needs it' } },
      'packages',
      'note',
      /underlay raw needs it/,
    ],
    [
      'one worker on many processors',
      { ...running({ workers: 1 }), cores: 8 },
      'cores',
      'note',
      /one worker on 8 processors: .* --workers N/,
    ],
    ['more workers than processors', running({ workers: 4 }), 'cores', 'advice', /4 workers on 2 processors/],
    ['probes that could not run', { probes: { unseen: 'no unshare' } }, 'probes', 'unseen', /not tried: no unshare/],
    ['a driver without TAPs', { ...NOBODY, ...probe('tap', 'missing') }, 'tap', 'problem', /tap missing/],
    ['no USO', probe('tap-udp-offload', 'missing'), 'tap-udp-offload', 'advice', /missing/, /newer kernel/],
    ['no tunnel offload', probe('tap-tunnel-offload', 'missing'), 'tap-tunnel-offload', 'note', /missing/],
    [
      'bundles that are damaged',
      probe('udp-segmentation', 'faulty'),
      'udp-segmentation',
      'advice',
      /faulty/,
      /another release/,
    ],
    ['a probe that could not be made', probe('tap', 'unseen'), 'tap', 'unseen', /unseen/],
    [
      'short queues, before a start',
      { ...NOBODY, queue: { wanted: 8 << 20, granted: 212_992 } },
      'queues',
      'advice',
      /208 KiB instead of 8 MiB/,
      /rmem_max=8388608/,
    ],
    [
      'a daemon with short queues',
      running({ queues: [queue({ receiveBuffer: 425_984 })] }),
      'queues',
      'advice',
      /208 KiB instead of 8 MiB/,
      /start vtep again/,
    ],
    [
      'an underlay that is down',
      { links: [link({ isUp: false })] },
      'state',
      'advice',
      /eth0 is down/,
      /ip link set eth0 up/,
    ],
    ['an underlay without carrier', { links: [link({ hasCarrier: false })] }, 'state', 'advice', /no carrier/],
    ['no underlay at all', { underlays: [] }, 'state', 'note', /no interface that could carry/],
    [
      'GRO off on hardware',
      { links: [link({ offloads: { gro: false, txChecksum: true } })] },
      'gro',
      'advice',
      /GRO is off/,
      /gro on/,
    ],
    [
      'GRO off on a plain veth',
      veth({ offloads: { gro: false, txChecksum: true } }),
      'gro',
      'note',
      /as it is on a veth/,
    ],
    [
      'GRO off on a veth of wire size',
      veth({ offloads: { gro: false, txChecksum: false } }),
      'gro',
      'advice',
      /GRO is off/,
    ],
    ['an interface that says nothing', { links: [link({ offloads: {} })] }, 'gro', 'unseen', /does not say/],
    [
      'a veth of wire size',
      veth({ offloads: { gro: true, txChecksum: false } }),
      'transmit',
      'note',
      /link mode wire/,
      /tx on/,
    ],
    [
      'no checksum offload',
      { links: [link({ offloads: { gro: true, txChecksum: false } })] },
      'transmit',
      'note',
      /the processor/,
    ],
    [
      'no checksum offload on a kernel that wants it',
      { kernel: '6.1.0-13-amd64', links: [link({ offloads: { gro: true, txChecksum: false } })] },
      'transmit',
      'advice',
      /EIO, before 6\.11/,
    ],
    ['strict rp_filter', { links: [link({ rpFilter: 1 })] }, 'rp-filter', 'note', /strict/, /eth0\.rp_filter=2/],
    [
      'strict rp_filter and several underlays',
      { underlays: ['eth0', 'eth1'], links: [link({ rpFilter: 1 }), link({ name: 'eth1' })] },
      'rp-filter',
      'advice',
      /strict/,
    ],
    [
      'zero outer checksums',
      { links: [link({ sample: { datagrams: 100, zeroChecksums: 90 } })] },
      'outer-checksum',
      'advice',
      /90 of 100 .* without an outer UDP checksum/,
      /udpcsum/,
    ],
    [
      'a single zero checksum',
      { links: [link({ sample: { datagrams: 100, zeroChecksums: 1 } })] },
      'outer-checksum',
      'note',
      /1 of 100/,
    ],
    [
      'no traffic to look at',
      { links: [link({ sample: { datagrams: 0, zeroChecksums: 0 } })] },
      'outer-checksum',
      'note',
      /nothing is known/,
    ],
    [
      'no right to look',
      { links: [link({ sample: { unseen: 'not permitted' } })] },
      'outer-checksum',
      'unseen',
      /not permitted/,
    ],
    [
      'a kernel device on the port, without a daemon',
      { ...NOBODY, holders: [{ port: 4789 }], kernelVxlans: [{ name: 'vx0', port: 4789 }] },
      'port',
      'advice',
      /the kernel's vxlan device vx0: a device of vtep/,
      /ip link set vx0 down/,
    ],
    [
      'another process on the port of a device that is down',
      {
        ...running({ devices: [{ name: 'vxlan0', kind: 'vxlan', port: 4789, open: false }] }),
        holders: [{ port: 4789, pid: 7, command: 'nc' }],
      },
      'port',
      'problem',
      /process 7 \(nc\): vxlan0 cannot be set up/,
    ],
    [
      'a device that is down',
      { ...running({ devices: [{ name: 'vxlan0', kind: 'vxlan', port: 4789, open: false }] }), holders: [] },
      'port',
      'note',
      /closed: vxlan0 is down/,
    ],
    [
      'sockets of others that cannot be seen',
      { ...NOBODY, holders: [{ port: 4789 }] },
      'port',
      'advice',
      /could not be found/,
    ],
    [
      'no tool of a firewall',
      { firewall: { nft: { unseen: 'nft is not installed' }, iptables: { unseen: 'iptables-save is not installed' } } },
      'firewall',
      'unseen',
      /nft is not installed; iptables-save/,
    ],
    [
      'a firewall in the way',
      { firewall: { nft: { unseen: 'x' }, iptables: ':INPUT DROP [0:0]\n' } },
      'firewall',
      'advice',
      /none names UDP port 4789/,
      /iptables -I INPUT/,
    ],
    [
      'connections that fill their table',
      { conntrack: { count: 950, max: 1000 } },
      'conntrack',
      'advice',
      /950 of 1000/,
    ],
    [
      'datagrams over IPv6 without a checksum',
      { refused: { noPort: 0, checksum4: 0, checksum6: 7 } },
      'refused',
      'note',
      /refused 7 UDP datagrams over IPv6 for a wrong checksum or none/,
      /udp6zerocsumrx/,
    ],
    [
      'datagrams with a wrong checksum',
      { refused: { noPort: 0, checksum4: 1, checksum6: 0 } },
      'refused',
      'note',
      /refused 1 UDP datagram over IPv4 for a wrong checksum/,
    ],
    [
      'a peer that sends to another port',
      { refused: { noPort: 3, checksum4: 0, checksum6: 0 } },
      'refused',
      'note',
      /3 UDP datagrams came for a port that nobody here has open; .*tunnels here: 4789/,
      /tcpdump .*8472/,
    ],
    [
      'what the daemon found at its start',
      running({ notes: ['no UDP_GRO'] }),
      'endpoint',
      'advice',
      /at its start it found: no UDP_GRO/,
    ],
    [
      'drops that grow',
      running({}, [drop('vxlan0', 'unknown-vni', 5)], [drop('vxlan0', 'unknown-vni', 9)]),
      'drops',
      'advice',
      /vxlan0 drops under unknown-vni, 4 within 0\.6 s: the sentence of unknown-vni/,
      /compare the VNIs/,
    ],
    [
      'drops of a reason that is new',
      running({}, [], [drop('tap0', 'tap-down', 1)]),
      'drops',
      'advice',
      /tap0 drops under tap-down, 1 within/,
    ],
    [
      'drops of long ago',
      running({}, [drop('vxlan0', 'unknown-vni', 5)]),
      'drops',
      'note',
      /nothing is being dropped; since the start: vxlan0 unknown-vni 5/,
    ],
    [
      'datagrams that come one by one',
      running({ received: { messages: 10_000, datagrams: 10_100 } }),
      'bundles',
      'note',
      /1\.0 a message/,
    ],
    [
      'a device of vtep that is down',
      { links: [link(), link({ name: 'tap0', kind: 'tun', mtu: 1450, isUp: false })] },
      'devices',
      'note',
      /tap0 is down/,
    ],
  ];

for (const [title, more, check, level, says, remedy] of rows) {
  test(`${title}: ${check} says so (${level})`, (t) => {
    const found = amiss(more).filter((each) => each.check === check && each.level === level);
    const first = found.find(({ sentence }) => says.test(sentence));
    t.truthy(first, JSON.stringify(amiss(more), undefined, 1));
    if (remedy) t.regex(first?.remedy ?? '', remedy);
  });
}

test('frames that pass are no drops, and datagrams in bundles no advice', (t) => {
  t.deepEqual(amiss(running({}, [], [drop('vxlan0', 'unmatched', 9, 'pass')])), []);
  t.deepEqual(amiss(running({ received: { messages: 1000, datagrams: 20_000 } })), []);
});

test('a device, and a TAP behind an external one, that is larger than its underlay has room for is named with numbers', (t) => {
  const small = amiss({
    links: [
      link({ mtu: 1400 }),
      link({ name: 'vxlan0', kind: 'tun', mtu: 1350 }),
      link({ name: 'tap0', kind: 'tun', mtu: 1450 }),
    ],
  });
  t.deepEqual(
    small.map(({ check, section, sentence, remedy }) => [check, section, sentence, remedy]),
    [
      [
        'mtu',
        'underlay eth0',
        'an MTU of 1400 leaves 1350 bytes for an inner packet, and tap0 has 1450: longer ones are fragmented or lost',
        'ip link set tap0 mtu 1350, or ip link set eth0 mtu 1500 on every hop',
      ],
    ],
  );
});

test('a classic device is held against the route that it takes, and against no other interface', (t) => {
  const devices = [
    { name: 'vx4', kind: 'vxlan', external: false, port: 4789, open: true, overhead: 70, lower: 'eth1', room: 1430 },
  ] as const;
  const links = [link(), link({ name: 'eth1' }), link({ name: 'vx4', kind: 'tun', mtu: 1450 })];
  const found = amiss({ ...running({ devices }), links, underlays: ['eth0', 'eth1'] });
  t.deepEqual(
    found.map(({ section, check }) => [section, check]),
    [['underlay eth1', 'mtu']],
  );
});

test('the socket of the daemon itself, and one of the kernel beside it, are nobody else’s', (t) => {
  t.deepEqual(amiss({ holders: [{ port: 4789, pid: 100, command: 'node' }, { port: 4789 }] }), []);
});

test('a problem is worse than advice, and what could not be seen is neither', (t) => {
  const at = (...levels: Level[]) => verdictOf(levels.map((level) => ({ level, sentence: '' })));
  t.is(at('ok', 'note', 'unseen'), 'well');
  t.is(at('ok', 'advice', 'note'), 'advice');
  t.is(at('advice', 'problem', 'ok'), 'cannot-run');
  t.is(at(), 'well');
});

test('what the kernel refused is read from its tables, and is nothing where they are not', (t) => {
  const snmp =
    'Tcp: A B\nTcp: 1 2\nUdp: InDatagrams NoPorts InErrors InCsumErrors\nUdp: 1270 10 5 3\nUdpLite: NoPorts\nUdpLite: 9\n';
  const snmp6 = 'Udp6InDatagrams    \t4\nUdp6NoPorts     \t2\nUdp6InCsumErrors   \t7\nUdpLite6InCsumErrors\t8\n';
  t.deepEqual(refusedDatagrams(snmp, snmp6), { noPort: 12, checksum4: 3, checksum6: 7 });
  t.deepEqual(refusedDatagrams('', ''), { noPort: 0, checksum4: 0, checksum6: 0 });
});
