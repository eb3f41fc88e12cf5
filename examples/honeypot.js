// A VXLAN honeypot: takes every VNI of everybody, answers nothing, and writes a line of JSON for each frame: who sent
// it, under which VNI, and what was inside. Where nobody reads as fast as frames come, lines are left out and counted.
import { parseArgs } from 'node:util';
import { Endpoint } from 'vtep';

const HELP = `usage: node honeypot.js [--port 4789] [--address ADDRESS] [--bytes 64]
  --port     the UDP port to listen on
  --address  the address to listen on; else all of this host's
  --bytes    how many bytes of each frame are written, in hexadecimal
`;
const { port, address, bytes: firstBytes, help } = read({ port: '4789', address: '', bytes: '64', help: false });
if (help) end(HELP, 0);

const PROTOCOLS = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6' };
/** Bytes that may wait for whoever reads our lines. */
const MOST_WAITING = 4 * 1024 * 1024;

/** What is inside, as far as it is IPv4 or IPv6: protocol, addresses, and the ports of TCP and UDP. */
function describe(frame) {
  const type = frame.length < 14 ? 0 : frame.readUInt16BE(12);
  const isFour = type === 0x0800 && frame.length >= 34;
  if (!isFour && !(type === 0x86dd && frame.length >= 54))
    return { protocol: `0x${type.toString(16).padStart(4, '0')}` };
  const number = frame[isFour ? 23 : 20];
  const l4 = isFour ? 14 + (frame[14] & 15) * 4 : 54;
  const hasPorts = (number === 6 || number === 17) && frame.length >= l4 + 4;
  return {
    protocol: PROTOCOLS[number] ?? `ip-${number}`,
    innerSource: isFour ? frame.subarray(26, 30).join('.') : ipv6(frame.subarray(22, 38)),
    innerDestination: isFour ? frame.subarray(30, 34).join('.') : ipv6(frame.subarray(38, 54)),
    ...(hasPorts && { innerSourcePort: frame.readUInt16BE(l4), innerDestinationPort: frame.readUInt16BE(l4 + 2) }),
  };
}

const ipv6 = (bytes) => bytes.toString('hex').replace(/(....)(?!$)/g, '$1:');

const endpoint = await Endpoint.open({ log: (line) => console.error(line) });
const caught = endpoint.reason('caught', 'the honeypot has written it down');
const unwritten = endpoint.reason('unwritten', 'the honeypot had no room for another line');

endpoint.action('write-down', (batch) => {
  const time = new Date().toISOString();
  let lines = '';
  for (let i = 0; i < batch.count; i++) {
    const isFull = process.stdout.writableLength + lines.length > MOST_WAITING;
    batch.drop(i, isFull ? unwritten : caught);
    if (isFull) continue;
    const { vni, source, sourcePort } = batch.tunnel(i) ?? {};
    // Borrowed until this function returns: what is written is made of it here.
    const frame = Buffer.from(batch.memory.buffer, batch.bytes(i).byteOffset, batch.length(i));
    const bytes = frame.toString('hex', 0, Number(firstBytes));
    lines += `${JSON.stringify({ time, source, sourcePort, vni, ...describe(frame), length: frame.length, bytes })}\n`;
  }
  if (lines !== '') process.stdout.write(lines);
});

await endpoint
  .batch(`
    ip link add vxlan0 type vxlan external dstport ${port}${address === '' ? '' : ` local ${address}`}
    tc qdisc add dev vxlan0 ingress
    tc filter add dev vxlan0 ingress protocol all pref 1 flower action write-down
    ip link set vxlan0 up
  `)
  .catch((error) => end(error.message, 1));
console.error(`listening on UDP port ${port}`);

async function stop() {
  for (const { reason, count } of await endpoint.drops()) console.error(`${reason} ${count}`);
  await endpoint.close();
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
// Whoever read our lines has gone.
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
