/** What comes of each line that the pages show in a shell, beside a vtep with traffic. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type CapturedPacket, readCapture } from '../../src/observe/captures/capture-reader.js';
import { inlineCode, read } from './markdown.js';

export interface Around {
  readonly t: ExecutionContext;
  readonly folder: string;
  /** Whether a file of the folder has grown to so many bytes. */
  hasGrown(file: string, bytes: number): Promise<boolean>;
  /** What is to be typed for `…`. */
  readonly frame: string;
  readonly outerPacket: string;
}

export interface TypedLine {
  /** As the page shows it, without its comment. */
  readonly line: string;
  /** What a reader types instead of a word that ends in `…`. */
  readonly fill?: (around: Around) => string;
  readonly until?: RegExp | ((around: Around) => Promise<boolean>);
  readonly keys?: string;
  /** Exit codes that are right; 0. */
  readonly codes?: readonly number[];
  /** What is printed, on either descriptor; of no terminal's. */
  readonly says: RegExp;
  /** Programs beside vtep that the line takes. */
  readonly needs?: readonly string[];
  readonly look?: (around: Around, printed: string) => void;
}

const CTRL_C = '\u0003';

function packetsOf({ folder }: Around, file: string): CapturedPacket[] {
  return [...readCapture(new Uint8Array(readFileSync(join(folder, file))))];
}

const CAPTURE: readonly TypedLine[] = [
  {
    line: 'vtep capture',
    until: /vxlan0 drop {2}vni 5, [\s\S]*tap0 out {2}vni 4, /,
    says: /vxlan0 decap {2}vni 4, outer 192\.168\.1\.14 > 192\.168\.1\.13[\s\S]* \d+ captured, 0 lost\n/,
  },
  {
    line: 'vtep capture -w all.pcapng',
    until: (around) => around.hasGrown('all.pcapng', 20_000),
    says: / \d+ captured, 0 lost\n/,
    look(around, printed) {
      const { t } = around;
      const packets = packetsOf(around, 'all.pcapng');
      t.is(packets.length, Number(/ (\d+) captured/.exec(printed)?.[1]));
      const seen = new Set(packets.map(({ interfaceName }) => interfaceName));
      for (const name of ['vxlan0 underlay-in', 'vxlan0 decap', 'vxlan0 drop', 'tap0 host', 'tap0 out'])
        t.true(seen.has(name), name);
    },
  },
  {
    line: 'vtep capture --at drop -w - | tshark -r -',
    until: /UDP|VXLAN|Len=/,
    keys: CTRL_C,
    codes: [0, 2, 130],
    says: /192\.168\.1\.14|192\.0\.2\.1/,
    needs: ['tshark'],
  },
  {
    line: 'vtep capture --at decap,drop vni 4 -c 100 -s 128 -w vni4.pcapng',
    says: / 100 captured, 0 lost\n/,
    look(around) {
      const { t } = around;
      const packets = packetsOf(around, 'vni4.pcapng');
      t.is(packets.length, 100);
      t.true(packets.every(({ comment = '', bytes }) => comment.startsWith('vni 4, ') && bytes.length <= 128));
      t.true(packets.some(({ bytes, length }) => bytes.length === 128 && length > 128));
    },
  },
  {
    line: 'vtep capture --at drop reason unknown-vni',
    until: /drop unknown-vni/,
    says: / vx7 drop {2}vni 5, outer [^\n]* drop unknown-vni: /,
  },
  {
    line: 'vtep capture rule dev vxlan0 ingress chain 0 pref 1 handle 0x1',
    until: /tap0 out/,
    says: /^[^\n]*tap0 out {2}vni 4, [^\n]*rule dev vxlan0 ingress chain 0 pref 1 handle 0x1/m,
  },
];

const METRICS: readonly TypedLine[] = [
  { line: 'vtep top', until: /vxlan0/, keys: 'q', says: /DEVICE +KIND +STATE[\s\S]*vxlan0/ },
  { line: 'vtep top peers', until: /192\.168\.1\.14/, keys: 'q', says: /PEER[\s\S]*192\.168\.1\.14/ },
  {
    line: 'vtep top --once',
    says: /^DEVICE +KIND[\s\S]*^vxlan0 +192\.168\.1\.14 +4 /m,
    look({ t }, printed) {
      const squeezed = (text: string): string => text.replace(/ +/g, ' ');
      const picture = squeezed(read('docs/top.svg'));
      const titles = printed.split('\n').filter((line) => /^[A-Z]{3,} /.test(line) && !/^DEVICE +REASON/.test(line));
      t.is(titles.length, 5);
      for (const title of titles) t.true(picture.includes(`>${squeezed(title)}<`), title);
    },
  },
  {
    line: 'vtep top --json',
    says: /^\{/,
    look({ t }, printed) {
      const { peers, rates } = JSON.parse(printed) as { peers: unknown[]; rates: object };
      t.true(peers.length > 0);
      t.true(Object.keys(rates).length > 0);
    },
  },
];

const DOCTOR: readonly TypedLine[] = [
  { line: 'vtep doctor', codes: [0, 1], says: /^underlay vb\n/m },
  { line: 'vtep doctor dev vxlan0', codes: [0, 1], says: /^underlay vb\n/m },
  { line: 'vtep doctor dev eth0', codes: [0, 1], says: /^underlay eth0\n/m },
  {
    line: 'vtep doctor --json',
    codes: [0, 1],
    says: /^\{/,
    look({ t }, printed) {
      const { version, verdict, findings } = JSON.parse(printed) as {
        version: number;
        verdict: string;
        findings: Record<string, string>[];
      };
      t.is(version, 1);
      t.true(['well', 'advice'].includes(verdict), verdict);
      for (const finding of findings) {
        const { section, check, level = '', sentence, remedy, ...others } = finding;
        t.deepEqual(others, {});
        t.true([section, check, sentence, remedy ?? ''].every((word) => typeof word === 'string'));
        t.true(['problem', 'advice', 'unseen', 'note', 'ok'].includes(level), level);
      }
    },
  },
];

const OF_THE_PING = 'enc_src_ip 192.168.1.14 enc_dst_ip 192.168.1.13 ip_proto icmp';

const TROUBLESHOOTING: readonly TypedLine[] = [
  { line: 'vtep drops', says: /^vxlan0 +action-drop +\d+ /m },
  { line: 'vtep trace dev vxlan0 enc_key_id 4 ip_proto icmp', says: /pref 1 handle 0x1: enc_\w+ is [\s\S]*^end: /m },
  { line: 'vtep doctor', codes: [0, 1], says: /^underlay vb\n/m },
  { line: 'vtep tc -s filter show dev vxlan0 ingress', says: /enc_key_id 4[\s\S]*Sent [1-9]\d* bytes/ },
  {
    line: 'vtep trace dev vxlan0 enc_key_id 4 …',
    fill: () => OF_THE_PING,
    says: /^end: to the host on tap0: 60 bytes$/m,
  },
];

/** What a page says that JSON has: `{key, key, …}`, the `n`th of it. */
function keysOf(page: string, n: number): string[] {
  return (inlineCode(page).filter((code) => /^\{[a-z]+(, [a-z]+)+\}$/.test(code))[n] ?? '').match(/[a-z]+/g) ?? [];
}

const TRACE: readonly TypedLine[] = [
  {
    line: 'vtep trace dev vxlan0 enc_key_id 4 enc_src_ip 10.0.0.9 ip_proto tcp dst_port 80',
    says: /pref 1 handle 0x1: enc_\w+ is .* rule wants .*; and 1 more field differs[\s\S]*counted as unmatched/,
  },
  {
    line: 'vtep trace -b vtep.batch dev tap0 dst_ip 10.4.0.14',
    says: /action 1: tunnel_key set[\s\S]*^end: vxlan0 sends it into the tunnel to 192\.168\.1\.14 port 4789, VNI 4/m,
  },
  {
    line: 'vtep trace -b vtep.batch hex 4500005e…',
    fill: ({ outerPacket }) => outerPacket,
    says: /^from the underlay: 192\.168\.1\.14 to 192\.168\.1\.13[\s\S]*^end: to the host on tap0: 58 bytes$/m,
  },
  {
    line: 'vtep trace -b vtep.batch dev tap0 hex 0200…',
    fill: ({ frame }) => frame,
    says: /^the host sends a frame on tap0: 58 bytes[\s\S]*^end: vxlan0 sends it into the tunnel to 192\.168\.1\.14 port 4789, VNI 4/m,
  },
  {
    line: 'vtep trace -b vtep.batch pcap in.pcap packet 7',
    says: /^from the underlay: 192\.168\.1\.14 to 192\.168\.1\.13[\s\S]*^end: to the host on tap0: 58 bytes$/m,
  },
];

const REPLAY: readonly TypedLine[] = [
  {
    line: 'vtep replay in.pcap -b vtep.batch -o out',
    says: /^7 packets replayed$[\s\S]*^tap0: received 0 packets, 0 bytes; sent 7 packets, 406 bytes$/m,
    look(around) {
      const { t, frame } = around;
      const frames = packetsOf(around, 'out/tap0.pcap').map(({ bytes }) => Buffer.from(bytes).toString('hex'));
      t.deepEqual(
        frames,
        Array.from({ length: 7 }, () => frame),
      );
    },
  },
  {
    line: 'vtep replay frames.pcap -b vtep.batch --dev tap0',
    says: /^vxlan0: received 0 packets, 0 bytes; sent 1 packets/m,
  },
  { line: 'vtep replay in.pcap -b vtep.batch --json | jq .drops', says: /^\[/, needs: ['jq'] },
  { line: 'gzip -dc in.pcap.gz | vtep replay - -b vtep.batch', says: /^7 packets replayed$/m },
];

const WATCHING: readonly TypedLine[] = [
  {
    line: 'vtep drops -w --last | grep -A 1 action-drop',
    until: /action-drop[^\n]*\n[^\n]*vni 5/,
    keys: CTRL_C,
    codes: [0, 130],
    says: /vxlan0 [^\n]*action-drop[^\n]*\n[^\n]*vni 5 {2}outer 192\.168\.1\.14/,
  },
];

/** Lines in the text: what their JSON has is what the page says of it. */
export const JSON_LINES: readonly {
  readonly line: string;
  readonly has: (objects: Printed[]) => [string[], Printed[]][];
}[] = [
  {
    line: 'vtep drops --json --last',
    has: (rows) => [
      [[...keysOf('docs/watching.md', 0), 'frames'], rows],
      [keysOf('docs/watching.md', 1), rows.flatMap(({ frames }) => frames as Printed[])],
    ],
  },
  { line: 'vtep lint --json', has: (findings) => [[keysOf('docs/lint.md', 0), findings]] },
];

type Printed = Readonly<Record<string, unknown>>;

/** By page: every line of its blocks of language `sh`, in their order. */
export const TYPED_LINES: Readonly<Record<string, readonly TypedLine[]>> = {
  'docs/capture.md': CAPTURE,
  'docs/doctor.md': DOCTOR,
  'docs/metrics.md': METRICS,
  'docs/replay.md': REPLAY,
  'docs/trace.md': TRACE,
  'docs/troubleshooting.md': TROUBLESHOOTING,
  'docs/watching.md': WATCHING,
};
