import test from 'ava';
import fc from 'fast-check';
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
  readCapture,
} from '../observe/captures/capture-reader.js';
import { wholeFrame } from '../wire/frame-generator.js';
import { ipPacketIn } from './link-layer.js';
import { LocalEndpoint } from './local-endpoint.js';
import { printReplay, Replay, replayJson } from './replay.js';

const HERE = `
ip link add vxlan0 type vxlan external dstport 4789
ip tuntap add dev tap0 mode tap
ip link set vxlan0 up
ip link set tap0 mtu 9000 up
tc qdisc add dev vxlan0 clsact
tc qdisc add dev tap0 ingress
tc filter add dev vxlan0 ingress protocol all pref 1 flower enc_key_id 4 enc_src_ip 192.0.2.2 action tunnel_key unset action mirred egress redirect dev tap0
tc filter add dev tap0 ingress protocol all pref 1 flower action tunnel_key set src_ip 192.0.2.1 dst_ip 192.0.2.2 id 4 dst_port 4789 action mirred egress redirect dev vxlan0
`;
/** The other end of the tunnel. */
const THERE = HERE.replaceAll('192.0.2.', '198.51.100.').replace('198.51.100.2', '192.0.2.1');

class Files {
  readonly files = new Map<string, Uint8Array>();
  readonly add = (file: string, bytes: Uint8Array): void => {
    this.files.set(file, Uint8Array.from(Buffer.concat([this.files.get(file) ?? new Uint8Array(0), bytes])));
  };

  packets(file: string): { readonly linkType: number; readonly time: number; readonly bytes: number[] }[] {
    const found = this.files.get(file);
    return found
      ? [...readCapture(found)].map(({ linkType, time, bytes }) => ({ linkType, time, bytes: [...bytes] }))
      : [];
  }
}

interface Given {
  readonly linkType?: number;
  readonly bytes: Uint8Array;
}

/** Replays packets a second apart, from second 1 on. */
async function replay(
  text: string,
  packets: readonly Given[],
  from?: string,
  options: { readonly hosts?: string[]; readonly classifier?: 'tuple-space' | 'linear' } = {},
): Promise<{ files: Files; text: string; json: Record<string, unknown> }> {
  const endpoint = await LocalEndpoint.from(text, 'rules', { start: 1000, ...options });
  const files = new Files();
  const run = new Replay(endpoint, from, files.add);
  packets.forEach(({ linkType = from === undefined ? LINKTYPE_RAW : LINKTYPE_ETHERNET, bytes }, n) => {
    run.packet({ number: n + 1, linkType, time: (n + 1) * 1000, bytes, length: bytes.length });
  });
  return {
    files,
    text: printReplay(endpoint, run.count),
    json: JSON.parse(replayJson(endpoint, run.count)) as Record<string, unknown>,
  };
}

test('what one endpoint sends into the tunnel another takes out, byte for byte', async (t) => {
  const frames = fc.sample(wholeFrame, { numRuns: 60, seed: 7 }).filter(({ length }) => length <= 1500);
  const sent = await replay(
    HERE,
    frames.map((bytes) => ({ bytes })),
    'tap0',
  );
  const outer = sent.files.packets('vxlan0-underlay.pcap');
  t.is(outer.length, frames.length);
  t.deepEqual(new Set(outer.map(({ linkType }) => linkType)), new Set([LINKTYPE_RAW]));
  const got = await replay(
    THERE,
    outer.map(({ bytes }) => ({ bytes: Uint8Array.from(bytes) })),
  );
  t.deepEqual(
    got.files.packets('tap0.pcap'),
    frames.map((bytes, n) => ({ linkType: LINKTYPE_ETHERNET, time: (n + 1) * 1000, bytes: [...bytes] })),
  );
  t.deepEqual(got.json.drops, []);
});

test('the same capture comes to the same end each time, chance and clock included', async (t) => {
  const rules = `${HERE}
tc filter replace dev tap0 ingress protocol all pref 1 handle 0x1 flower action continue random netrand drop 3
tc filter add dev tap0 ingress protocol all pref 2 flower action police rate 80bit burst 1k conform-exceed drop/pipe action mirred egress redirect dev tap0
`;
  const frames = fc.sample(wholeFrame, { numRuns: 50, seed: 3 }).map((bytes) => ({ bytes }));
  const first = await replay(rules, frames, 'tap0');
  const second = await replay(rules, frames, 'tap0');
  t.deepEqual([second.text, second.files.files], [first.text, first.files.files]);
  t.true(
    first.files.files.size > 0 &&
      /action-drop +[1-9]/.test(first.text) &&
      /police 0x1[\s\S]*dropped [1-9]/.test(first.text),
    first.text,
  );
  t.deepEqual((await replay(rules, frames, 'tap0', { classifier: 'linear' })).text, first.text);
});

test('a replay says what became of the packets, in words and as JSON', async (t) => {
  const frame = Uint8Array.from(Buffer.from(`${'02'.repeat(12)}88b5${'00'.repeat(46)}`, 'hex'));
  const sent = await replay(HERE, [{ bytes: frame }], 'tap0');
  const [outer] = sent.files.packets('vxlan0-underlay.pcap');
  const good = Uint8Array.from(outer?.bytes ?? []);
  const ethernet = Uint8Array.from([...new Uint8Array(12), 0x81, 0, 0, 5, 8, 0, ...good]);
  const cooked = Uint8Array.from([...new Uint8Array(14), 8, 0, ...good]);
  const elsewhere = good.slice();
  elsewhere[23] = 0x11; // destination port 4881, behind a wrong checksum: nobody's either way
  const { text, json, files } = await replay(THERE, [
    { bytes: good },
    { bytes: ethernet, linkType: LINKTYPE_ETHERNET },
    { bytes: cooked, linkType: LINKTYPE_LINUX_SLL },
    { bytes: elsewhere },
    { bytes: Uint8Array.of(1, 2, 3), linkType: LINKTYPE_ETHERNET },
    { bytes: good, linkType: 105 },
  ]);
  t.is(files.packets('tap0.pcap').length, 3);
  t.like(json, { packets: 6, not_ip: 1, not_for_a_device: 1, cut: 0 });
  t.deepEqual(json.not_understood, [{ linktype: 105, packets: 1 }]);
  t.like((json.devices as unknown[])[0], { device: 'vxlan0', rx_packets: 3, rx_bytes: 138 });
  t.true(text.startsWith('6 packets replayed\n1 carry no IP packet'));
  t.regex(text, /\n1 are of link type 105, which is not understood\n/);
  t.regex(
    text,
    /\nvxlan0: received 3 packets, 138 bytes; sent 0 packets, 0 bytes\ningress:\nfilter protocol all pref 1/,
  );
  t.regex(text, /Sent 138 bytes 3 pkt/);
  // Six seconds have passed, and the last frame met the rule three seconds before the end.
  t.regex(text, /installed 5 sec used 3 sec firstused 5 sec/);
});

test('classic devices that share a port are told apart by VNI, learn, and answer by what they learned', async (t) => {
  const rules = `
ip link add blue type vxlan id 7 dstport 4789 local 192.0.2.1
ip link add red type vxlan id 8 dstport 4789 local 192.0.2.1
ip link set blue up
ip link set red up
bridge fdb append 02:00:00:00:00:05 dev red dst 192.0.2.9
`;
  const endpoint = await LocalEndpoint.from(rules, 'rules');
  const b = endpoint.devices.get('red');
  if (!b) throw new Error('no device red');
  const frame = (to: string, from: string): Uint8Array =>
    Uint8Array.from(Buffer.from(`${to}${from}88b5${'00'.repeat(46)}`, 'hex'));
  endpoint.send(b, frame('020000000005', '020000000001'));
  const [packet] = endpoint.takeOutput();
  t.like(packet, { device: 'red', kind: 'packet' });
  // The same packet comes in: it is of VNI 8, and its source is learned to be behind its outer source.
  t.true(endpoint.receive(packet?.bytes ?? new Uint8Array(0)));
  t.deepEqual(
    endpoint.takeOutput().map(({ device, kind }) => [device, kind]),
    [['red', 'frame']],
  );
  endpoint.send(b, frame('020000000001', '020000000005'));
  const [back] = endpoint.takeOutput();
  t.is(
    Buffer.from(back?.bytes ?? [])
      .subarray(16, 20)
      .join('.'),
    '192.0.2.1',
  );
});

test('a redirect to an interface of the host needs to be told of it', async (t) => {
  const rules = `${HERE}tc filter add dev vxlan0 ingress protocol all pref 2 flower action mirred egress mirror dev eth7\n`;
  await t.throwsAsync(LocalEndpoint.from(rules, 'rules'), { message: /eth7/ });
  const endpoint = await LocalEndpoint.from(rules, 'rules', { hosts: ['eth7'] });
  t.is(endpoint.devices.get('eth7')?.kind, 'host');
});

test('a device that is down, or unknown, takes no frames', async (t) => {
  const endpoint = await LocalEndpoint.from('ip tuntap add dev tap0 mode tap\n', 'rules');
  const tap = endpoint.devices.get('tap0');
  if (!tap) throw new Error('no tap0');
  endpoint.send(tap, new Uint8Array(60));
  t.deepEqual(endpoint.takeOutput(), []);
  t.throws(() => new Replay(endpoint, 'tap1', () => undefined), { message: /no line makes a device "tap1"/ });
});

test('IP packets are found behind the headers of each link type', (t) => {
  const ip = Uint8Array.of(0x45, 1, 2, 3);
  t.deepEqual(ipPacketIn(LINKTYPE_RAW, ip), ip);
  t.deepEqual(
    [...(ipPacketIn(LINKTYPE_ETHERNET, Uint8Array.from([...new Uint8Array(12), 0x86, 0xdd, ...ip])) ?? [])],
    [...ip],
  );
  t.is(ipPacketIn(LINKTYPE_ETHERNET, Uint8Array.from([...new Uint8Array(12), 8, 6, ...ip])), undefined);
  t.is(ipPacketIn(LINKTYPE_ETHERNET, new Uint8Array(5)), undefined);
  t.is(ipPacketIn(147, ip), undefined);
  t.deepEqual(ipPacketIn(LINKTYPE_NULL, Uint8Array.of(2, 0, 0, 0, ...ip)), ip);
  t.deepEqual(ipPacketIn(LINKTYPE_LOOP, Uint8Array.of(0, 0, 0, 2, ...ip)), ip);
  t.is(ipPacketIn(LINKTYPE_NULL, Uint8Array.of(7, 0, 0, 0)), undefined);
});

test('what was dropped is told no wider than the terminal is', async (t) => {
  const endpoint = await LocalEndpoint.from(HERE, 'rules', { start: 1000 });
  const run = new Replay(endpoint, 'vxlan0', () => undefined);
  run.packet({ number: 1, linkType: LINKTYPE_ETHERNET, time: 1000, bytes: new Uint8Array(60), length: 60 });
  const table = (width?: number): string[] => {
    const lines = printReplay(endpoint, run.count, width).split('\n');
    return lines.slice(lines.findIndex((line) => line.startsWith('DEVICE')));
  };
  t.true(Math.max(...table().map(({ length }) => length)) > 60);
  t.true(Math.max(...table(60).map(({ length }) => length)) <= 60, table(60).join('\n'));
});
