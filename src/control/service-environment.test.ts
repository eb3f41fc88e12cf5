import test from 'ava';
import { takeServiceEnvironment } from './service-environment.js';

const PID = 4711;

test('the socket and the watchdog are read, and no child will find them', (t) => {
  const env = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '4711', PATH: '/bin' };
  t.deepEqual(takeServiceEnvironment(env, PID), { notifySocket: '/run/systemd/notify', watchdog: 30_000, notes: [] });
  t.deepEqual(env, { PATH: '/bin' } as unknown as typeof env);
});

test('without a manager there is nothing to read', (t) => {
  t.deepEqual(takeServiceEnvironment({}, PID), { notes: [] });
});

test('a watchdog of another process, or without a socket to feed it through, is none', (t) => {
  const socket = '@abstract';
  t.deepEqual(takeServiceEnvironment({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' }, PID), {
    notifySocket: socket,
    notes: [],
  });
  t.deepEqual(takeServiceEnvironment({ WATCHDOG_USEC: '1000' }, PID), { notes: [] });
});

for (const [name, value, said] of [
  ['NOTIFY_SOCKET', 'run/notify', 'NOTIFY_SOCKET is not a path or a name behind @: run/notify'],
  ['NOTIFY_SOCKET', 'vsock:2:1234', 'NOTIFY_SOCKET is not a path or a name behind @: vsock:2:1234'],
  ['WATCHDOG_USEC', '-5', 'WATCHDOG_USEC is not a number of microseconds from 1000 on: -5'],
  ['WATCHDOG_USEC', '999', 'WATCHDOG_USEC is not a number of microseconds from 1000 on: 999'],
] as const) {
  test(`${name}=${value} is passed over with a word`, (t) => {
    t.deepEqual(takeServiceEnvironment({ [name]: value }, PID).notes, [said]);
  });
}
