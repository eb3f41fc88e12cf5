import test from 'ava';
import { EAGAIN, ECONNREFUSED } from '../native/errno.js';
import { ServiceNotifier } from './service-notifier.js';

/** A manager that answers each attempt as it is told, and keeps what it takes. */
class Manager {
  readonly told: string[] = [];
  readonly log: string[] = [];
  result = 0;
  readonly notifier = new ServiceNotifier({
    path: '@x',
    send: (path, text) => {
      if (this.result === 0) this.told.push(`${path} ${text}`);
      return this.result;
    },
    log: (line) => this.log.push(line),
    microseconds: () => 123_456_789n,
  });
}

test('each state is a datagram of the protocol, its values one line', (t) => {
  const { notifier, told } = new Manager();
  notifier.extend(60_000, 'half');
  notifier.ready('2 devices');
  notifier.reloading();
  notifier.alive();
  notifier.failed('a\nb', 98);
  notifier.failed('no errno');
  notifier.stopping();
  t.deepEqual(told, [
    '@x EXTEND_TIMEOUT_USEC=60000000\nSTATUS=half',
    `@x READY=1\nMAINPID=${process.pid}\nSTATUS=2 devices`,
    '@x RELOADING=1\nMONOTONIC_USEC=123456789\nSTATUS=Reading the file again',
    '@x WATCHDOG=1',
    '@x ERRNO=98\nSTATUS=a b',
    '@x STATUS=no errno',
    '@x STOPPING=1\nSTATUS=Stopping',
  ]);
  notifier.close();
});

test('a sentence is said when it is another', (t) => {
  const { notifier, told } = new Manager();
  notifier.ready('one');
  notifier.say('one');
  notifier.say('two');
  notifier.say('two');
  t.deepEqual(told.slice(1), ['@x STATUS=two']);
});

test('what finds no room is kept in its order, sent a moment later, and a ping is not kept', async (t) => {
  const manager = new Manager();
  const { notifier, told } = manager;
  manager.result = -EAGAIN;
  notifier.ready('one');
  notifier.say('two');
  notifier.alive();
  t.deepEqual(told, []);
  manager.result = 0;
  notifier.say('three');
  t.deepEqual(told, [], 'nothing overtakes');
  const deadline = Date.now() + 5000;
  while (told.length < 3 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  t.deepEqual(
    told.map((text) => text.replace(/\n[\s\S]*STATUS=/, ' ')),
    ['@x READY=1 one', '@x STATUS=two', '@x STATUS=three'],
  );
});

test('a manager that never has room costs a bounded amount, and the youngest states are kept', (t) => {
  const manager = new Manager();
  manager.result = -EAGAIN;
  for (let n = 0; n < 1000; n++) manager.notifier.say(`${n}`);
  manager.result = 0;
  manager.notifier.close();
  t.is(manager.told.length, 32);
  t.is(manager.told.at(-1), '@x STATUS=999');
});

test('a manager that is gone is said once, and stops nothing', (t) => {
  const manager = new Manager();
  manager.result = -ECONNREFUSED;
  manager.notifier.ready('one');
  manager.notifier.say('two');
  t.deepEqual(manager.log, ['the service manager cannot be told (NOTIFY_SOCKET @x): Connection refused']);
});

test('without a socket nothing is sent', (t) => {
  const notifier = new ServiceNotifier({ path: undefined, send: () => t.fail() as never, log: () => t.fail() });
  notifier.ready('x');
  notifier.reloading();
  notifier.alive();
  notifier.stopping();
  t.false(notifier.isOn);
});
