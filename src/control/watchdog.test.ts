import test from 'ava';
import { Heartbeat } from '../dataplane/heartbeat.js';
import { Watchdog } from './watchdog.js';

/** A watchdog over two workers' counters, whose time passes when the test says so. */
class Kennel {
  readonly workers = [new Heartbeat(), new Heartbeat()];
  readonly said: string[] = [];
  interval = 0;
  fed = 0;
  private tick = (): void => {};

  constructor() {
    new Watchdog({
      within: 1000,
      datapath: {
        silent: () => [...this.workers.keys()].filter((n) => this.workers[n]?.isAnswered === false),
        ask: () => {
          for (const worker of this.workers) worker.ask();
        },
      },
      alive: () => this.fed++,
      log: (line) => this.said.push(line),
      every: (work, milliseconds) => {
        this.tick = work;
        this.interval = milliseconds;
        return { unref: () => undefined };
      },
    });
  }

  /** A quarter of the time passes, in which these workers come round. */
  pass(...turning: readonly number[]): void {
    for (const n of turning) this.workers[n]?.answer();
    this.tick();
  }
}

test('it is fed at the start, and then four times in its time while every worker turns', (t) => {
  const kennel = new Kennel();
  t.is(kennel.interval, 250);
  t.is(kennel.fed, 1);
  for (let n = 0; n < 8; n++) kennel.pass(0, 1);
  t.is(kennel.fed, 9);
  t.deepEqual(kennel.said, []);
});

test('one worker whose counter is stuck keeps it hungry, whatever the others do, and is named once', (t) => {
  const kennel = new Kennel();
  kennel.pass(0, 1);
  t.is(kennel.fed, 2);
  for (let n = 0; n < 10; n++) kennel.pass(0);
  t.is(kennel.fed, 2);
  t.deepEqual(kennel.said, ['the watchdog is not fed: worker 1 has not turned a round for 0.5 s']);
  kennel.pass(1);
  t.is(kennel.fed, 3);
  t.is(kennel.said.at(-1), 'the watchdog is fed again: every worker turns its rounds');
});

test('an answer that comes late, but within its time, is not worth a word', (t) => {
  const kennel = new Kennel();
  kennel.pass(0);
  kennel.pass(1);
  t.is(kennel.fed, 2);
  t.deepEqual(kennel.said, []);
});

test('several that hang are all named', (t) => {
  const kennel = new Kennel();
  kennel.pass();
  kennel.pass();
  t.regex(kennel.said.join(), /workers 0, 1 have not turned a round for 0\.5 s/);
});
