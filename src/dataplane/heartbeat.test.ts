import test from 'ava';
import { Heartbeat } from './heartbeat.js';

test('a worker that has come round since it was asked has answered, and one that has not has not', (t) => {
  const heartbeat = new Heartbeat();
  const worker = new Heartbeat(heartbeat.buffer);
  t.true(heartbeat.isAnswered, 'nobody has asked yet');
  heartbeat.ask();
  t.false(heartbeat.isAnswered);
  worker.answer();
  t.true(heartbeat.isAnswered);
  heartbeat.ask();
  heartbeat.ask();
  t.false(heartbeat.isAnswered);
  worker.answer();
  t.true(heartbeat.isAnswered, 'one round answers every question before it');
});

test('the count wraps without a beat being taken for another', (t) => {
  const heartbeat = new Heartbeat();
  new Int32Array(heartbeat.buffer).fill(0x7fffffff);
  t.true(heartbeat.isAnswered);
  heartbeat.ask();
  t.false(heartbeat.isAnswered);
  new Heartbeat(heartbeat.buffer).answer();
  t.true(heartbeat.isAnswered);
});
