// A program of the host that hangs, in the middle of commands: who else is answered, in which order changes come, and
// what is left of it. The daemon's `ip` is a script that hangs where a line names `slow`, until a file is there.
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Daemon } from './daemon.js';
import { Background, type Finished, run, until } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { type Topology, VTEP } from './topology.js';

/** Ends soon, where the host's program does not: what hangs would be waited for for half a minute. */
const SOON_MS = 10_000;

class Hanging {
  readonly daemon: Daemon;
  private readonly topology: Topology;

  private constructor(topology: Topology, daemon: Daemon) {
    this.topology = topology;
    this.daemon = daemon;
  }

  static async start(topology: Topology, lines: readonly string[]): Promise<Hanging> {
    const { notes } = topology.b;
    const script = [
      '#!/bin/sh',
      'case " $* " in *" slow "*|*" 1111 "*)',
      `  echo $$ > ${notes}/hanging`,
      `  while [ ! -e ${notes}/go ]; do sleep 0.02; done`,
      '  [ "$2" = refused ] && exit 2',
      'esac',
      'case " $* " in *" slow "*) exit 0; esac',
      `exec ${(await topology.b.do('which ip')).trim()} "$@"`,
    ];
    writeFileSync(`${notes}/ip`, `${script.join('\n')}\n`);
    chmodSync(`${notes}/ip`, 0o755);
    const file = `${notes}/hanging.batch`;
    writeFileSync(file, `${lines.join('\n')}\n`);
    const path = `${notes}:${process.env.PATH}`;
    const process_ = topology.b.start(['env', `PATH=${path}:/usr/sbin:/sbin`, VTEP, 'run', '-b', file]);
    return new Hanging(topology, await Daemon.of(topology.b, process_));
  }

  /** A client that waits for the host's program. */
  async client(line: string, input?: string): Promise<Background> {
    const client = new Background(this.topology.b.argv([VTEP, ...line.split(' ')]));
    client.child.stdin?.end(input);
    await until(async () => existsSync(`${this.topology.b.notes}/hanging`), 'the program of the host has begun');
    return client;
  }

  get pid(): number {
    return Number(readFileSync(`${this.topology.b.notes}/hanging`, 'utf8'));
  }

  async letGo(): Promise<void> {
    await this.topology.b.do(`touch ${this.topology.b.notes}/go`);
  }

  async again(): Promise<void> {
    await this.topology.b.do(`rm -f ${this.topology.b.notes}/go ${this.topology.b.notes}/hanging`);
  }

  soon(line: string): Promise<Finished> {
    return run(this.topology.b.argv([VTEP, ...line.split(' ')]), { deadlineMs: SOON_MS });
  }
}

function isThere(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

rooted(
  'while a program of the host hangs whoever only looks is answered, and changes wait in their order',
  async (t) => {
    const topology = await twoHosts(t);
    const hanging = await Hanging.start(topology, [
      'ip link add tap0 type tap',
      'ip link set tap0 mtu 1400',
      'tc qdisc add dev tap0 clsact',
      'tc filter add dev tap0 ingress protocol all pref 1 flower action pass',
    ]);
    const { daemon } = hanging;
    const filters = (): Promise<string> => daemon.do('tc filter show dev tap0 ingress');
    const before = await filters();
    const LOOKS = [
      ...['health', 'drops', 'workers', 'save', 'save --state', 'tc qdisc show dev tap0', 'ip -d link show tap0'],
      ...['tc filter show dev tap0 ingress', 'tc actions ls action gact', 'ip addr show dev tap0', 'bridge fdb show'],
    ];
    const look = async (): Promise<void> => {
      for (const line of LOOKS) {
        if (line === 'health') continue;
        const { code, stderr } = await hanging.soon(line);
        t.deepEqual([line, code, stderr], [line, 0, '']);
      }
    };

    // A command of its own.
    const slow = await hanging.client('ip addr add 10.9.9.9/24 dev tap0 label slow');
    const change = new Background(
      topology.b.argv([VTEP, ...'tc filter add dev tap0 ingress pref 2 protocol all flower action drop'.split(' ')]),
    );
    const monitor = topology.b.start([VTEP, 'monitor', 'filter']);
    await look();
    t.is(await filters(), before, 'the change waits');
    await hanging.letGo();
    t.is((await slow.exited).code, 0);
    t.is((await change.exited).code, 0);
    await monitor.waitFor(/pref 2/);
    t.regex(await filters(), /pref 2/);
    await daemon.do('tc filter del dev tap0 ingress pref 2');
    await hanging.again();

    // A batch: what comes before the line is in force, and seen.
    const lines = (pref: number): string =>
      `tc filter add dev tap0 ingress protocol all pref ${pref} flower action drop\nip link set tap0 mtu 1111\n` +
      `tc filter add dev tap0 ingress protocol all pref ${pref + 1} flower action drop\n`;
    writeFileSync(`${topology.b.notes}/lines`, lines(3));
    const batch = await hanging.client(`-b ${topology.b.notes}/lines`);
    t.regex(await filters(), /pref 3/);
    t.notRegex(await filters(), /pref 4/);
    await hanging.letGo();
    t.is((await batch.exited).code, 0);
    t.regex(await filters(), /pref 4/);
    await daemon.do('ip link set tap0 mtu 1400');
    await hanging.again();

    // A transaction: all of it or nothing, for whoever looks in between too.
    const whole = await filters();
    writeFileSync(`${topology.b.notes}/lines`, lines(5));
    const atomic = await hanging.client(`-b ${topology.b.notes}/lines --atomic`);
    t.is(await filters(), whole);
    await look();
    t.is(await filters(), whole);
    await hanging.letGo();
    const done = await atomic.exited;
    t.deepEqual([done.code, done.stderr], [0, '']);
    t.regex(await filters(), /pref 5 [\s\S]*pref 6 /);
    t.regex(await daemon.do('ip link show tap0'), /mtu 1111/);
    t.is(monitor.stdout.match(/pref 5 /g)?.length, monitor.stdout.match(/pref 6 /g)?.length, 'each is told of once');
    await hanging.again();

    // Somebody who goes away in the middle takes the program with him.
    const leaves = await hanging.client('ip addr add 10.9.9.10/24 dev tap0 label slow');
    const { pid } = hanging;
    t.true(isThere(pid));
    leaves.child.kill('SIGKILL');
    await until(async () => !isThere(pid), 'the program has gone with whoever asked for it');
    await daemon.do('tc filter del dev tap0 ingress pref 5');
    await hanging.again();

    // The daemon's end does not wait for it.
    const left = await hanging.client('ip addr add 10.9.9.11/24 dev tap0 label slow');
    const last = hanging.pid;
    const { code, stderr } = await daemon.stop();
    t.is(code, 0, stderr);
    t.false(isThere(last));
    await left.exited;
  },
);
