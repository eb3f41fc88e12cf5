// `vtep replay` as its users call it: what it prints, what it exits with, and what it writes where.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { LINKTYPE_ETHERNET, readCapture } from '../observe/captures/capture-reader.js';
import { pcapHeader, pcapRecordHeader } from '../observe/captures/capture-writer.js';
import { buildFrame } from '../offload/test-frames.js';

const VTEP = fileURLToPath(new URL('../../../bin/vtep', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vtep-replay-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const frames = Array.from({ length: 50 }, (_, n) => buildFrame({ protocol: 'udp', payload: Uint8Array.of(n) }));
const capture = Buffer.concat([
  pcapHeader(LINKTYPE_ETHERNET),
  ...frames.flatMap((bytes, n) => [pcapRecordHeader(1000 * n, bytes.length), bytes]),
]);
writeFileSync(join(folder, 'in.pcap'), capture);
writeFileSync(
  join(folder, 'rules'),
  `ip link add a0 type tap
ip link add b0 type tap
ip link set a0 up
ip link set b0 up
tc qdisc add dev a0 ingress
tc filter add dev a0 ingress protocol all pref 1 flower action continue random netrand drop 3
tc filter add dev a0 ingress protocol all pref 2 flower action mirred egress redirect dev b0
`,
);

function vtep(
  words: readonly string[],
  input?: Uint8Array,
): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [VTEP, 'replay', ...words], { cwd: folder });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.stdin.on('error', () => undefined).end(input);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

test('two runs print and write the same, byte for byte, and so does a capture that comes through a pipe', async (t) => {
  const [first, second, piped] = await Promise.all([
    vtep(['in.pcap', '-b', 'rules', '--dev', 'a0', '-o', 'first']),
    vtep(['in.pcap', '-b', 'rules', '--dev', 'a0', '-o', 'second']),
    vtep(['-', '-b', 'rules', '--dev', 'a0', '-o', 'piped'], capture),
  ]);
  t.like(first, { code: 0, err: '' });
  t.deepEqual([second, piped], [first, first]);
  const written = ['first', 'second', 'piped'].map((name) => readFileSync(join(folder, name, 'b0.pcap')));
  t.deepEqual(written[1], written[0]);
  t.deepEqual(written[2], written[0]);
  const count = [...readCapture(Uint8Array.from(written[0] ?? []))].length;
  t.true(count > 5 && count < 45, `${count}`);
});

test('of a capture that breaks off what is whole is replayed and written, and the exit code is 1', async (t) => {
  const cut = capture.subarray(0, capture.length - 10);
  const { code, out, err } = await vtep(['-', '-b', 'rules', '--dev', 'a0', '-o', 'cut'], cut);
  t.is(code, 1);
  t.regex(out, /^49 packets replayed\n/);
  t.regex(err, /^vtep: standard input: its packet 50 \(byte \d+\) breaks off\n$/);
  const written = Uint8Array.from(readFileSync(join(folder, 'cut/b0.pcap')));
  t.true([...readCapture(written)].length > 5);
});

test('files that are wrong, or would be overwritten while they are read, are named', async (t) => {
  writeFileSync(join(folder, 'b0.pcap'), capture);
  const rows: readonly (readonly [words: string[], err: RegExp])[] = [
    [['nosuch', '-b', 'rules'], /^vtep: nosuch: No such file or directory\n$/],
    [['rules', '-b', 'rules'], /^vtep: rules: it begins neither as a pcap nor as a pcapng file\n$/],
    [['-', '-b', '-'], /cannot both come from standard input/],
    [['b0.pcap', '-b', 'rules', '--dev', 'a0', '-o', '.'], /b0\.pcap is the capture that is read: name another folder/],
    [['in.pcap', '-b', 'rules', '--dev', 'a0', '-o', 'rules'], /^vtep: rules: File exists\n$/],
    [
      ['in.pcap', '-b', 'rules', '--dev', 'a0', '-o', '/proc/vtep/a'],
      /^vtep: \/proc\/vtep\/a: No such file or directory\n$/,
    ],
  ];
  const results = await Promise.all(rows.map(([words]) => vtep(words)));
  for (const [n, [, err]] of rows.entries()) {
    t.is(results[n]?.code, 1);
    t.regex(results[n]?.err ?? '', err);
  }
  t.deepEqual(readFileSync(join(folder, 'b0.pcap')), capture);
});
