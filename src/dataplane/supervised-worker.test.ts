// Threads that are none: what becomes of instructions and of a datapath when real ones would die.
import test from 'ava';
import type { Instruction } from './messages.js';
import { RestartLimit } from './restart-limit.js';
import { SupervisedWorker, type Supervisor, type Thread } from './supervised-worker.js';
import { ThreadEnded, type WorkerOwner } from './worker-thread.js';

class FakeThread implements Thread {
  readonly ready = Promise.resolve();
  readonly owner: WorkerOwner;
  readonly told: Instruction[] = [];
  /** Whether it carries out what it is told. */
  obeys = true;
  /** Refuses instructions of this type. */
  refuses = '';
  stopped = 0;
  private readonly waiting: ((error: Error) => void)[] = [];

  constructor(owner: WorkerOwner) {
    this.owner = owner;
  }

  apply(instruction: Instruction): Promise<void> {
    this.told.push(instruction);
    if (instruction.type === this.refuses) return Promise.reject(new Error(`no ${instruction.type}`));
    if (this.obeys) return Promise.resolve();
    return new Promise((_, reject) => this.waiting.push(reject));
  }

  die(error = new Error('a fault'), drops: readonly (readonly [number, number])[] = []): void {
    for (const reject of this.waiting) reject(new ThreadEnded());
    this.owner.died(error, { type: 'dying', drops });
  }

  /** It has ended without a word, and left the forwarding table so. */
  hasTornTable = false;

  async stop(): Promise<void> {
    this.stopped++;
  }

  ask(): void {}

  readonly turns = true;

  wake(): void {}
}

/** Always waits as long, and gives up with the death of that number. */
class Limit extends RestartLimit {
  private left: number;
  private readonly wait: number;

  constructor(most: number, wait = 0) {
    super();
    this.left = most;
    this.wait = wait;
  }

  override died(): number {
    return this.left-- > 0 ? this.wait : -1;
  }
}

interface Bench {
  readonly worker: SupervisedWorker;
  readonly threads: FakeThread[];
  readonly events: string[];
  /** Resolves with the next event of that name. */
  next(name: string): Promise<void>;
}

async function bench(most = 5, prepare: (thread: FakeThread) => void = () => {}, wait = 0): Promise<Bench> {
  const made = begin(most, prepare, wait);
  await made.worker.ready;
  return made;
}

/** The same, whose first thread is not ready yet. */
function begin(most: number, prepare: (thread: FakeThread) => void, wait: number): Bench {
  const threads: FakeThread[] = [];
  const events: string[] = [];
  const heard = new Map<string, () => void>();
  const happen = (name: string): void => {
    events.push(name);
    heard.get(name)?.();
  };
  const supervisor: Supervisor = {
    heard: (news) => happen(news.type),
    died: (error, wait) => happen(`died ${error.message} ${wait}`),
    resumed: () => happen('resumed'),
    failed: (error) => happen(`failed ${error.message}`),
    isTableTorn: () => threads.at(-1)?.hasTornTable === true,
  };
  const make = (owner: WorkerOwner): Thread => {
    const thread = new FakeThread(owner);
    prepare(thread);
    threads.push(thread);
    return thread;
  };
  const worker = new SupervisedWorker(make, new Limit(most, wait), supervisor);
  return { worker, threads, events, next: (name) => new Promise((resolve) => heard.set(name, resolve)) };
}

const close = (device: number): Instruction => ({ type: 'port-close', device });
const open = (device: number): Instruction => ({ type: 'port-open', device, queues: [], offloads: 0 });
const use = (device: number, underlay: number): Instruction => ({ type: 'underlay-use', device, underlay });
const capture = (device: number) => ({
  filter: { points: 1, device, vni: -1, rule: -1, reason: -1, snapLength: 0 },
  rings: [],
});
const udp = (receiveFd: number, dropsBefore: number) =>
  ({
    kind: 'udp',
    sockets: [
      {
        family: 4,
        port: 4789,
        scopeId: 0,
        receiveFd,
        transmitFds: [],
        sourcePorts: [],
        receiveOffload: false,
        segmentation: false,
        receiveBuffer: 0,
        sendBuffer: 0,
        dropsBefore,
      },
    ],
  }) as const;

test('another thread is told what is in force, without what was taken back, and then what waits', async (t) => {
  const { worker, threads, events, next } = await bench();
  const [first] = threads;
  const empty = new Int32Array(0);
  const programs = { start: empty, actionPages: empty, actionAt: empty, words: empty, tunnels: empty, buckets: 0 };
  const hook = (device: number, kind?: string) => ({
    device,
    direction: 0,
    ...(kind !== undefined && { snapshot: { kind } }),
  });
  const slab = new SharedArrayBuffer(8);
  const none = new Float64Array(0);
  const asked: Instruction[] = [
    { type: 'action-counters', slabs: [slab] },
    { type: 'buckets', slab },
    open(1),
    open(2),
    close(1),
    { type: 'underlay-open', underlay: 3, parts: [udp(7, 0)], owner: 1 },
    { type: 'underlay-open', underlay: 4, parts: [udp(8, 0)], owner: 1 },
    { type: 'underlay-serve', underlay: 3, owner: 2, takers: Int32Array.of(1, 2, 3) },
    { type: 'underlay-close', underlay: 4 },
    use(1, 3),
    use(2, 3),
    use(1, -1),
    { type: 'neighbours', neighbours: Int32Array.of(1) },
    { type: 'neighbours', neighbours: Int32Array.of(2) },
    { type: 'rules', programs, hooks: [hook(1, 'old'), hook(2, 'stays')] },
    { type: 'rules', programs: { ...programs, buckets: 9 }, hooks: [hook(1, 'new'), hook(3, 'goes')] },
    { type: 'rules', programs: { ...programs, buckets: 9 }, hooks: [hook(3)] },
    { type: 'mirror-taps', device: 5, taps: Int32Array.of(1, 2), refused: Int32Array.of(3, 4) },
    { type: 'peers', device: 5, words: Int32Array.of(1) },
    { type: 'peers', device: 6, words: Int32Array.of(2) },
    { type: 'peers', device: 5, words: Int32Array.of(3) },
    { type: 'peers', device: 6 },
    { type: 'captures', captures: [capture(1)] },
    { type: 'captures', captures: [capture(1), capture(2)] },
    // What is done once is not done again.
    { type: 'restore-counts', counts: { devices: none, reasons: none, actions: none, vnis: none, times: none } },
    { type: 'confine' },
    { type: 'count-overflows' },
  ];
  for (const instruction of asked) await worker.apply(instruction);
  if (first) first.obeys = false;
  let done = 0;
  const waits = [open(9), close(2)].map((instruction) => worker.apply(instruction).then(() => done++));
  const resumed = next('resumed');
  first?.die(new Error('a fault'), [[7, 42]]);
  t.is(done, 0);
  const late = worker.apply(close(6));
  await resumed;
  await Promise.all([...waits, late]);
  t.deepEqual(events, ['died a fault 0', 'resumed']);
  t.is(first?.stopped, 1);
  const serve = { owner: 2, takers: Int32Array.of(1, 2, 3) };
  t.deepEqual(threads[1]?.told, [
    { type: 'action-counters', slabs: [slab] },
    { type: 'buckets', slab },
    open(2),
    { type: 'rules', programs: { ...programs, buckets: 9 }, hooks: [hook(1, 'new'), hook(2, 'stays')] },
    { type: 'neighbours', neighbours: Int32Array.of(2) },
    { type: 'mirror-taps', device: 5, taps: Int32Array.of(1, 2), refused: empty },
    { type: 'peers', device: 5, words: Int32Array.of(3) },
    { type: 'captures', captures: [capture(1), capture(2)] },
    { type: 'underlay-open', underlay: 3, parts: [udp(7, 42)], ...serve },
    use(2, 3),
    open(9),
    close(2),
    close(6),
  ]);
  // And what waited is in force with the next one.
  const again = next('resumed');
  threads[1]?.die();
  await again;
  t.deepEqual(
    threads[2]?.told.filter(({ type }) => type === 'port-open'),
    [open(9)],
  );
});

test('captures that have ended are not begun again', async (t) => {
  const { worker, threads, next } = await bench();
  await worker.apply({ type: 'captures', captures: [capture(1)] });
  await worker.apply({ type: 'captures', captures: [] });
  const resumed = next('resumed');
  threads[0]?.die();
  await resumed;
  t.deepEqual(threads[1]?.told, []);
});

test('what the dead one refused stays refused, and is not told again', async (t) => {
  const { worker, threads, next } = await bench(5, (thread) => {
    thread.refuses = 'port-open';
  });
  await t.throwsAsync(worker.apply(open(1)), { message: 'no port-open' });
  const resumed = next('resumed');
  threads[0]?.die();
  await resumed;
  t.deepEqual(threads[1]?.told, []);
});

test('a port that a worker has let go of by itself is not opened again', async (t) => {
  const { worker, threads, next } = await bench();
  await worker.apply(open(1));
  threads[0]?.owner.heard({ type: 'port-gone', device: 1, errno: 77 });
  const resumed = next('resumed');
  threads[0]?.die();
  await resumed;
  t.deepEqual(threads[1]?.told, []);
});

test('too many deaths are the end, and whoever waits is told why', async (t) => {
  const { worker, threads, events, next } = await bench(1);
  const resumed = next('resumed');
  threads[0]?.die(new Error('one'));
  await resumed;
  const [, second] = threads;
  if (second) second.obeys = false;
  const waits = worker.apply(open(1));
  second?.die(new Error('two'));
  await t.throwsAsync(waits, { message: 'two' });
  t.deepEqual(events, ['died one 0', 'resumed', 'failed two']);
  await t.throwsAsync(worker.apply(open(1)), { message: 'the datapath worker has ended' });
});

test('who cannot take over what another had is the end', async (t) => {
  let count = 0;
  const { worker, threads, events, next } = await bench(5, (thread) => {
    if (count++ > 0) thread.refuses = 'port-open';
  });
  await worker.apply(open(1));
  const failed = next('failed a worker could not take over what another had: no port-open');
  threads[0]?.die();
  await failed;
  t.is(events.length, 2);
});

test('a thread that died while it wrote the forwarding table is the end', async (t) => {
  const { threads, events } = await bench();
  const [first] = threads;
  if (first === undefined) throw new Error('no thread');
  first.hasTornTable = true;
  first.die(new Error('in the middle'));
  t.is(events.length, 1);
  t.regex(events[0] ?? '', /^failed a worker died while it wrote the forwarding table: Error: in the middle\n/);
  t.is(threads.length, 1);
});

test('so is one that ended there without a word, as of too little memory', async (t) => {
  const { threads, events } = await bench();
  const [first] = threads;
  if (first === undefined) throw new Error('no thread');
  first.hasTornTable = true;
  first.owner.died(new Error('out of memory'), undefined);
  t.is(events.length, 1);
  t.regex(events[0] ?? '', /^failed a worker died while it wrote the forwarding table: Error: out of memory\n/);
  t.is(threads.length, 1);
});

test('a thread that the kernel has ended is the end', async (t) => {
  const { threads, events } = await bench();
  threads[0]?.owner.failed(new Error('gone'));
  t.deepEqual(events, ['failed gone']);
});

test('who is stopped between two threads begins none, and what waits is refused', async (t) => {
  const { worker, threads, events } = await bench();
  const [first] = threads;
  if (first) first.obeys = false;
  const waits = worker.apply(open(1));
  first?.die();
  const stopped = worker.stop();
  await t.throwsAsync(waits, { message: 'the datapath worker has ended' });
  await stopped;
  t.deepEqual(events, ['died a fault 0']);
  t.is(threads.length, 1);
});

test('a thread that dies before it is ready is the end, and no other is tried', (t) => {
  const { threads, events } = begin(5, () => {}, 0);
  threads[0]?.die(new Error('no processor'));
  t.deepEqual(events, ['failed no processor']);
  t.is(threads.length, 1);
});

test('the next thread begins when the wait is over, and not before', async (t) => {
  const HOUR = 3_600_000;
  const { worker, threads, events } = await bench(5, () => {}, HOUR);
  threads[0]?.die();
  t.deepEqual(events, [`died a fault ${HOUR}`]);
  // Timers without a wait that were set before these have fired by now, and what they began.
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  t.is(threads.length, 1);
  t.is(threads[0]?.stopped, 0);
  await worker.stop();
});
