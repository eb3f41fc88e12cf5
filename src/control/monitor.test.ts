// Monitors over a real control socket: what one client is told, and what a slow or dead one costs.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { parseVtepMonitor } from '../iproute/parse.js';
import { request } from './client.js';
import { EventLog } from './events.js';
import { Monitor } from './monitor.js';
import { parseReply, type Reply } from './protocol.js';
import { ControlServer } from './server.js';

/** A server whose `monitor …` tells of a log's events; all else is answered with `pong`. */
async function serving(t: ExecutionContext, log: EventLog): Promise<{ path: string; server: ControlServer }> {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-monitor-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'x.sock');
  const server = await ControlServer.listen(path, async ([word, ...words], say, until) => {
    const command = word === 'monitor' ? parseVtepMonitor(words) : undefined;
    if (command?.kind === 'monitor') await new Monitor(log, command.request).run(say, until()).catch(() => undefined);
    else say({ out: 'pong\n' });
    return 0;
  });
  t.teardown(() => server.close());
  return { path, server };
}

class Client {
  readonly socket: Socket;
  readonly replies: Reply[] = [];
  out = '';
  err = '';
  isClosed = false;

  constructor(path: string) {
    let pending = '';
    this.socket = connect(path);
    this.socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (pending + text).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) {
        const reply = parseReply(line);
        if (!reply) continue;
        this.replies.push(reply);
        if ('out' in reply) this.out += reply.out;
        if ('err' in reply) this.err += reply.err;
      }
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.isClosed = true;
    });
  }

  ask(...argv: string[]): void {
    this.socket.write(`${JSON.stringify({ argv })}\n`);
  }
}

/** Waits until something holds. */
async function until(what: () => boolean, deadlineMs = 20_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!what()) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await setImmediate();
  }
}

function emit(log: EventLog, chain: number): void {
  log.emit({ type: 'chain', dev: 'vxlan0', chain, deleted: false });
}

const line = (chain: number): string => `added chain dev vxlan0 parent ffff: chain ${chain} \n`;

test('a monitor says that it has begun, tells of what comes, and of what was asked for alone', async (t) => {
  const log = new EventLog();
  const { path } = await serving(t, log);
  const client = new Client(path);
  const other = new Client(path);
  client.ask('monitor', 'filter');
  other.ask('monitor', 'fdb', 'link');
  await until(() => client.replies.length > 0 && other.replies.length > 0);
  t.deepEqual(client.replies, [{ out: '' }]);
  emit(log, 1);
  emit(log, 2);
  log.emit({ type: 'miss', dev: 'vxlan0', ip: Uint8Array.of(10, 0, 0, 1) });
  await until(() => client.out === line(1) + line(2) && other.out === 'miss 10.0.0.1 dev vxlan0 STALE \n');
  t.pass();
});

test('the next request of its client ends a monitor, and is answered', async (t) => {
  const log = new EventLog();
  const { path } = await serving(t, log);
  const client = new Client(path);
  client.ask('monitor');
  await until(() => log.isHeard);
  emit(log, 1);
  await until(() => client.out === line(1));
  client.ask('ping');
  await until(() => client.replies.some((reply) => 'out' in reply && reply.out === 'pong\n'));
  t.deepEqual(client.replies.slice(-3), [{ exit: 0 }, { out: 'pong\n' }, { exit: 0 }]);
  t.false(log.isHeard);
});

test('a client that goes away is forgotten, though nothing happens, whether it says goodbye or not', async (t) => {
  const log = new EventLog();
  const { path } = await serving(t, log);
  for (const leave of [(socket: Socket) => socket.end(), (socket: Socket) => socket.destroy()]) {
    const client = new Client(path);
    client.ask('monitor');
    await until(() => log.isHeard && client.replies.length > 0);
    leave(client.socket);
    await until(() => !log.isHeard);
  }
  t.pass();
});

test('monitors that are not read cost one bounded log; others are served, and told of everything', async (t) => {
  const most = 2000;
  const log = new EventLog(most);
  const { path } = await serving(t, log);
  const dead = Array.from({ length: 5 }, () => new Client(path));
  for (const client of dead) client.ask('monitor');
  const quick = new Client(path);
  quick.ask('monitor');
  await until(() => [...dead, quick].every((client) => client.replies.length > 0));
  for (const { socket } of dead) socket.pause();
  const count = 60_000;
  let largest = 0;
  for (let n = 0; n < count; n++) {
    emit(log, n);
    if (n % 500 === 0) {
      largest = Math.max(largest, log.size);
      await until(() => quick.out.endsWith(line(n)));
    }
  }
  await until(() => quick.out.endsWith(line(count - 1)));
  t.is(quick.err, '');
  t.is(quick.out.match(/\n/g)?.length, count);
  t.true(largest <= most, `${largest}`);
  t.is(await request(['ping'], { out: () => undefined, err: () => undefined }, path), 0);
  // One of them wakes up: it is told how much it has missed, and what is left of it.
  const [first] = dead;
  first?.socket.resume();
  await until(() => first?.out.endsWith(line(count - 1)) === true);
  const lost = Number(
    /^vtep: (\d+) events were lost: they came faster than they were read\n$/.exec(first?.err ?? '')?.[1],
  );
  t.is(lost + (first?.out.match(/\n/g)?.length ?? 0), count);
});

test('when the server closes, the client is told', async (t) => {
  const log = new EventLog();
  const { path, server } = await serving(t, log);
  const asked = request(['monitor'], { out: () => undefined, err: () => undefined }, path, 'it has ended');
  await until(() => log.isHeard);
  await server.close();
  await t.throwsAsync(asked, { message: 'vtep: it has ended' });
  await until(() => !log.isHeard);
});
