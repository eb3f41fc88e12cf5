// A VXLAN honeypot: takes every VNI of everybody, answers nothing, and writes a line of JSON for each frame:
// who sent it, under which VNI, which protocol is inside, and its first bytes.
//
//   node examples/honeypot.js [PORT] [ADDRESS]
import { Endpoint } from 'vtep';

const [port = '4789', address] = process.argv.slice(2);
const FIRST_BYTES = 64;
const PROTOCOLS = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6' };

/** The inner protocol: of IP its name or number, else the EtherType in hexadecimal. */
function protocolOf(frame) {
  const type = (frame[12] << 8) | frame[13];
  const number = type === 0x0800 ? frame[23] : type === 0x86dd ? frame[20] : undefined;
  return number === undefined ? `0x${type.toString(16).padStart(4, '0')}` : (PROTOCOLS[number] ?? `ip-${number}`);
}

const endpoint = await Endpoint.open({ log: (line) => console.error(line) });
const caught = endpoint.reason('caught', 'the honeypot has written it down');

endpoint.action('write-down', (batch) => {
  let lines = '';
  for (let i = 0; i < batch.count; i++) {
    const { vni, source, sourcePort } = batch.tunnel(i) ?? {};
    const frame = batch.bytes(i);
    const bytes = Buffer.from(frame.subarray(0, FIRST_BYTES)).toString('hex');
    lines += `${JSON.stringify({ time: new Date().toISOString(), source, sourcePort, vni, protocol: protocolOf(frame), length: frame.length, bytes })}\n`;
    batch.drop(i, caught);
  }
  process.stdout.write(lines);
});

await endpoint.batch(`
  ip link add vxlan0 type vxlan external dstport ${port}${address === undefined ? '' : ` local ${address}`}
  tc qdisc add dev vxlan0 ingress
  tc filter add dev vxlan0 ingress protocol all pref 1 flower action write-down
  ip link set vxlan0 up
`);
console.error(`listening on UDP port ${port}`);

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void endpoint.close());
