// A program of the host that hangs, in the middle of commands: who else is answered, in which order changes come, and
// what is left of it. The daemon's `ip` is a script that hangs where a line names `slow`, or an MTU of 1111, until a file
// is there.
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { Connection } from '../../src/control/client.js';
import type { Request } from '../../src/control/protocol.js';
import { Daemon } from './daemon.js';
import { until } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { type Topology, VTEP } from './topology.js';

interface Answer {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** A daemon whose host hangs, asked over its socket. */
class Hanging {
  readonly daemon: Daemon;
  private readonly notes: string;

  private constructor(notes: string, daemon: Daemon) {
    this.notes = notes;
    this.daemon = daemon;
  }

  static async start({ b }: Topology, lines: readonly string[]): Promise<Hanging> {
    const { notes } = b;
    const script = [
      '#!/bin/sh',
      'case " $* " in *" slow "*|*" 1111 "*)',
      `  echo $$ > ${notes}/hanging.new; mv ${notes}/hanging.new ${notes}/hanging`,
      `  while [ ! -e ${notes}/go ]; do sleep 0.02; done`,
      'esac',
      'case " $* " in *" slow "*) exit 0; esac',
      `exec ${(await b.do('which ip')).trim()} "$@"`,
    ];
    writeFileSync(`${notes}/ip`, `${script.join('\n')}\n`);
    chmodSync(`${notes}/ip`, 0o755);
    writeFileSync(`${notes}/hanging.batch`, `${lines.join('\n')}\n`);
    const path = `PATH=${notes}:${process.env.PATH}:/usr/sbin:/sbin`;
    const words = ['run', '-b', `${notes}/hanging.batch`, '--control', `${notes}/socket`];
    return new Hanging(notes, await Daemon.of(b, b.start(['env', path, VTEP, ...words])));
  }

  private begin(request: Request): { readonly answer: Promise<Answer>; readonly connection: Connection } {
    const connection = new Connection(`${this.notes}/socket`);
    const said = { out: '', err: '' };
    const output = {
      out: (text: string): void => {
        said.out += text;
      },
      err: (text: string): void => {
        said.err += text;
      },
    };
    const answer = connection.ask(request, output).then((exit) => {
      connection.close();
      return { exit, ...said };
    });
    return { answer, connection };
  }

  /** Asks for what is to be answered while something hangs. */
  async ask(line: string): Promise<Answer> {
    const { answer, connection } = this.begin({ argv: line.split(' ') });
    const late = setTimeout(() => connection.close(), 10_000);
    try {
      return await answer;
    } finally {
      clearTimeout(late);
    }
  }

  later(line: string): Promise<Answer> {
    return this.begin({ argv: line.split(' ') }).answer;
  }

  /** Asks for what waits for the host's program, which has begun then. */
  async hang(request: Request): Promise<{ readonly answer: Promise<Answer> }> {
    const { answer } = await this.hanging(() => this.begin(request));
    answer.catch(() => undefined);
    return { answer };
  }

  /** Asks, and goes away when the host's program has begun. */
  async leave(request: Request): Promise<void> {
    const socket = await this.hanging(() => {
      const socket = connect(`${this.notes}/socket`);
      socket.write(`${JSON.stringify(request)}\n`);
      return socket;
    });
    socket.destroy();
  }

  private async hanging<T>(begin: () => T): Promise<T> {
    rmSync(`${this.notes}/go`, { force: true });
    rmSync(`${this.notes}/hanging`, { force: true });
    const begun = begin();
    await until(async () => existsSync(`${this.notes}/hanging`), 'the program of the host has begun');
    return begun;
  }

  letGo(): void {
    writeFileSync(`${this.notes}/go`, '');
  }

  /** Whether the program that hung last is there. */
  get isHanging(): boolean {
    const pid = readFileSync(`${this.notes}/hanging`, 'utf8').trim();
    return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  }
}

const SLOW = { argv: 'ip addr add 10.9.9.9/24 dev tap0 label slow'.split(' ') };
const LOOKS = [
  ...['health', 'drops', 'workers', 'overview', 'save', 'save --state', 'tc qdisc show dev tap0', 'tc qdisc show'],
  ...['ip -d link show tap0', 'ip link show', 'tc filter show dev tap0 ingress', 'tc actions ls action gact'],
  ...['ip addr show dev tap0', 'ip -s neigh show dev tap0', 'bridge fdb show', 'tc chain show dev tap0 ingress'],
  'tc filter get dev tap0 ingress protocol all pref 1 handle 1 flower',
];

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
    const filters = async (): Promise<string> => (await hanging.ask('tc filter show dev tap0 ingress')).out;
    const look = async (): Promise<void> => {
      for (const line of LOOKS) {
        const { exit, err } = await hanging.ask(line);
        t.deepEqual([line, exit, err], [line, 0, '']);
      }
    };
    const add = (pref: number): string => `tc filter add dev tap0 ingress protocol all pref ${pref} flower action drop`;
    const before = await filters();

    // A command of its own.
    const slow = await hanging.hang(SLOW);
    const changes = [hanging.later(add(2)), hanging.later('tc filter del dev tap0 ingress pref 2')];
    const monitor = topology.b.start([VTEP, '--control', `${topology.b.notes}/socket`, 'monitor', 'filter']);
    await look();
    t.is(await filters(), before, 'changes wait');
    await until(async () => (await hanging.ask('overview')).exit === 0, 'the monitor has begun');
    hanging.letGo();
    t.is((await slow.answer).exit, 0);
    t.deepEqual(
      (await Promise.all(changes)).map(({ exit, err }) => [exit, err]),
      [
        [0, ''],
        [0, ''],
      ],
    );
    t.is(await filters(), before);

    // A batch: what comes before the line is in force, and seen.
    const lines = (pref: number): string[][] =>
      [add(pref), 'ip link set tap0 mtu 1111', add(pref + 1)].map((line) => line.split(' '));
    const batch = { tool: null, options: [], force: false };
    const plain = await hanging.hang({ batch: { ...batch, lines: lines(3) } });
    t.regex(await filters(), /pref 3 /);
    t.notRegex(await filters(), /pref 4 /);
    hanging.letGo();
    t.is((await plain.answer).exit, 0);
    t.regex(await filters(), /pref 4 /);
    t.is((await hanging.ask('ip link set tap0 mtu 1400')).exit, 0);

    // A transaction: all of it or nothing, for whoever looks in between too.
    const whole = await filters();
    const atomic = await hanging.hang({ batch: { ...batch, lines: lines(5), atomic: true } });
    t.is(await filters(), whole);
    await look();
    t.is(await filters(), whole);
    hanging.letGo();
    const { exit, err } = await atomic.answer;
    t.deepEqual([exit, err], [0, '']);
    t.regex(await filters(), /pref 5 [\s\S]*pref 6 /);
    t.regex((await hanging.ask('ip link show tap0')).out, /mtu 1111/);
    await monitor.waitFor(/pref 6 /);
    t.is(monitor.stdout.match(/pref 5 flower chain 0 handle/g)?.length, 1, 'each is told of once');
    t.is(monitor.stdout.match(/pref 6 flower chain 0 handle/g)?.length, 1);

    // One that is refused behind that leaves everything as it was.
    await hanging.ask('ip link set tap0 mtu 1400');
    const steps = [...lines(7), 'ip link set tap0 mtu 5'.split(' ')];
    const held = await filters();
    const refused = await hanging.hang({ batch: { ...batch, lines: steps, atomic: true } });
    t.is(await filters(), held);
    hanging.letGo();
    const refusal = await refused.answer;
    t.is(refusal.exit, 1);
    t.regex(refusal.err, /vtep: nothing was changed/);
    t.is(await filters(), held);
    t.regex((await hanging.ask('ip link show tap0')).out, /mtu 1400/);

    // Somebody who goes away in the middle takes the program with him.
    await hanging.leave(SLOW);
    await until(async () => !hanging.isHanging, 'the program has gone with whoever asked for it');
    t.is((await hanging.ask('tc filter del dev tap0 ingress pref 5')).exit, 0);

    // The daemon's end does not wait for it.
    await hanging.hang(SLOW);
    const { code, stderr } = await hanging.daemon.stop();
    t.is(code, 0, stderr);
    t.false(hanging.isHanging);
  },
);
