// Receives mirrored traffic (as clouds and switches send it, in VXLAN) and writes the frames as a pcap to standard
// output, for whatever analyzes them:
//
//   node mirror-to-pcap.js | tshark -r -
//   node mirror-to-pcap.js --vni 4 | suricata -r /dev/stdin
//
// Where the analyzer is slower than the traffic, frames are left out and counted; nothing is sent back to the mirror.
import { parseArgs } from 'node:util';
import { Endpoint } from 'vtep';

const HELP = `usage: node mirror-to-pcap.js [--port 4789] [--address ADDRESS] [--vni N] > FILE.pcap
  --port     the UDP port to listen on
  --address  the address to listen on; else all of this host's
  --vni      only frames of this VNI; else of all
`;
const { port, address, vni, help } = read({ port: '4789', address: '', vni: '', help: false });
if (help) end(HELP, 0);
if (process.stdout.isTTY) end(`A pcap is nothing for a terminal.\n${HELP}`, 2);

/** Bytes that may wait for the analyzer. */
const MOST_WAITING = 16 * 1024 * 1024;
const LINKTYPE_ETHERNET = 1;

const header = Buffer.alloc(24);
header.writeUInt32LE(0xa1b2c3d4, 0);
header.writeUInt16LE(2, 4);
header.writeUInt16LE(4, 6);
header.writeUInt32LE(262144, 16);
header.writeUInt32LE(LINKTYPE_ETHERNET, 20);
process.stdout.write(header);

const endpoint = await Endpoint.open({ log: (line) => console.error(line) });
const slow = endpoint.reason('analyzer-slow', 'the analyzer had not read what came before');
await endpoint
  .batch(`
    ip link add mirror0 type vxlan external dstport ${port}${address === '' ? '' : ` local ${address}`}
    ip link add analyzer0 type tap
    ip link set analyzer0 up
    tc qdisc add dev mirror0 ingress
    tc filter add dev mirror0 ingress protocol all pref 1 flower ${vni === '' ? '' : `enc_key_id ${vni} `}action tunnel_key unset action mirred egress redirect dev analyzer0
    tc filter add dev mirror0 ingress protocol all pref 2 flower action drop
    ip link set mirror0 up
  `)
  .catch((error) => end(error.message, 1));

let written = 0;
await endpoint.device('analyzer0', {
  transmit(batch) {
    const now = Date.now();
    let room = MOST_WAITING - process.stdout.writableLength;
    let bytes = 0;
    for (let i = 0; i < batch.count; i++) bytes += 16 + batch.length(i);
    // One piece of memory a batch, which is ours: frames are borrowed only until this function returns.
    const records = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (let i = 0; i < batch.count; i++) {
      const length = batch.length(i);
      room -= 16 + length;
      if (room < 0) {
        batch.drop(i, slow);
        continue;
      }
      records.writeUInt32LE(Math.floor(now / 1000), at);
      records.writeUInt32LE((now % 1000) * 1000, at + 4);
      records.writeUInt32LE(length, at + 8);
      records.writeUInt32LE(length, at + 12);
      records.set(batch.bytes(i), at + 16);
      at += 16 + length;
      written++;
    }
    if (at > 0) process.stdout.write(records.subarray(0, at));
  },
});
console.error(`listening on UDP port ${port}`);

async function stop() {
  console.error(`${written} frames written`);
  for (const { device, reason, count } of await endpoint.drops()) console.error(`${device} ${reason} ${count}`);
  await endpoint.close();
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
// The analyzer has gone.
process.stdout.on('error', stop);

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
