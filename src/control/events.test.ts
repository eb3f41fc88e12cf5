import test from 'ava';
import { LinearTable } from '../classifier/linear/linear-table.js';
import type { LinkState } from '../iproute/link-state.js';
import type { MonitorEvent, MonitorRequest } from '../iproute/monitor-types.js';
import { EventLog, type Listener } from './events.js';
import { Bench, FakeDevices } from './kit.test.helper.js';

const output = { statistics: false, details: false, json: false, pretty: false };
const CHAINS: MonitorRequest = { subjects: ['chain'], label: false, output };

function chain(number: number): MonitorEvent {
  return { type: 'chain', dev: 'x', chain: number, deleted: false };
}

function link(ifindex: number, before?: string, after?: string): MonitorEvent {
  const state = { ifindex, name: `l${ifindex}` } as LinkState;
  return { type: 'link', link: state, deleted: after === undefined, change: { before, after } };
}

function listen(log: EventLog, request = CHAINS): Listener {
  return log.listen(request, () => undefined);
}

/** The numbers of the chains, or of the links, that a listener has before it. */
function readAll(listener: Listener): number[] {
  const found: number[] = [];
  for (let timed = listener.read(); timed; timed = listener.read()) {
    const { event } = timed;
    if (event.type === 'chain') found.push(event.chain);
    if (event.type === 'link') found.push(event.deleted ? -event.link.ifindex : event.link.ifindex);
  }
  listener.done();
  return found;
}

test('a listener hears what comes after it, in order, and without listeners nothing is kept', (t) => {
  const log = new EventLog();
  t.false(log.isHeard);
  log.emit(chain(1));
  log.note(chain(2));
  log.emitAll(log.takeNoted());
  const first = listen(log);
  t.true(log.isHeard);
  log.emit(chain(3));
  const second = listen(log);
  log.emit(chain(4));
  t.deepEqual(readAll(first), [3, 4]);
  t.deepEqual(readAll(second), [4]);
  t.deepEqual(readAll(first), []);
  first.close();
  second.close();
  t.false(log.isHeard);
});

test('what is noted is told when it is in force, and not before', (t) => {
  const log = new EventLog();
  const listener = listen(log);
  log.note(chain(1));
  log.note(chain(2));
  t.deepEqual(readAll(listener), []);
  const noted = log.takeNoted();
  log.note(chain(3));
  log.emitAll(noted);
  t.deepEqual(readAll(listener), [1, 2]);
  log.emitAll(log.takeNoted());
  t.deepEqual(readAll(listener), [3]);
});

test('a listener that does not read loses the oldest, is told how many of its own, and holds up nobody', (t) => {
  const log = new EventLog(100);
  const dead = listen(log);
  const links = listen(log, { ...CHAINS, subjects: ['link'] });
  const quick = listen(log);
  let heard = 0;
  for (let n = 0; n < 1000; n++) {
    log.emit(chain(n));
    if (n % 10 === 0) log.emit(link(n, 'a', 'b'));
    heard += readAll(quick).length;
  }
  t.is(quick.takeLost(), 0);
  t.is(heard, 1100);
  const linksLost = links.takeLost();
  const seen = readAll(links).length;
  const lost = dead.takeLost();
  const rest: number[] = [];
  for (let timed = dead.read(); timed; timed = dead.read()) {
    if (timed.event.type === 'chain') rest.push(timed.event.chain);
  }
  t.is(rest.at(-1), 999);
  t.is(lost + rest.length, 1000);
  t.true(rest.length <= 100 && rest.length >= 60, `${rest.length}`);
  t.true(linksLost + seen >= 100 && linksLost <= 100, `${linksLost} ${seen}`);
  t.is(dead.takeLost(), 0);
});

test('however many events one command has, no more than the bound is kept of them, and the rest counted', (t) => {
  const log = new EventLog(50);
  const listener = listen(log);
  for (let n = 0; n < 500; n++) log.note(chain(n));
  const noted = log.takeNoted();
  t.is(noted.events.length, 50);
  t.is(noted.lost, 450);
  log.emitAll(noted);
  const lost = listener.takeLost();
  t.is(readAll(listener).length + lost, 500);
});

test('within a transaction nothing is told, and nothing at all of links that are then as they were', async (t) => {
  const log = new EventLog();
  const listener = listen(log, { ...CHAINS, subjects: ['chain', 'link'] });
  await log.hold(async () => {
    log.emit(link(5, undefined, 'down'));
    log.emit(link(5, 'down', 'up'));
    log.emit(link(6, undefined, 'down'));
    log.emit(link(7, 'up', undefined));
    log.emit(link(8, 'a', 'b'));
    log.emit(link(5, 'up', undefined));
    log.emit(link(8, 'b', 'a'));
    log.emit(link(9, 'a', 'b'));
    log.emit(chain(1));
    t.deepEqual(readAll(listener), []);
  });
  t.deepEqual(readAll(listener), [6, -7, 9, 1]);
  await t.throwsAsync(
    log.hold(async () => {
      log.emit(chain(2));
      throw new Error('x');
    }),
  );
  t.deepEqual(readAll(listener), [2]);
});

test('a listener is woken by every event, and by a loss', (t) => {
  const log = new EventLog(4);
  let woken = 0;
  const listener = log.listen(CHAINS, () => woken++);
  log.emit(chain(1));
  t.is(woken, 1);
  for (let n = 0; n < 9; n++) log.note(chain(n));
  readAll(listener);
  log.emitAll(log.takeNoted());
  t.is(woken, 6);
  t.true(listener.hasMore);
});

test('what every listener has read is forgotten', (t) => {
  const log = new EventLog(1000);
  const quick = listen(log);
  const slow = listen(log);
  for (let n = 0; n < 100; n++) log.emit(chain(n));
  readAll(quick);
  t.not(log.at(0), undefined);
  readAll(slow);
  t.is(log.at(0), undefined);
  log.emit(chain(7));
  t.deepEqual(readAll(quick), [7]);
  slow.close();
  quick.close();
  t.is(log.at(100), undefined);
});

test('of a transaction that is taken back nothing is told, and of what was done before it everything', async (t) => {
  const log = new EventLog();
  const bench = new Bench(() => new LinearTable(), new FakeDevices(), log);
  const { rules } = bench;
  const listener = log.listen({ ...CHAINS, subjects: ['qdisc', 'chain', 'filter', 'actions'] }, () => undefined);
  bench.tc('qdisc add dev vxlan0 clsact');
  rules.open();
  bench.tc('filter add dev vxlan0 ingress flower');
  bench.tc('actions add action drop');
  await rules.rollBack();
  bench.tc('chain add dev vxlan0 ingress chain 3');
  await rules.commit();
  const types: string[] = [];
  for (let timed = listener.read(); timed; timed = listener.read()) types.push(timed.event.type);
  t.deepEqual(types, ['qdisc', 'chain']);
});
