// Every example of examples/, run as its first lines say, and given packets over UDP as an ordinary peer would send them.
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readCapture } from '../../src/observe/captures/capture-reader.js';
import { buildFrame } from '../../src/offload/test-frames.js';
import { root } from '../docs/markdown.js';

const HOST = '127.0.0.1';
/** One port for each example, and for each peer: of this process, below the ephemeral ones. */
const BASE = 20_000 + (process.pid % 1000) * 10;

class Example {
  out = '';
  private err = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;

  constructor(...words: string[]) {
    this.child = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout?.setEncoding('latin1').on('data', (text: string) => {
      this.out += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
    });
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
  }

  async ready(): Promise<void> {
    await until(
      () => /listening|ready/.test(this.err) || this.child.exitCode !== null,
      () => this.err,
    );
  }

  /** All that it has said. */
  get said(): string {
    return this.out + this.err;
  }

  end(): Promise<number | null> {
    return this.ended;
  }

  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.ended;
  }
}

async function until(what: () => boolean, about: () => string): Promise<void> {
  const end = Date.now() + 30_000;
  while (!what()) {
    if (Date.now() > end) throw new Error(`it did not come to that in time: ${about()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function datagram(vni: number, frame: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(8, 0, 0, 0, vni >> 16, (vni >> 8) & 0xff, vni & 0xff, 0), frame]);
}

/** A peer at a port: what it gets, and by which it sends. */
async function peer(port: number, address = HOST): Promise<{ readonly socket: Socket; readonly got: Buffer[] }> {
  const socket = createSocket('udp4');
  const got: Buffer[] = [];
  socket.on('message', (bytes) => got.push(bytes));
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, resolve);
  });
  return { socket, got };
}

const frameOf = (n: number): Uint8Array =>
  buildFrame({ protocol: 'udp', sourcePort: 4000 + n, destinationPort: 53, payload: new Uint8Array(100).fill(n) });

test('every example stands in the table of examples/README.md', (t) => {
  const files = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.js'));
  const text = readFileSync(join(root, 'examples/README.md'), 'utf8');
  t.is(files.length, 5);
  for (const file of files) t.true(text.includes(`[${file}](${file})`), file);
});

test('the honeypot writes a line of JSON for each frame, of whichever VNI, and answers nothing', async (t) => {
  const example = new Example('examples/honeypot.js', '--port', `${BASE}`, '--address', HOST);
  const { socket, got } = await peer(BASE + 1);
  t.teardown(() => socket.close());
  await example.ready();
  for (const vni of [4, 0xffffff]) socket.send(datagram(vni, frameOf(vni & 0xff)), BASE, HOST);
  await until(
    () => example.out.split('\n').length > 2,
    () => example.out,
  );
  t.is(await example.stop(), 0);
  const lines = example.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.like(lines[0], { source: HOST, sourcePort: BASE + 1, vni: 4, protocol: 'udp', length: frameOf(4).length });
  t.like(lines[0], { innerSourcePort: 4004, innerDestinationPort: 53 });
  t.like(lines[1], { vni: 0xffffff, bytes: Buffer.from(frameOf(255).subarray(0, 64)).toString('hex') });
  t.is(got.length, 0);
});

test('the receiver of mirrored traffic writes a pcap of the VNI that is asked for, as an analyzer reads it', async (t) => {
  const port = `${BASE + 8 + 10_000}`;
  const example = new Example('examples/mirror-to-pcap.js', '--port', port, '--vni', '4', '--address', HOST);
  const { socket } = await peer(BASE + 9 + 10_000);
  t.teardown(() => socket.close());
  await example.ready();
  for (let n = 0; n < 5; n++) socket.send(datagram(n === 2 ? 5 : 4, frameOf(n)), Number(port), HOST);
  const bytes = (): Uint8Array => Uint8Array.from(Buffer.from(example.out, 'latin1'));
  await until(
    () => bytes().length === 24 + 4 * (16 + frameOf(0).length),
    () => `${bytes().length}`,
  );
  t.is(await example.stop(), 0);
  t.deepEqual(
    [...readCapture(bytes())].map((packet) => [packet.linkType, [...packet.bytes]]),
    [0, 1, 3, 4].map((n) => [1, [...frameOf(n)]]),
  );
});

test('every example says what it takes, and what is wrong of what it was given', async (t) => {
  const rows: readonly (readonly [words: string, code: number, said: RegExp])[] = [
    ['honeypot.js --help', 0, /^usage: node honeypot\.js \[--port 4789\]/],
    ['honeypot.js --prot 1', 2, /Unknown option '--prot'/],
    ['honeypot.js --port 99999', 1, /argument "99999" is wrong/],
    ['mirror-to-pcap.js --help', 0, /^usage: node mirror-to-pcap\.js/],
    ['chaos-link.js', 2, /^--peer is missing\nusage: /],
    ['chaos-link.js --peer 192.0.2.1 --loss 2', 2, /--loss 2: not a number from 0 to 1/],
    ['gateway.js', 2, /^usage: node gateway\.js CONFIG\.json/],
    ['gateway.js /nonexistent.json', 2, /ENOENT/],
  ];
  await Promise.all(
    rows.map(async ([words, code, said]) => {
      const [file = '', ...more] = words.split(' ');
      const example = new Example(`examples/${file}`, ...more);
      t.is(await example.end(), code, words);
      t.regex(example.said, said, words);
    }),
  );
});

test('the receiver of mirrored traffic counts flows, and prints those with the most bytes first', async (t) => {
  const example = new Example('examples/top-talkers.js', `${BASE + 2}`, '0.05');
  const { socket } = await peer(BASE + 3);
  t.teardown(() => socket.close());
  await example.ready();
  for (let n = 0; n < 6; n++) socket.send(datagram(n, frameOf(n === 0 ? 1 : 2)), BASE + 2, HOST);
  socket.send(datagram(9, frameOf(2)), BASE + 2, HOST);
  // It prints its table again and again, and once more at the end.
  await until(
    () => / 6 packets [\s\S]* 1 packets /.test(example.out),
    () => example.out,
  );
  t.is(await example.stop(), 0);
  const [head, first, second] =
    example.out
      .split(/^(?=\d+ flows$)/m)
      .at(-1)
      ?.split('\n') ?? [];
  t.is(head, '2 flows');
  t.regex(first ?? '', / 6 packets {2}10\.0\.0\.\d+:4002 > 10\.0\.0\.\d+:53 udp$/);
  t.regex(second ?? '', / 1 packets {2}10\.0\.0\.\d+:4001 > /);
});

test('the gateway translates VNIs and peers both ways, and lets nothing else through', async (t) => {
  const [left, right] = [BASE + 4, BASE + 5];
  const here = await peer(BASE + 6, '127.0.0.2');
  const there = await peer(BASE + 7, '127.0.0.3');
  t.teardown(() => {
    here.socket.close();
    there.socket.close();
  });
  const folder = mkdtempSync(join(tmpdir(), 'vtep-gateway-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, 'gateway.json');
  writeFileSync(
    config,
    JSON.stringify({
      left: { local: HOST, port: left, peer: '127.0.0.2', peerPort: BASE + 6 },
      right: { local: HOST, port: right, peer: '127.0.0.3', peerPort: BASE + 7 },
      vnis: [[4, 1004]],
    }),
  );
  const example = new Example('examples/gateway.js', config);
  await example.ready();
  here.socket.send(datagram(5, frameOf(5)), left, HOST);
  here.socket.send(datagram(4, frameOf(4)), left, HOST);
  there.socket.send(datagram(1004, frameOf(7)), right, HOST);
  await until(
    () => here.got.length + there.got.length === 2,
    () => `${here.got.length} ${there.got.length}`,
  );
  t.deepEqual(there.got, [datagram(1004, frameOf(4))]);
  t.deepEqual(here.got, [datagram(4, frameOf(7))]);
  t.is(await example.stop(), 0);
  t.is(example.out, 'left0: received 2 packets, sent 1\nright0: received 1 packets, sent 1\nleft0: action-drop 1\n');
});

test('the chaos link delays, loses and corrupts by its seed, and counts what it has lost', async (t) => {
  const { socket, got } = await peer(BASE + 9);
  t.teardown(() => socket.close());
  const words = `--port ${BASE + 8} --address ${HOST} --peer ${HOST} --peer-port ${BASE + 9} --from 4 --to 5 --delay 5 --jitter 20 --loss 0.25 --corrupt 0.25 --seed 7`;
  const example = new Example('examples/chaos-link.js', ...words.split(' '));
  await example.ready();
  const frames = 100;
  for (let n = 0; n < frames; n++) socket.send(datagram(4, frameOf(n)), BASE + 8, HOST);
  let last = -1;
  let since = Date.now();
  await until(
    () => {
      if (got.length !== last) since = Date.now();
      last = got.length;
      return got.length > 0 && Date.now() - since > 300;
    },
    () => `${got.length}`,
  );
  t.is(await example.stop(), 0);
  const lost = Number(/^chaos0 chaos-loss (\d+)$/m.exec(example.out)?.[1]);
  t.is(got.length + lost, frames);
  t.true(lost > 10 && lost < 45, `${lost} lost`);
  t.true(got.every((bytes) => bytes.readUIntBE(4, 3) === 5));
  const sent = new Set(Array.from({ length: frames }, (_, n) => datagram(5, frameOf(n)).toString('hex')));
  const corrupted = got.filter((bytes) => !sent.has(bytes.toString('hex'))).length;
  t.true(corrupted > 5 && corrupted < 40, `${corrupted} corrupted`);
  const order = got.map((bytes) => bytes.at(-1) ?? 0);
  t.notDeepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
});
