/**
 * firewall on|off: has nf_tables refuse every IPv4 packet that this network namespace sends, or lets them pass again. The
 * system's nft does not have to be installed: two messages of the netlink family are all it takes. Prints `no nf_tables`
 * and ends with 3 where the kernel has none.
 *
 * It calls the C library by itself: a test's tool should not stand on the code under test.
 */
import koffi from 'koffi';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;
/** linux/netfilter/nfnetlink.h, nf_tables.h. */
const NFT = 10;
const BATCH_BEGIN = 0x10;
const BATCH_END = 0x11;
const NEW_TABLE = (NFT << 8) | 0;
const DEL_TABLE = (NFT << 8) | 2;
const NEW_CHAIN = (NFT << 8) | 3;
const REQUEST = 0x001;
const ACK = 0x004;
const CREATE = 0x400;
const ERROR = 2;
const NESTED = 0x8000;
const NF_INET_LOCAL_OUT = 3;
const NF_DROP = 0;
const AF_INET = 2;
const EPROTONOSUPPORT = 93;
const TABLE = 'vtep-test';

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const send = libc.func('long send(int, void *, size_t, int)');
const recv = libc.func('long recv(int, void *, size_t, int)');

function attribute(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(4 + value.length, 0);
  head.writeUInt16LE(type, 2);
  return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
}

const text = (type: number, value: string): Buffer => attribute(type, Buffer.from(`${value}\0`));

function word(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return attribute(type, bytes);
}

function message(type: number, flags: number, family: number, resource: number, ...attributes: Buffer[]): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt16LE(type, 4);
  head.writeUInt16LE(REQUEST | flags, 6);
  head.writeUInt8(family, 16);
  head.writeUInt16BE(resource, 18);
  const whole = Buffer.concat([head, ...attributes]);
  whole.writeUInt32LE(whole.length, 0);
  return whole;
}

const on = [
  message(NEW_TABLE, CREATE | ACK, AF_INET, 0, text(1, TABLE)),
  message(
    NEW_CHAIN,
    CREATE | ACK,
    AF_INET,
    0,
    text(1, TABLE),
    text(3, 'out'),
    attribute(4 | NESTED, Buffer.concat([word(1, NF_INET_LOCAL_OUT), word(2, 0)])),
    word(5, NF_DROP),
    text(7, 'filter'),
  ),
];
const off = [message(DEL_TABLE, ACK, AF_INET, 0, text(1, TABLE))];
const asked = process.argv[2] === 'on' ? on : off;
const batch = Buffer.concat([message(BATCH_BEGIN, 0, 0, NFT), ...asked, message(BATCH_END, 0, 0, NFT)]);

function absent(): never {
  process.stdout.write('no nf_tables\n');
  process.exit(3);
}

const fd = Number(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
if (fd < 0) {
  if (koffi.errno() === EPROTONOSUPPORT) absent();
  throw new Error(`socket: errno ${koffi.errno()}`);
}
if (Number(send(fd, batch, batch.length, 0)) < 0) throw new Error(`send: errno ${koffi.errno()}`);
for (let left = asked.length; left > 0; ) {
  const answer = Buffer.alloc(8192);
  const length = Number(recv(fd, answer, answer.length, 0));
  if (length < 0) throw new Error(`recv: errno ${koffi.errno()}`);
  for (let at = 0; at + 20 <= length; at += (answer.readUInt32LE(at) + 3) & -4) {
    if (answer.readUInt16LE(at + 4) !== ERROR) continue;
    const errno = -answer.readInt32LE(at + 16);
    // A kernel without them does not know of whom the batch speaks, or what a chain of that type is.
    if (errno === 95 || errno === 22 || errno === 2) absent();
    if (errno !== 0) throw new Error(`nf_tables: errno ${errno}`);
    left--;
  }
}
