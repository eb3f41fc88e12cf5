/** Datagrams of random bytes and lengths on the VXLAN port. */
import { randomBytes, randomInt } from 'node:crypto';
import { Daemon, type DropCount } from '../../netns/daemon.js';
import { INNER, Topology } from '../../netns/topology.js';
import { linkStatistic, ping } from '../../netns/traffic.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

/** Hex lines of one run of the sender; as many as its pipe takes without trouble. */
const AT_ONCE = 1000;

/** Mostly short, so that the first header is wrong in every way; a tenth up to a whole underlay packet. */
function anyDatagram(): string {
  return randomBytes(randomInt(10) === 0 ? randomInt(1400) : randomInt(40)).toString('hex');
}

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  const topology = await Topology.up();
  try {
    const daemon = await Daemon.start(topology);
    const sent = brief ? AT_ONCE : 50 * AT_ONCE;
    for (let done = 0; done < sent; done += AT_ONCE) {
      say(`${done} of ${sent} datagrams`);
      const lines = Array.from({ length: AT_ONCE }, anyDatagram);
      await topology.a.do(topology.a.tool('send-datagrams', topology.outer.b, '4789'), `${lines.join('\n')}\n`);
      const { received } = await ping(topology.a, INNER[4].b, { count: 1 });
      if (received !== 1) throw new Error(`no answer to a ping after ${done + AT_ONCE} datagrams`);
    }
    const rows = JSON.parse(await daemon.do('drops --json')) as DropCount[];
    const dropped = rows.filter(({ device }) => device !== 'tap0').reduce((sum, { count }) => sum + count, 0);
    if (dropped !== sent) throw new Error(`${sent} datagrams sent, ${dropped} counted`);
    const delivered = await linkStatistic(topology.b, 'tap0', 'rx_packets');
    const pings = sent / AT_ONCE;
    if (delivered !== pings) throw new Error(`${delivered} frames on tap0 for ${pings} pings`);
    return [
      { value: sent, what: 'datagrams of random bytes' },
      { value: dropped, what: 'of them counted as dropped' },
      { value: rows.filter(({ count }) => count > 0).length, what: 'reasons' },
    ];
  } finally {
    await topology.down();
  }
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'random-datagrams',
    title: 'datagrams of random bytes on the VXLAN port',
    promise: 'each is counted under a reason, none is delivered, and pings go on',
    rights: 'root',
    run,
  },
];
