// A gateway between two VXLAN underlays: each side has an address (or a port) of its own, VNIs are translated by a
// table, and what comes from one side's peer goes to the other's. All of it is rules: no function sees a frame.
//
//   node examples/gateway.js '{"left": {"local": "192.0.2.1", "port": 4789, "peer": "192.0.2.2"}, "right": {"local": "198.51.100.1", "port": 4789, "peer": "198.51.100.2"}, "vnis": [[4, 1004], [5, 1005]]}'
import { Endpoint } from 'vtep';

const { left, right, vnis = [] } = JSON.parse(process.argv[2] ?? '{}');
if (!left || !right) {
  console.error('usage: node examples/gateway.js \'{"left": {…}, "right": {…}, "vnis": [[4, 1004]]}\'');
  process.exit(2);
}

function device(name, { local, port = 4789 }) {
  return [`ip link add ${name} type vxlan external local ${local} dstport ${port}`, `tc qdisc add dev ${name} ingress`];
}

/** Frames of VNI `id` from the peer of one side go to the peer of the other, as VNI `other`. */
function rule(name, from, id, toName, to, other) {
  return `tc filter add dev ${name} ingress protocol all pref 1 flower enc_key_id ${id} enc_src_ip ${from.peer} action tunnel_key set src_ip ${to.local} dst_ip ${to.peer} dst_port ${to.peerPort ?? 4789} id ${other} action mirred egress redirect dev ${toName}`;
}

const endpoint = await Endpoint.open({
  log: (line) => console.error(line),
  batch: [
    ...device('left0', left),
    ...device('right0', right),
    ...vnis.flatMap(([a, b]) => [
      rule('left0', left, a, 'right0', right, b),
      rule('right0', right, b, 'left0', left, a),
    ]),
    // Anything else goes nowhere.
    'tc filter add dev left0 ingress protocol all pref 2 flower action drop',
    'tc filter add dev right0 ingress protocol all pref 2 flower action drop',
    'ip link set left0 up',
    'ip link set right0 up',
  ],
});
console.error('ready');

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    for (const { name, received, sent } of await endpoint.links()) {
      console.log(`${name}: received ${received.packets} packets, sent ${sent.packets}`);
    }
    await endpoint.close();
  });
}
