/** Workers that meet an error that nobody expected, in the middle of traffic. */
import { kill, restartsOf, startMortal } from '../../netns/deadly.js';
import { until } from '../../netns/process.js';
import { INNER, Topology } from '../../netns/topology.js';
import { streamIsIntact } from '../../netns/traffic.js';
import { resume } from '../faults.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  let deaths = 0;
  let lost = 0;
  let counted = 0;
  const mebibytes = brief ? 8 : 256;
  const counts = brief ? [2] : [1, 2, 4];
  for (const workers of counts) {
    const topology = await Topology.up();
    const { a, b } = topology;
    try {
      const daemon = await startMortal(topology, topology.batch, ['--workers', `${workers}`]);
      await resume(a, INNER[4].b, 'the start');
      const stream = streamIsIntact(b, a, INNER[4].a, mebibytes * 1048576);
      // One more within a minute would be the end.
      const kills = brief ? 2 : 5;
      for (let n = 1; n <= kills; n++) {
        say(`${workers} workers, death ${n}`);
        if (n % 2 === 0) await kill(b, INNER[4].a);
        else await kill(a, INNER[4].b);
        await until(async () => (await restartsOf(daemon)) === n, `restart ${n} is counted`);
        await until(async () => (daemon.process.stderr.match(/goes on$/gm)?.length ?? 0) === n, `worker ${n} goes on`);
        lost += await resume(a, INNER[4].b, 'a worker died');
        deaths++;
      }
      if (!(await stream)) throw new Error('a stream came through otherwise than it was sent');
      counted += (await daemon.drops())('worker-died');
      const { code } = await daemon.stop();
      if (code !== 0) throw new Error(`the daemon ended with ${code}`);
    } finally {
      await topology.down();
    }
  }
  if (counted < deaths) throw new Error(`${deaths} workers died with a frame in hand, ${counted} are counted`);
  return [
    { value: deaths, what: 'workers died and were replaced' },
    { value: counted, what: 'frames lost with them, counted' },
    { value: lost, what: 'pings lost before traffic resumed' },
    { value: mebibytes * counts.length, what: 'MiB of TCP meanwhile, whole' },
  ];
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'worker-death',
    title: 'workers that die in the middle of traffic',
    promise: 'each is counted and replaced, what it had in hand is counted, and connections stay',
    rights: 'root',
    run,
  },
];
