// A gateway between two VXLAN underlays: each side has an address (or a port) of its own, VNIs are translated by a
// table, and what comes from one side's peer goes to the other's. All of it is rules: no function sees a frame.
//
//   node gateway.js gateway.json
import { readFileSync } from 'node:fs';
import { Endpoint } from 'vtep';

const HELP = `usage: node gateway.js CONFIG.json
  {
    "left":  { "local": "192.0.2.1", "peer": "192.0.2.2", "port": 4789, "peerPort": 4789 },
    "right": { "local": "198.51.100.1", "peer": "198.51.100.2" },
    "vnis":  [[4, 1004], [5, 1005]]
  }
"local" is this host's address on that side, "peer" whom it speaks with there, and "vnis" pairs of what is the
same network on the left and on the right. Ports are 4789 where nothing else is said.
`;
const [file] = process.argv.slice(2);
if (file === '--help') end(HELP, 0);
if (file === undefined) end(HELP, 2);
const { left, right, vnis } = readConfig(file);

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
}).catch((error) => end(error.message, 1));
console.error('ready');

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    for (const { name, received, sent } of await endpoint.links()) {
      console.log(`${name}: received ${received.packets} packets, sent ${sent.packets}`);
    }
    for (const { device, reason, count } of await endpoint.drops()) console.log(`${device}: ${reason} ${count}`);
    await endpoint.close();
  });
}

function readConfig(path) {
  try {
    const { left, right, vnis } = JSON.parse(readFileSync(path, 'utf8'));
    for (const [name, value] of Object.entries({ left, right }))
      if (!value?.local || !value.peer) throw new Error(`"${name}" needs "local" and "peer"`);
    if (!Array.isArray(vnis) || !vnis.every((pair) => pair.length === 2 && pair.every(Number.isInteger)))
      throw new Error('"vnis" is a list of pairs of numbers');
    return { left, right, vnis };
  } catch (/** @type {any} */ error) {
    return end(`${path}: ${error.message}\n${HELP}`, 2);
  }
}

/** @type {(text: string, code: number) => never} */
function end(text, code) {
  (code === 0 ? console.log : console.error)(text.trimEnd());
  process.exit(code);
}
