/**
 * add-vxlan NAME MAC ATTRIBUTE=HEX…: makes a kernel vxlan device of these attributes of IFLA_INFO_DATA (decimal
 * numbers, as in linux/if_link.h): what the machine's iproute2 has no words for. RTM_NEWLINK of rtnetlink(7).
 *
 * It calls the C library by itself: a test's tool should not stand on the code under test.
 */
import koffi from 'koffi';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const RTM_NEWLINK = 16;
const REQUEST_ACK_CREATE_EXCL = 0x605;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const send = libc.func('intptr_t send(int, const void *, size_t, int)');
const recv = libc.func('intptr_t recv(int, _Out_ uint8_t *, size_t, int)');

function attribute(type: number, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4 + Math.ceil(data.length / 4) * 4);
  bytes.writeUInt16LE(4 + data.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(data, 4);
  return bytes;
}

const [name = '', mac = '', ...given] = process.argv.slice(2);
const data = given.map((word) => {
  const [type = '', hex = ''] = word.split('=');
  return attribute(Number(type), Buffer.from(hex, 'hex'));
});
const body = Buffer.concat([
  Buffer.alloc(16), // struct ifinfomsg
  attribute(IFLA_IFNAME, Buffer.from(`${name}\0`)),
  attribute(IFLA_ADDRESS, Buffer.from(mac.replaceAll(':', ''), 'hex')),
  attribute(
    IFLA_LINKINFO,
    Buffer.concat([attribute(IFLA_INFO_KIND, Buffer.from('vxlan')), attribute(IFLA_INFO_DATA, Buffer.concat(data))]),
  ),
]);
const header = Buffer.alloc(16); // struct nlmsghdr
header.writeUInt32LE(16 + body.length, 0);
header.writeUInt16LE(RTM_NEWLINK, 4);
header.writeUInt16LE(REQUEST_ACK_CREATE_EXCL, 6);
const request = Buffer.concat([header, body]);
const fd = socket(AF_NETLINK, SOCK_RAW, 0);
const answer = Buffer.alloc(4096);
if (fd < 0 || send(fd, request, request.length, 0) < 0 || recv(fd, answer, answer.length, 0) < 20) {
  throw new Error(`rtnetlink: errno ${koffi.errno()}`);
}
const error = answer.readInt32LE(16);
if (error !== 0) throw new Error(`rtnetlink: errno ${-error}`);
