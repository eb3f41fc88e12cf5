// A bad link, for tests: what comes from VNI A goes to VNI B after a delay, some of it lost, corrupted or out of order.
// Chance begins with a seed: the same frames meet the same fate. Frames go to the peer that they came from.
//
//   node examples/chaos-link.js '{"port": 4789, "peer": "192.0.2.2", "peerPort": 4789, "from": 4, "to": 5, "delay": 20, "jitter": 5, "loss": 0.01, "corrupt": 0.001, "seed": 1}'
import { Endpoint, Holding } from 'vtep';

const {
  port = 4789,
  local,
  peer,
  peerPort = 4789,
  from = 4,
  to = 5,
  delay = 0,
  jitter = 0,
  loss = 0,
  corrupt = 0,
  seed = 1,
  most = 10_000,
} = JSON.parse(process.argv[2] ?? '{}');
if (peer === undefined) {
  console.error('usage: node examples/chaos-link.js \'{"peer": ADDRESS, …}\'');
  process.exit(2);
}

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
      if (chance() < corrupt) frame[14 + Math.floor(chance() * (frame.length - 14))] ^= 1 << Math.floor(chance() * 8);
      // With jitter those that follow may come first.
      holding.hold(frame, delay + chance() * jitter);
    }
  },
});
holding = new Holding(chaos, { most, full });

await endpoint.batch(`
  ip link add vxlan0 type vxlan external dstport ${port}${local === undefined ? '' : ` local ${local}`}
  tc qdisc add dev vxlan0 ingress
  tc qdisc add dev chaos0 ingress
  tc filter add dev vxlan0 ingress protocol all pref 1 flower enc_key_id ${from} action tunnel_key unset action mirred egress redirect dev chaos0
  tc filter add dev chaos0 ingress protocol all pref 1 flower action tunnel_key set src_ip ${local ?? '0.0.0.0'} dst_ip ${peer} dst_port ${peerPort} id ${to} action mirred egress redirect dev vxlan0
  ip link set vxlan0 up
`);
console.error(`listening on UDP port ${port}`);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    holding.close();
    for (const { device, reason, count } of await endpoint.drops()) console.log(`${device} ${reason} ${count}`);
    await endpoint.close();
  });
}
