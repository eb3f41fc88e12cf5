/** A worker that hangs, under a manager that does what systemd does. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Daemon } from '../../netns/daemon.js';
import { until } from '../../netns/process.js';
import { Manager } from '../../netns/service.js';
import { INNER, Topology } from '../../netns/topology.js';
import { ping } from '../../netns/traffic.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

const WATCHDOG_MS = 1000;

function workerOf(pid: number): string {
  const isWorker = (id: string): boolean =>
    readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').startsWith('vtep-worker');
  const found = readdirSync(`/proc/${pid}/task`).find(isWorker);
  if (found === undefined) throw new Error('no worker');
  return found;
}

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  const topology = await Topology.up();
  try {
    const { a, b } = topology;
    const manager = await Manager.start(b);
    const file = `${b.notes}/watchdog.batch`;
    writeFileSync(file, `${topology.batch.join('\n')}\n`);
    const start = async () => {
      const readied = manager.values('READY').length;
      const process = manager.run(b, ['-b', file], { WATCHDOG_USEC: `${WATCHDOG_MS * 1000}` });
      await Daemon.of(b, process);
      await manager.told(/^READY=1/, readied + 1);
      return process;
    };
    const pings = async (): Promise<void> => {
      const { received } = await ping(a, INNER[4].b);
      if (received !== 3) throw new Error(`${received} of 3 pings came back`);
    };
    let process = await start();
    const hangs = brief ? 1 : 12;
    let longest = 0;
    for (let hang = 0; hang < hangs; hang++) {
      say(`hang ${hang + 1} of ${hangs}`);
      await pings();
      await manager.told(/^WATCHDOG=1/, manager.values('WATCHDOG').length + 2);
      const holder = b.start(b.tool('hold-thread', workerOf(process.child.pid ?? 0)));
      await holder.waitFor(/^held/);
      const began = Date.now();
      let count = manager.values('WATCHDOG').length;
      let heard = began;
      await until(async () => {
        const now = manager.values('WATCHDOG').length;
        if (now !== count) heard = Date.now();
        count = now;
        return Date.now() - heard > WATCHDOG_MS;
      }, 'the manager misses the watchdog');
      longest = Math.max(longest, Date.now() - began);
      process.child.kill('SIGABRT');
      await holder.stop('SIGKILL');
      await process.exited;
      process = await start();
      await pings();
    }
    const idle = manager.values('WATCHDOG').length;
    const { code } = await process.stop();
    if (code !== 0) throw new Error(`the end's exit code is ${code}`);
    return [
      { value: hangs, what: 'workers that hung, and restarts by the manager' },
      { value: longest, what: `ms at most until it knew (watchdog: ${WATCHDOG_MS} ms)` },
      { value: idle, what: 'pings of the watchdog' },
    ];
  } finally {
    await topology.down();
  }
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'watchdog',
    title: 'a worker thread is stopped under a manager that waits for the watchdog',
    promise: 'no ping is sent while it hangs, the manager restarts vtep, and traffic goes on',
    rights: 'root',
    run,
  },
];
