// Every line that these pages show in a shell, typed beside a vtep with traffic. One topology, one vtep for all of them.
//
//   host A: the kernel's device, pings ──► vxlan0 ── filters ──► tap0      host B: vtep, and a shell
//           datagrams of VNI 5 and 9 ────► (dropped by a filter; unknown to vx7)
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../../src/observe/captures/capture-reader.js';
import { pcapHeader, pcapRecordHeader } from '../../src/observe/captures/capture-writer.js';
import { METRICS } from '../../src/observe/metrics.js';
import { Daemon } from '../netns/daemon.js';
import { ethernet, ipv4Udp, vxlanHeader } from '../netns/frames.js';
import { until } from '../netns/process.js';
import { rooted, twoHosts } from '../netns/rooted.js';
import { controlLinesHold } from './control-lines.js';
import { blocks } from './markdown.js';
import { type Around, JSON_LINES, TYPED_LINES, type TypedLine } from './typed-lines.js';
import { commandOf, Typist } from './typist.js';

const FRAME =
  ethernet('02:00:00:00:00:02', '02:00:00:00:00:01', 0x0800) +
  ipv4Udp('192.0.2.1', '192.0.2.2', new TextEncoder().encode('sixteen bytes it'));

/** The outer packet, of IPv4, in hex. */
const OUTER = ipv4Udp('192.168.1.14', '192.168.1.13', Buffer.from(vxlanHeader(4) + FRAME, 'hex')).replace(
  /^(.{40}).{8}/,
  `$1${(49_152).toString(16)}${(4789).toString(16)}`,
);

/** What the pages call vtep.batch: the README's first configuration, and what has something dropped. */
const BATCH = [
  ...(blocks('README.md').find(({ file }) => file === 'first.batch')?.lines ?? []),
  'tc filter add dev vxlan0 ingress protocol all pref 2 flower enc_key_id 5 action drop',
  'ip link add vx7 type vxlan id 7 dstport 7789 local 192.168.1.13',
  'ip link set vx7 up',
];

function pcap(linkType: number, packets: readonly string[]): Uint8Array {
  const records = packets.map((hex) => Buffer.from(hex, 'hex'));
  return Buffer.concat([
    pcapHeader(linkType),
    ...records.flatMap((bytes) => [pcapRecordHeader(1_700_000_000_000, bytes.length), bytes]),
  ]);
}

function shellLines(page: string): string[] {
  return blocks(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ lines }) => lines.map(commandOf))
    .filter((line) => line !== '');
}

/** A shell that sends datagrams of these bytes for as long as it runs; a newline would end one. */
function sender(hex: string, ports: readonly number[]): string {
  const bytes = hex.replace(/../g, '\\x$&');
  if (bytes.includes('\\x0a')) throw new Error(`a newline in ${bytes}`);
  const sends = ports.map((port) => `printf '${bytes}' >/dev/udp/192.168.1.13/${port}`);
  return `while sleep 0.05; do ${sends.join('; ')}; done`;
}

/** Where a frame would have been sent, of frames that were to be; lines, of a file's rules. */
const MAY_BE_MISSING = new Set(['to', 'line']);

const RUN = 'docs/metrics.md';

rooted('the shell lines of the pages do, beside a vtep with traffic, what the pages say', async (t) => {
  const topology = await twoHosts(t);
  t.timeout(120_000);
  const { a, b } = topology;
  t.deepEqual(topology.outer, { a: '192.168.1.14', b: '192.168.1.13' });
  await a.do('ip link del vxlan4');
  for (const line of blocks('README.md')
    .find(({ lines }) => lines[0]?.includes('vx4'))
    ?.lines.slice(0, -1) ?? [])
    await a.do(line);
  await b.do('ip link add eth0 type veth peer name eth1');
  await b.do('ip link set eth0 up');
  const typist = new Typist(b, 'pages');
  typist.file('vtep.batch', BATCH);
  const outerPackets = Array.from({ length: 7 }, () => OUTER);
  typist.file('in.pcap', pcap(LINKTYPE_RAW, outerPackets));
  typist.file('in.pcap.gz', gzipSync(pcap(LINKTYPE_RAW, outerPackets)));
  typist.file('frames.pcap', pcap(LINKTYPE_ETHERNET, [FRAME]));

  // Metrics: both ways of running it, asked from where the page says that they can be.
  const runs = shellLines(RUN).filter((line) => line.startsWith('vtep run'));
  t.is(runs.length, 2);
  const forOthers = await Daemon.of(b, typist.start(runs[1] ?? ''));
  await until(async () => (await a.attempt('ping -c 1 -W 1 10.4.0.13')).code === 0, 'an answer');
  const asked = await a.do(a.tool('http-get', 'http://192.168.1.13:9789/metrics'));
  for (const { name, type } of METRICS) t.true(asked.includes(`\n# TYPE ${name} ${type}\n`), name);
  await forOthers.stop('SIGINT');
  await Daemon.of(b, typist.start(runs[0] ?? ''));
  t.regex(await b.do(b.tool('http-get', 'http://127.0.0.1:9789/metrics')), /^200\n[\s\S]*^vtep_filters 3$/m);
  t.not((await a.attempt(a.tool('http-get', 'http://192.168.1.13:9789/metrics').join(' '))).code, 0);

  a.start(['ping', '-n', '-q', '-i', '0.02', '-s', '200', '10.4.0.13']);
  a.start(['bash', '-c', sender(vxlanHeader(5) + FRAME, [4789, 7789])]);
  for (let tries = 0, seen = ''; !/unknown-vni[\s\S]*action-drop/.test(seen); tries++) {
    seen = (await typist.type('vtep drops | sort')).stdout;
    t.true(tries < 100, seen);
  }

  const around: Around = {
    t,
    folder: typist.folder,
    frame: FRAME,
    outerPacket: OUTER,
    hasGrown: async (file, bytes) => {
      const path = join(typist.folder, file);
      return existsSync(path) && statSync(path).size >= bytes;
    },
  };
  const carryOut = async (page: string, typed: TypedLine): Promise<void> => {
    for (const program of typed.needs ?? []) {
      if ((await b.attempt(`which ${program}`)).code === 0) continue;
      t.log(`${page}: "${typed.line}" was not typed: ${program} is not installed`);
      return;
    }
    const fill = typed.fill?.(around);
    const line = fill === undefined ? typed.line : typed.line.replace(/\S*…$/, fill);
    const shown = /(\S*)…$/.exec(typed.line)?.[1] ?? '';
    t.true(fill === undefined || fill.startsWith(shown), `${page}: ${line}`);
    t.false(line.includes('…'), `${page}: ${line}`);
    const { until: condition, keys } = typed;
    const { code, stdout, stderr } = await typist.type(line, {
      ...(condition === undefined ? {} : { until: condition instanceof RegExp ? condition : () => condition(around) }),
      ...(keys === undefined ? {} : { keys }),
    });
    const printed = `${stdout}${stderr}`;
    if (!(typed.codes ?? [0]).includes(code ?? -1)) throw new Error(`exit ${code}\n${printed}`);
    if (!typed.says.test(printed)) throw new Error(`it does not say ${typed.says}:\n${printed}`);
    typed.look?.(around, stdout === '' ? stderr : stdout + stderr);
  };
  const inode = (await b.do('stat -Lc %i /proc/self/ns/net')).trim();
  await controlLinesHold(t, `/run/vtep/net-${inode}.sock`);
  const [example] = blocks('docs/control-socket.md').filter(({ language }) => language === 'sh');
  const { stdout: drops } = await typist.type(example?.lines.join('\n') ?? '');
  t.true((JSON.parse(drops) as unknown[]).length >= 2, drops);

  const failures: string[] = [];
  // Pages stand beside each other, their lines one behind the other: four captures can be on at a time.
  await Promise.all(
    Object.entries(TYPED_LINES).map(async ([page, lines]) => {
      t.deepEqual(
        shellLines(page).filter((line) => !line.startsWith('vtep run')),
        lines.map(({ line }) => line),
        `${page}: the lines that are shown, and those that are known`,
      );
      for (const typed of lines)
        await carryOut(page, typed).catch((error: unknown) => failures.push(`${page}: ${typed.line}: ${error}`));
    }),
  );
  t.deepEqual(failures, []);
  // What there is to find: the filter that a warning's example adds, behind one that takes all it would.
  await typist.type(
    'vtep tc filter add dev vxlan0 ingress protocol all pref 9 flower enc_key_id 5 enc_src_ip 192.168.1.14 action drop',
  );
  for (const { line, has } of JSON_LINES) {
    const { stdout } = await typist.type(line);
    for (const [documented, objects] of has(JSON.parse(stdout) as never[])) {
      const printed = new Set(objects.flatMap((object) => Object.keys(object)));
      t.deepEqual(
        [...printed].sort(),
        documented.filter((key) => !MAY_BE_MISSING.has(key) || printed.has(key)).sort(),
        line,
      );
    }
  }
});
