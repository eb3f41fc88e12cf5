/**
 * The process that listens for the pcap underlay, on the npm package cap (libpcap).
 *
 * A process of its own because the package cannot be trusted with vtep's: it ends its process by an assertion when the
 * interface goes down (cb_packets in its binding.cc), and it does not return to the event loop as long as packets
 * wait. Here the one ends a capture, which is begun anew when the interface is back, and the other holds up nothing.
 */
import { become } from '../../native/credentials.js';
import { prctl } from '../../native/libc.js';
import { PR_SET_PDEATHSIG, SIGKILL } from '../../native/socket-constants.js';
import { HANDOVER_SLOT, HandoverWriter } from '../handover/writer.js';
import { loadOptionalPackage, MissingPackageError } from '../optional-package.js';
import { NOT_OURS, OuterReader, WHOLE } from '../outer/outer-reader.js';
import { RtnetlinkClient } from '../rtnetlink/client.js';
import type { Link } from '../rtnetlink/link.js';
import { type CaptureOptions, type Confine, type FromCapture, HANDOVER_FD } from './capture-messages.js';

/**
 * Bytes of the kernel's ring. cap always asks for packets at once, and libpcap then has a slot for the longest one, 64 KB,
 * for each of them: this is room for a thousand.
 */
const RING_BYTES = 64 * 1024 * 1024;

/** What is used of cap. */
interface Cap {
  open(device: string, filter: string, bufferSize: number, buffer: Buffer): string;
  on(event: 'packet', listener: (bytes: number, truncated: boolean) => void): void;
  close(): void;
}
interface CapPackage {
  readonly Cap: new () => Cap;
}

/**
 * UDP to the port, under up to two VLAN tags, but what this host sends through the interface: that has the interface's
 * own source address. (`inbound` says it better, but libpcap applies the filter once more to the first packets, itself,
 * and knows no direction there. `vlan` moves the offsets of all that follows it, hence the nesting.)
 */
function ethernetFilter(options: CaptureOptions, mac: Uint8Array): string {
  const wanted = packetFilter(options);
  const own = Buffer.from(mac)
    .toString('hex')
    .replaceAll(/(..)(?=.)/g, '$1:');
  return `not ether src ${own} and ((${wanted}) or (vlan and ((${wanted}) or (vlan and ${wanted}))))`;
}

function packetFilter({ port, local }: CaptureOptions): string {
  return `udp dst port ${port}${local === undefined ? '' : ` and dst host ${local}`}`;
}

/** The interface; undefined where there is none, as libpcap will say. */
function linkOf(dev: string): Link | undefined {
  const client = new RtnetlinkClient();
  try {
    return client.link(dev);
  } finally {
    client.close();
  }
}

function listen(options: CaptureOptions): void {
  const { Cap } = loadOptionalPackage('cap') as CapPackage;
  const cap = new Cap();
  const buffer = Buffer.alloc(HANDOVER_SLOT);
  const writer = new HandoverWriter(HANDOVER_FD);
  const link = linkOf(options.dev);
  const reader = new OuterReader(writer.bytes.buffer, { ...options, mtu: link?.mtu ?? 65535 });
  // Empty where there is none, because frames begin with IP.
  const mac = link?.address ?? new Uint8Array(0);
  const filter = mac.length === 6 ? ethernetFilter(options, mac) : packetFilter(options);
  const linkType = cap.open(options.dev, filter, RING_BYTES, buffer);
  if (linkType !== 'ETHERNET' && linkType !== 'RAW')
    throw new Error(`frames of ${options.dev} (${linkType}) are of a kind that is not supported`);
  const isEthernet = linkType === 'ETHERNET';
  let isFlushDue = false;
  const flush = (): void => {
    isFlushDue = false;
    writer.flush();
  };
  cap.on('packet', (bytes) => {
    const at = writer.slot;
    buffer.copy(writer.bytes, at, 0, bytes);
    writer.clearRecord();
    const verdict = isEthernet
      ? reader.readFrame(at, bytes, writer.words, writer.record)
      : reader.readPacket(at, bytes, writer.words, writer.record);
    if (verdict === NOT_OURS) return;
    const refused = verdict === WHOLE ? 0 : verdict;
    writer.push(reader.payload, reader.length, refused, reader.segmentSize, reader.truncated);
    if (isFlushDue) return;
    isFlushDue = true;
    setImmediate(flush);
  });
}

function say(message: FromCapture): void {
  process.send?.(message);
}

/** What it listens with is open: nothing of what it may is needed any more. */
function confine({ confine: identity }: Confine): void {
  try {
    become(identity, []);
    say({ type: 'confined' });
  } catch (error) {
    process.send?.({ type: 'unconfined', message: String(error) } satisfies FromCapture, () => process.exit(1));
  }
}

prctl(PR_SET_PDEATHSIG, SIGKILL);
process.on('disconnect', () => process.exit());
process.once('message', (options: CaptureOptions) => {
  try {
    listen(options);
    process.on('message', confine);
    say({ type: 'listening' });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    say({ type: 'refused', message, isMissing: error instanceof MissingPackageError });
    process.disconnect();
  }
});
