// What one vxlan device of a host sends to another one there takes the short way, in the kernel and in vtep.
import { Daemon } from './daemon.js';
import { experimental } from './inner-frames.js';
import { rooted, twoHosts } from './rooted.js';
import type { Host } from './topology.js';

/** The source MAC of what `experimental` makes. */
const SOURCE = '02:00:00:00:00:98';
const TO = '02:00:00:00:00:99';

interface Outcome {
  /** Frames that came out at the other device. */
  readonly frames: readonly string[];
  /** Datagrams on the loopback device. */
  readonly datagrams: number;
  readonly learned: string;
}

interface Tools {
  readonly ip: (line: string) => Promise<string>;
  readonly bridge: (line: string) => Promise<string>;
}

/** Sends a frame from vx4 to an address behind `vni` of this host itself. */
async function sent(b: Host, own: string, vni: number, { bridge }: Tools): Promise<Outcome> {
  await bridge(`fdb replace ${TO} dev vx4 dst ${own} vni ${vni} self`);
  await bridge(`fdb replace 02:00:00:00:00:97 dev vx4 dst ${own} vni 5 self`);
  const there = b.start(b.tool('raw-frames', 'capture', 'vx5'));
  const loopback = b.start(b.tool('raw-frames', 'capture', 'lo'));
  await there.waitFor(/capturing/);
  await loopback.waitFor(/capturing/);
  const frame = experimental(vni);
  // One that always arrives ends the wait for one that may not.
  const marker = frame.replace(/^020000000099/, '020000000097').replace(/.{4}$/, 'ffff');
  for (const each of [frame, marker]) {
    await b.do(b.tool('raw-frames', 'inject', 'vx4'), `${each}\n`);
  }
  await there.waitFor(new RegExp(marker));
  const frames = (await there.stop()).stdout.split('\n').filter((line) => line === frame);
  const datagrams = (await loopback.stop()).stdout.split('\n').filter((line) => line.endsWith(frame)).length;
  const entry = (await bridge('fdb show dev vx5')).split('\n').find((line) => line.startsWith(SOURCE)) ?? '';
  return { frames, datagrams, learned: entry.trim() };
}

for (const underlay of [4, 6] as const) {
  rooted(`frames to a device of the same host take the short way, as in the kernel, over IPv${underlay}`, async (t) => {
    const topology = await twoHosts(t, { underlay });
    t.timeout(120_000);
    const { b, outer } = topology;
    for (const bypass of ['localbypass', 'nolocalbypass']) {
      const devices = [4, 5].flatMap((vni) => [
        `ip link add vx${vni} type vxlan id ${vni} local ${outer.b} remote ${outer.a} dstport 4799 ${bypass}`,
        `ip link set vx${vni} up`,
      ]);
      for (const vni of [5, 9]) {
        for (const line of devices) {
          // The ip of Debian 12 does not know the word, and the kernel's default is what it means.
          if (bypass === 'localbypass') await b.do(line.replace(bypass, ''));
        }
        let kernel: Outcome | undefined;
        if (bypass === 'localbypass') {
          const ip = (line: string): Promise<string> => b.do(`ip ${line}`);
          const bridge = (line: string): Promise<string> => b.do(`bridge ${line}`);
          kernel = await sent(b, outer.b, vni, { ip, bridge });
          await b.do('ip link del vx4');
          await b.do('ip link del vx5');
        }
        const daemon = await Daemon.start(topology, devices);
        const ip = (line: string): Promise<string> => daemon.do(`ip ${line}`);
        const bridge = (line: string): Promise<string> => daemon.do(`bridge ${line}`);
        const vtep = await sent(b, outer.b, vni, { ip, bridge });
        const drops = await daemon.drops();
        await daemon.stop();
        if (kernel) t.deepEqual(vtep, kernel, `VNI ${vni}`);
        const short = bypass === 'localbypass';
        t.is(vtep.frames.length, vni === 5 ? 1 : 0);
        t.is(vtep.datagrams, short ? 0 : 1);
        t.is(drops('no-local-vni'), short && vni === 9 ? 1 : 0);
        t.is(drops('unknown-vni'), !short && vni === 9 ? 1 : 0);
        if (short) t.regex(vtep.learned, underlay === 4 ? /dst 127\.0\.0\.1 / : /dst ::1 /);
      }
    }
  });
}
