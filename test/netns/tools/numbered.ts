/**
 * numbered send RATE SIZE SECONDS TO:PORT…: sends numbered datagrams of SIZE bytes, RATE a second in all, to each target in
 * turn, each with numbers of its own from 0 on, until SECONDS have passed or standard input ends. Prints `sending` with
 * the first one and {"sent":N,"flows":[N…]} at the end. Nothing is lost where the host has no room: it is sent again.
 *
 * numbered receive ADDRESS:PORT…: prints `listening`; at the end of standard input a line of JSON, a NumberedResult.
 * SIGUSR1 prints one in between.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface NumberedResult {
  readonly received: number;
  /** Each number counted once. */
  readonly distinct: number;
  /** Behind a later number of the same flow. */
  readonly late: number;
  /** Distinct numbers of each flow. */
  readonly flows: readonly number[];
}

const BUFFER = 4 << 20;
const [verb, ...words] = process.argv.slice(2);

function split(target: string): { address: string; port: number } {
  const at = target.lastIndexOf(':');
  return { address: target.slice(0, at), port: Number(target.slice(at + 1)) };
}

function typeOf(address: string): 'udp4' | 'udp6' {
  return address.includes(':') ? 'udp6' : 'udp4';
}

let ended = false;
process.stdin.resume();
process.stdin.once('end', () => {
  ended = true;
});

async function send([rateWord = '', sizeWord = '', secondsWord = '', ...targets]: readonly string[]): Promise<void> {
  const [rate, size, seconds] = [Number(rateWord), Number(sizeWord), Number(secondsWord)];
  const flows = targets.map((target) => ({
    ...split(target),
    socket: createSocket({ type: typeOf(split(target).address), sendBufferSize: BUFFER }),
    next: 0,
  }));
  const payload = Buffer.alloc(size, 0x5a);
  const begin = performance.now();
  let sent = 0;
  process.stdout.write('sending\n');
  while (!ended && performance.now() - begin < seconds * 1000) {
    const due = Math.floor(((performance.now() - begin) * rate) / 1000);
    while (sent < due) {
      const flow = flows[sent % flows.length];
      if (!flow) break;
      payload.writeUInt32LE(flow.next, 0);
      if (await sendOne(flow.socket, payload, flow.port, flow.address)) {
        flow.next++;
        sent++;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  for (const { socket } of flows) socket.close();
  process.stdout.write(`${JSON.stringify({ sent, flows: flows.map(({ next }) => next) })}\n`);
  process.exit(0);
}

/** False where the host has no room for it now. Whoever is not there, or not yet, has had it. */
function sendOne(socket: Socket, payload: Buffer, port: number, address: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    socket.send(payload, port, address, (error) => {
      const code = error && 'code' in error ? error.code : undefined;
      if (!error || code === 'ECONNREFUSED') resolve(true);
      else if (code === 'ENOBUFS' || code === 'EAGAIN') resolve(false);
      else reject(error);
    });
  });
}

async function receive(targets: readonly string[]): Promise<void> {
  const flows = targets.map(() => ({ received: 0, distinct: 0, late: 0, last: -1, seen: new Uint8Array(1 << 16) }));
  const take = (flow: (typeof flows)[number], number: number): void => {
    flow.received++;
    if (number >= flow.seen.length) {
      const larger = new Uint8Array(2 ** Math.ceil(Math.log2(number + 1)));
      larger.set(flow.seen);
      flow.seen = larger;
    }
    if (flow.seen[number] === 0) flow.distinct++;
    flow.seen[number] = 1;
    if (number < flow.last) flow.late++;
    else flow.last = number;
  };
  const tell = (): void => {
    const sum = (of: (flow: (typeof flows)[number]) => number): number => flows.reduce((s, flow) => s + of(flow), 0);
    const result: NumberedResult = {
      received: sum(({ received }) => received),
      distinct: sum(({ distinct }) => distinct),
      late: sum(({ late }) => late),
      flows: flows.map(({ distinct }) => distinct),
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  };
  await Promise.all(
    targets.map(async (target, n) => {
      const { address, port } = split(target);
      const socket = createSocket({ type: typeOf(address), recvBufferSize: BUFFER });
      socket.on('message', (message) => {
        const flow = flows[n];
        if (flow) take(flow, message.readUInt32LE(0));
      });
      socket.bind(port, address);
      await once(socket, 'listening');
    }),
  );
  process.on('SIGUSR1', tell);
  process.stdin.once('end', () => {
    // What is in the sockets' queues is taken first.
    setImmediate(() =>
      setTimeout(() => {
        tell();
        process.exit(0);
      }, 50),
    );
  });
  process.stdout.write('listening\n');
}

await (verb === 'send' ? send(words) : receive(words));
