// A bad link, for tests: what comes from VNI A goes to VNI B after a delay, some of it lost, corrupted or out of order.
// Chance begins with a seed: the same frames, in the same order, meet the same fate.
//
//   node chaos-link.js --peer 192.0.2.2 --from 4 --to 5 --delay 20 --jitter 5 --loss 0.01 --corrupt 0.001 --seed 1
import { parseArgs } from 'node:util';
import { Endpoint, Holding } from 'vtep';

const HELP = `usage: node chaos-link.js --peer ADDRESS [--peer-port 4789] [--port 4789] [--address ADDRESS] [--from 4] [--to 5]
         [--delay MS] [--jitter MS] [--loss 0…1] [--corrupt 0…1] [--seed N] [--most FRAMES]
  --peer, --peer-port  where frames are sent
  --port, --address    where they come in
  --from, --to         the VNI that they come with, and the one that they leave with
  --delay, --jitter    milliseconds that each is held, and that it may be held longer
  --loss, --corrupt    how many of them are lost, and have a bit turned
  --seed               what chance begins with
  --most               how many may be held at a time
`;
const words = read({
  ...{ peer: '', 'peer-port': '4789', port: '4789', address: '', from: '4', to: '5', help: false },
  ...{ delay: '0', jitter: '0', loss: '0', corrupt: '0', seed: '1', most: '10000' },
});
if (words.help) end(HELP, 0);
const { peer, 'peer-port': peerPort, port, address, from, to } = words;
if (peer === '') end(`--peer is missing\n${HELP}`, 2);
const [delay, jitter, loss, corrupt, seed, most] = ['delay', 'jitter', 'loss', 'corrupt', 'seed', 'most'].map(number);

/** Chance from 0 to 1 (mulberry32). */
let state = seed >>> 0;
function chance() {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}

const endpoint = await Endpoint.open({ log: (line) => console.error(line) });
const lost = endpoint.reason('chaos-loss', 'the chaos link has lost the frame');
const full = endpoint.reason('chaos-full', 'the chaos link held as many frames as it may');

let holding;
const chaos = await endpoint.device('chaos0', {
  transmit(batch) {
    for (let i = 0; i < batch.count; i++) {
      if (chance() < loss) {
        batch.drop(i, lost);
        continue;
      }
      // What is handed over is borrowed: a frame that is held is a copy, and may be changed.
      const frame = batch.copy(i);
      if (chance() < corrupt && frame.length > 14)
        frame[14 + Math.floor(chance() * (frame.length - 14))] ^= 1 << Math.floor(chance() * 8);
      // With jitter those that follow may come first.
      holding.hold(frame, delay + chance() * jitter);
    }
  },
});
holding = new Holding(chaos, { most, full });

await endpoint
  .batch(`
  ip link add vxlan0 type vxlan external dstport ${port}${address === '' ? '' : ` local ${address}`}
  tc qdisc add dev vxlan0 ingress
  tc qdisc add dev chaos0 ingress
  tc filter add dev vxlan0 ingress protocol all pref 1 flower enc_key_id ${from} action tunnel_key unset action mirred egress redirect dev chaos0
  tc filter add dev chaos0 ingress protocol all pref 1 flower action tunnel_key set ${address === '' ? '' : `src_ip ${address} `}dst_ip ${peer} dst_port ${peerPort} id ${to} action mirred egress redirect dev vxlan0
  ip link set vxlan0 up
`)
  .catch((error) => end(error.message, 1));
console.error(`listening on UDP port ${port}`);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    holding.close();
    for (const { device, reason, count } of await endpoint.drops()) console.log(`${device} ${reason} ${count}`);
    await endpoint.close();
  });
}

/** @returns {number} */
function number(name) {
  const value = Number(words[name]);
  const most = name === 'loss' || name === 'corrupt' ? 1 : Number.MAX_SAFE_INTEGER;
  return value >= 0 && value <= most
    ? value
    : end(`--${name} ${words[name]}: not a number from 0 to ${most}\n${HELP}`, 2);
}

/**
 * The words of the command line, by the defaults given.
 * @returns {any}
 */
function read(defaults) {
  /** @type {any} */
  const options = {};
  for (const [name, value] of Object.entries(defaults)) options[name] = { type: typeof value, default: value };
  try {
    return parseArgs({ options }).values;
  } catch (/** @type {any} */ error) {
    return end(`${error.message}\n${HELP}`, 2);
  }
}

/** @type {(text: string, code: number) => never} */
function end(text, code) {
  (code === 0 ? console.log : console.error)(text.trimEnd());
  process.exit(code);
}
