/** What the scenarios of faults have in common. */
import type { Daemon } from '../netns/daemon.js';
import { restartsOf, workersOf } from '../netns/deadly.js';
import type { Host } from '../netns/topology.js';

export { restartsOf, workersOf };

const DEADLINE_MS = 15_000;

/** Pings until one is answered; how many were not before. Rejects where none is in time. */
export async function resume(from: Host, address: string, what: string): Promise<number> {
  const end = Date.now() + DEADLINE_MS;
  for (let lost = 0; ; lost++) {
    if ((await from.attempt(`ping -c 1 -W 0.3 ${address}`)).code === 0) return lost;
    if (Date.now() > end) throw new Error(`pings do not resume after this: ${what}`);
  }
}

/** Sends echo requests that nothing answers, until a reason has counted one more; what it counts then. */
export async function countsUnder(
  daemon: Daemon,
  reasons: readonly string[],
  send: () => Promise<unknown>,
  what: string,
): Promise<number> {
  const total = async (): Promise<number> => {
    const drops = await daemon.drops();
    return reasons.reduce((sum, reason) => sum + drops(reason), 0);
  };
  const before = await total();
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    await send();
    const counted = (await total()) - before;
    if (counted > 0) return counted;
    if (Date.now() > end) throw new Error(`${what}: nothing is counted under ${reasons.join(', ')}`);
  }
}

/** Rejects where a worker wakes up again and again while nobody has anything for it. */
export async function mustBeIdle(daemon: Daemon, what: string): Promise<number> {
  const wakeups = async (): Promise<number> => (await workersOf(daemon)).reduce((sum, one) => sum + one.wakeups, 0);
  const before = await wakeups();
  for (let n = 0; n < 5; n++) await daemon.attempt('ip link show');
  const woken = (await wakeups()) - before;
  if (woken > 200) throw new Error(`${what}: a worker woke up ${woken} times while nothing came`);
  return woken;
}

/** Rejects where the daemon has ended, or has not said a line exactly so often. */
export function mustHaveSaid(daemon: Daemon, pattern: RegExp, times: number): void {
  const { running, stderr } = daemon.process;
  if (!running) throw new Error(`the daemon has ended:\n${stderr}`);
  const said = stderr.match(new RegExp(pattern, 'g'))?.length ?? 0;
  if (said !== times) throw new Error(`${pattern} was said ${said} times instead of ${times}:\n${stderr}`);
}
