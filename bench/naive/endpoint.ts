/**
 * endpoint TAP LOCAL REMOTE VNI PORT: the VXLAN endpoint that one writes first. One datagram is received, its frame is
 * written to the TAP; one frame is read from the TAP, its datagram is sent. No batch, no coalescing, no offload, no
 * rule, one thread. It is the baseline of the benchmark: what batching and merging are worth is the distance to it.
 *
 * It receives and sends through the package raw-socket where that is installed, which is how a Node.js program
 * without FFI gets at packets; else through a plain UDP socket of the C library. Prints `ready VARIANT`.
 */
import { runOnRawSocket } from './raw-socket.js';
import { openPlainTap } from './tap.js';
import { runOnUdpSocket } from './udp-socket.js';

const [tapName = '', local = '', remote = '', vni = '', port = ''] = process.argv.slice(2);
const link = { tap: openPlainTap(tapName), local, remote, vni: Number(vni), port: Number(port) };
const ready = (variant: string): void => console.log(`ready ${variant}`);

const onRawSocket = process.env.VTEP_NAIVE === 'udp' ? false : await runOnRawSocket(link, ready);
if (!onRawSocket) runOnUdpSocket(link, ready);
