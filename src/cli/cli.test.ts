// The command as a process: texts, exit codes, pipes. Nothing here needs rights.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { ControlServer, type Handler } from '../control/server.js';

const BIN = fileURLToPath(new URL('../../../bin/vtep', import.meta.url));

interface Ended {
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
}

function start(argv: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [BIN, ...argv], { env: { ...process.env, ...env }, stdio: 'pipe' });
}

function end(child: ChildProcess): Promise<Ended> {
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ out, err, code }));
  });
}

const vtep = (argv: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> => end(start(argv, env));

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'vtep-cli-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A control socket that answers with `handler`; its environment. */
async function daemon(t: ExecutionContext, handler: Handler): Promise<NodeJS.ProcessEnv> {
  const path = join(folder(t), 'x.sock');
  const server = await ControlServer.listen(path, handler);
  t.teardown(() => server.close());
  return { VTEP_CONTROL: path };
}

test('help lists the commands, and help of each names its options', async (t) => {
  const { out, err, code } = await vtep(['help']);
  t.is(code, 0);
  t.is(err, '');
  for (const command of ['run', 'ip', 'tc', 'bridge', 'drops', 'doctor', 'save', 'help'])
    t.regex(out, new RegExp(`^ {2}${command}\\b`, 'm'));
  t.is((await vtep(['--help'])).out, out);
  const run = await vtep(['help', 'run']);
  t.is(run.code, 0);
  for (const option of ['--batch', '--control', '--ready-fd', '--no-coalesce', '--classifier', '--tun', '--tunnel-gso'])
    t.true(run.out.includes(option), option);
  t.regex((await vtep(['drops', '--help'])).out, /--json/);
  t.regex((await vtep(['help', 'doctor'])).out, /dev NAME.*--json.*--tun.*Exit code: 0 .* 1 .* 2 /s);
});

test('help of the grammar needs no daemon, and is said where iproute2 says it, with its exit codes', async (t) => {
  const none = { VTEP_CONTROL: join(folder(t), 'nobody') };
  for (const [words, usage, exit] of [
    [['tc', 'help'], /^Usage: tc /, 0],
    [['tc', 'filter', 'add', 'dev', 'x', 'ingress', 'flower', 'help'], /^Usage: … flower /, 1],
    [['ip', 'link', 'help'], /^Usage: ip link add /, 255],
    [['bridge', 'help'], /^Usage: bridge /, 255],
    [['tc'], /^Usage: tc /, 0],
  ] as const) {
    const { out, err, code } = await vtep(words, none);
    t.deepEqual([code, out], [exit, ''], words.join(' '));
    t.regex(err, usage);
    t.true(err.endsWith('\n'));
  }
  t.regex((await vtep(['monitor', 'help'], none)).out, /^Usage: monitor /);
});

test('--version is the package’s', async (t) => {
  const { out, code } = await vtep(['--version']);
  t.is(code, 0);
  t.regex(out, /^\d+\.\d+\.\d+\n$/);
});

const wrong = [
  [['frobnicate'], /unknown command 'frobnicate'/],
  [['run', '--frob'], /unknown option '--frob'/],
  [['run', '-b'], /argument missing/],
  [['run', '--ready-fd', 'x'], /a descriptor is a small number/],
  [['run', '--classifier', 'x'], /tuple-space or linear/],
  [['run', '--workers', '0'], /1 to 64 workers/],
  [['run', '--workers', 'x'], /1 to 64 workers/],
  [['run', '--cpus', '0,3-1'], /"3-1" is no processor, nor a range of them/],
  [['run', '--cpus', '0,'], /"" is no processor/],
  [['run', '--cpus', '1024'], /"1024" is no processor/],
  [['run', '--busy-poll', '-1'], /microseconds, at most 1000000; 0 is off/],
  [['workers', '--frob'], /unknown option '--frob'/],
  [['drops', '--frob'], /unknown option '--frob'/],
  [['doctor', '--frob'], /unknown option '--frob'/],
  [['run', 'extra'], /too many arguments/],
] as const;
for (const [argv, message] of wrong) {
  test(`vtep ${argv.join(' ')} ends with 1 and says what is wrong`, async (t) => {
    const { out, err, code } = await vtep(argv);
    t.is(code, 1);
    t.is(out, '');
    t.regex(err, message);
    t.notRegex(err, /\n\s+at /);
  });
}

test('without a command it prints its help and ends with 1', async (t) => {
  const { err, code } = await vtep([]);
  t.is(code, 1);
  t.regex(err, /Usage: vtep/);
});

test('--control names the socket for every verb, before it or among its options', async (t) => {
  const heard: (readonly string[])[] = [];
  const { VTEP_CONTROL: path = '' } = await daemon(t, async (argv) => {
    heard.push(argv);
    return 0;
  });
  const none = { VTEP_CONTROL: join(folder(t), 'nobody') };
  for (const argv of [
    ['--control', path, 'tc', '-s', 'qdisc', 'show'],
    ['tc', '-s', '--control', path, 'qdisc', 'show'],
    ['ip', `--control=${path}`, 'link', 'show'],
    ['drops', '--control', path],
    ['--control', path, 'save'],
    ['monitor', '--control', path, 'link'],
  ]) {
    t.deepEqual(await vtep(argv, none), { out: '', err: '', code: 0 }, argv.join(' '));
  }
  t.deepEqual(heard, [
    ['tc', '-s', 'qdisc', 'show'],
    ['tc', '-s', 'qdisc', 'show'],
    ['ip', 'link', 'show'],
    ['drops'],
    ['save'],
    ['monitor', 'link'],
  ]);
  const batch = join(folder(t), 'batch');
  writeFileSync(batch, 'tc qdisc show\n');
  t.regex((await vtep(['--control', path, '-b', batch], none)).err, /batches are not understood here/);
  t.deepEqual(await vtep(['tc', '--control'], none), {
    out: '',
    err: "vtep: option '--control' needs a path\n",
    code: 1,
  });
});

test('a line that names no device is the system’s tool’s, which runs from here, with or without a daemon', async (t) => {
  const path = folder(t);
  writeFileSync(join(path, 'ip'), '#!/bin/sh\necho "$@"; cat; exit 7\n', { mode: 0o755 });
  const env = { VTEP_CONTROL: join(path, 'nobody'), PATH: `${path}:${process.env.PATH}` };
  const child = start(['ip', 'netns', 'exec', 'b', 'cat', '-'], env);
  child.stdin?.end('typed\n');
  t.deepEqual(await end(child), { out: 'netns exec b cat -\ntyped\n', err: '', code: 7 });
  // What names a device may be about one of vtep's.
  t.regex((await vtep(['ip', 'addr', 'show', 'dev', 'x'], env)).err, /no vtep runs/);
});

test('without a daemon it says how to start one', async (t) => {
  const { out, err, code } = await vtep(['drops'], { VTEP_CONTROL: join(folder(t), 'nobody') });
  t.deepEqual([code, out], [1, '']);
  t.regex(
    err,
    /^vtep: no vtep runs in this network namespace \(nothing listens at .*\); start one with: vtep run -b FILE\n$/,
  );
});

test('what follows tc, ip and bridge reaches the daemon as it stands, and its answer comes back', async (t) => {
  const heard: (readonly string[])[] = [];
  const env = await daemon(t, async (argv, reply) => {
    heard.push(argv);
    reply({ out: 'out\n' });
    reply({ err: 'err\n' });
    return 255;
  });
  const lines = [
    ['tc', '-s', '-j', 'filter', 'show', 'dev', 'x', 'ingress'],
    ['ip', 'addr', 'show', '--frob', '', 'dev', '--version'],
    ['bridge', 'fdb', '-h'],
    ['drops', '--json'],
  ];
  for (const argv of lines) {
    const ended = await vtep(argv, env);
    if (heard.length === 0 || heard.at(-1)?.[0] !== argv[0]) t.fail(`${argv.join(' ')}: ${ended.out}${ended.err}`);
    t.deepEqual(ended, { out: 'out\n', err: 'err\n', code: 255 });
  }
  t.deepEqual(heard.at(0), lines[0]);
  t.deepEqual(heard.at(-1), lines.at(-1));
});

test('a reader that has read enough ends the command without a word', async (t) => {
  const env = await daemon(t, async (_argv, reply) => {
    for (let n = 0; n < 200; n++) reply({ out: `${n}\n`.repeat(5000) });
    return 0;
  });
  const child = start(['tc', 'filter', 'show', 'dev', 'x', 'ingress'], env);
  child.stdout?.once('data', () => child.stdout?.destroy());
  const { err, code } = await end(child);
  t.is(err, '');
  t.is(code, 141);
});

test('a batch that cannot be read is said before anything is made', async (t) => {
  const path = folder(t);
  const { err, code } = await vtep(['run', '--control', join(path, 'x.sock'), '-b', join(path, 'nothing')]);
  t.is(code, 1);
  t.regex(err, /^Cannot open file ".*nothing" for reading: No such file or directory$/m);
});

test('a batch that the grammar refuses ends with 1, the line and tc’s words, and leaves nothing', async (t) => {
  const path = folder(t);
  const batch = join(path, 'batch');
  writeFileSync(batch, '# a comment\n\ntc filter add dev x ingress flower frob\n');
  const { out, err, code } = await vtep(['run', '--control', join(path, 'x.sock'), '-b', batch]);
  t.is(code, 1);
  t.is(out, '');
  t.regex(err, new RegExp(`^What is "frob"\\?[^]*\\nCommand failed ${batch}:3\\n$`));
  t.notRegex(err, /\n\s+at /);
});

test('a trace of a running vtep asks it for its state alone, and its refusals are passed on', async (t) => {
  const asked: string[] = [];
  const env = await daemon(t, async (argv, reply) => {
    asked.push(argv.join(' '));
    reply({ out: argv[0] === 'save' ? 'ip tuntap add dev tap0 mode tap\nip link set dev tap0 up\n' : '' });
    return 0;
  });
  const { out, err, code } = await vtep(['trace', 'dev', 'tap0', 'ip_proto', 'udp', '--json'], env);
  t.is(err, '');
  t.is(code, 0);
  t.like(JSON.parse(out), { taken: true, outputs: [], input: { from: 'host', device: 'tap0' } });
  t.deepEqual(asked, ['save', 'bridge fdb show']);
  const wrong = await vtep(['trace', 'dev', 'tap0', 'ip_prot0', 'udp'], env);
  t.is(wrong.out, '');
  t.regex(wrong.err, /What is "ip_prot0"/);
  t.is(wrong.code, 1);
  const help = await vtep(['help', 'trace']);
  t.regex(help.out, /pcap FILE packet 7/);
});
