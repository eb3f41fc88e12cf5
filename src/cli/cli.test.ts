// The command as a process: texts, exit codes, pipes. Nothing here needs rights.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
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

test('what it does not understand ends it with a message, without a stack', async (t) => {
  for (const [line, exit, message] of [
    ['drps', 1, /^vtep: unknown command "drps"\nvtep: did you mean "drops"\?\n\(vtep help lists the commands\)\n$/],
    ['run --frob', 1, /^vtep: run: unknown option "--frob"\n\(vtep help run says more\)\n$/],
    ['lint extra', 2, /^vtep: lint: "extra" is too much\n/],
    ['monitor --frob', 255, /^Option "--frob" is unknown, try "vtep monitor help"\.\n$/],
  ] as const) {
    const { out, err, code } = await vtep(line.split(' '));
    t.deepEqual([code, out], [exit, ''], line);
    t.regex(err, message);
  }
});

test('help of a command is had in front of it, behind it, and by its options', async (t) => {
  for (const command of ['run', 'save']) {
    const { out, err, code } = await vtep(['help', command]);
    t.deepEqual([code, err], [0, '']);
    t.regex(out, new RegExp(`^Usage: vtep ${command} `));
    for (const argv of [
      [command, 'help'],
      [command, '-h'],
      [command, '--help'],
    ])
      t.deepEqual(await vtep(argv), { out, err: '', code: 0 }, argv.join(' '));
  }
  const { out } = await vtep(['help']);
  for (const argv of [['help', 'help'], ['--help'], ['-h']])
    t.deepEqual(await vtep(argv), { out, err: '', code: 0 }, argv.join(' '));
});

test('help finds every place of the grammar, by its words or by the last of them', async (t) => {
  for (const [words, usage] of [
    [['tc'], /^tc of iproute2, .*\n\nUsage: tc \[ OPTIONS/],
    [['ip', 'link', 'add', 'type', 'vxlan'], /^Usage: … vxlan /],
    [['tunnel_key'], /^Usage: … action tunnel_key /],
    [['monitor'], /\nUsage: monitor /],
  ] as const) {
    const { out, err, code } = await vtep(['help', ...words]);
    t.deepEqual([code, err], [0, ''], words.join(' '));
    t.regex(out, usage);
  }
});

test('what cannot be written is said, and ends with 1', async (t) => {
  const env = await daemon(t, async (_argv, reply) => {
    reply({ out: '[]\n' });
    return 0;
  });
  const full = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(full));
  for (const argv of [['help'], ['--version'], ['drops'], ['doctor', '--json']]) {
    const child = spawn(process.execPath, [BIN, ...argv], {
      env: { ...process.env, ...env },
      stdio: ['ignore', full, 'pipe'],
    });
    const { err, code } = await end(child);
    t.deepEqual([err, code], ['vtep: write error: No space left on device\n', 1], argv.join(' '));
  }
});

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
  const absent = await vtep(['trace', 'dev', 'tap9', 'ip_proto', 'udp'], env);
  t.deepEqual(absent, { out: '', err: 'Cannot find device "tap9"\nvtep: did you mean "tap0"?\n', code: 1 });
  const help = await vtep(['help', 'trace']);
  t.regex(help.out, /pcap FILE packet 7/);
});
