// Receives mirrored traffic (as clouds send it, in VXLAN) and prints the flows with the most bytes, every few seconds
// and at the end. The frames are analyzed in the process: there is no TAP, and no right is needed.
//
//   node examples/top-talkers.js [PORT] [SECONDS]
import { Endpoint } from 'vtep';

const [port = '4789', seconds = '5'] = process.argv.slice(2);
const MOST_FLOWS = 10_000;
const SHOWN = 10;

/** By flow: packets and bytes. Bounded: what comes when it is full is counted as one flow of others. */
const flows = new Map();

function count(key, length) {
  let flow = flows.get(key);
  if (!flow) {
    if (flows.size >= MOST_FLOWS) key = 'others';
    flow = flows.get(key) ?? { packets: 0, bytes: 0 };
    flows.set(key, flow);
  }
  flow.packets++;
  flow.bytes += length;
}

/** `a:1 > b:2 tcp` of IPv4, else the addresses of Ethernet. */
function flowOf(memory, at, length) {
  const ip = at + 14;
  const type = (memory[at + 12] << 8) | memory[at + 13];
  if (type !== 0x0800 || length < 38) {
    const mac = (from) => Buffer.from(memory.subarray(from, from + 6)).toString('hex');
    return `${mac(at + 6)} > ${mac(at)} 0x${type.toString(16).padStart(4, '0')}`;
  }
  const address = (from) => `${memory[from]}.${memory[from + 1]}.${memory[from + 2]}.${memory[from + 3]}`;
  const protocol = memory[ip + 9];
  const l4 = ip + (memory[ip] & 15) * 4;
  const ports = (protocol === 6 || protocol === 17) && l4 + 4 <= at + length;
  const portAt = (from) => (ports ? `:${(memory[from] << 8) | memory[from + 1]}` : '');
  return `${address(ip + 12)}${portAt(l4)} > ${address(ip + 16)}${portAt(l4 + 2)} ${{ 6: 'tcp', 17: 'udp' }[protocol] ?? `ip-${protocol}`}`;
}

function print() {
  const top = [...flows].sort(([, a], [, b]) => b.bytes - a.bytes).slice(0, SHOWN);
  console.log(`${flows.size} flows`);
  for (const [key, { packets, bytes }] of top)
    console.log(`${String(bytes).padStart(12)} bytes ${String(packets).padStart(8)} packets  ${key}`);
}

const endpoint = await Endpoint.open({
  batch: `
    ip link add mirror0 type vxlan external dstport ${port}
    ip link set mirror0 up
  `,
});
// No filter: what comes in goes to the stack of the device, which is this function.
await endpoint.device('mirror0', {
  transmit(batch) {
    for (let i = 0; i < batch.count; i++) {
      count(flowOf(batch.memory, batch.offset(i), batch.length(i)), batch.length(i));
    }
  },
});
console.error(`listening on UDP port ${port}`);

const timer = setInterval(print, Number(seconds) * 1000);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    clearInterval(timer);
    await endpoint.close();
    print();
  });
}
