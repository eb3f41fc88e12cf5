/** Opening the underlays of a vxlan device that are not UDP sockets: `underlay raw` and `underlay pcap`. */
import { MissingPackageError } from '../io/optional-package.js';
import { Capture, CaptureError } from '../io/pcap/capture.js';
import { openRawSockets } from '../io/raw/sockets.js';
import type { UnderlayParts } from '../io/underlay-parts.js';
import { formatIp } from '../iproute/address.js';
import { CommandError, type VxlanOptions } from '../iproute/commands.js';
import { vxlanFamilies } from '../iproute/vxlan-options.js';
import { EAFNOSUPPORT, EPERM, errnoText, SystemError } from '../native/errno.js';
import { rtnetlinkAnswers } from './refusal.js';

export interface OpenedUnderlay {
  /** For the worker. */
  readonly parts: UnderlayParts;
  /** Closes everything, once the worker has let go of it. */
  close(): void | Promise<void>;
}

export interface UnderlayBuffers {
  /** Bytes asked of each receive queue, and of each send queue. */
  readonly receiveBuffer: number;
  readonly sendBuffer: number;
}

/**
 * Opens what the options ask for. Throws CommandError, in the kernel's words where they are the kernel's, and leaves
 * nothing open then. `log` is told what becomes of it later.
 */
export async function openOtherUnderlay(
  kind: 'raw' | 'pcap',
  options: VxlanOptions,
  buffers: UnderlayBuffers,
  log: (line: string) => void,
): Promise<OpenedUnderlay> {
  try {
    return kind === 'raw' ? openRaw(options, buffers) : await openPcap(options, buffers, log);
  } catch (error) {
    throw asAnswer(kind, options, error);
  }
}

function asAnswer(kind: 'raw' | 'pcap', { dev = '' }: VxlanOptions, error: unknown): unknown {
  if (error instanceof MissingPackageError || (error instanceof CaptureError && error.isMissing))
    return new CommandError(`vtep: ${error.message}`, 2);
  if (error instanceof CaptureError) return new CommandError(`vtep: underlay pcap on ${dev}: ${error.message}`, 2);
  if (error instanceof SystemError && error.errno === EPERM)
    return new CommandError(`vtep: underlay ${kind} needs CAP_NET_RAW`, 2);
  if (error instanceof SystemError) return rtnetlinkAnswers(errnoText(error.errno));
  return error;
}

/** The address that the device is bound to, unless it is "any". */
function boundTo({ local }: VxlanOptions): Uint8Array | undefined {
  return local?.some((byte) => byte !== 0) ? local : undefined;
}

function openRaw(options: VxlanOptions, buffers: UnderlayBuffers): OpenedUnderlay {
  const local = boundTo(options);
  const { srcport, dstport, udp6zerocsumrx } = options;
  const open = (families: readonly (4 | 6)[]): OpenedUnderlay => {
    const sockets = openRawSockets({
      families,
      port: dstport,
      ...buffers,
      udp6ZeroChecksumReceive: udp6zerocsumrx,
      ...(local === undefined ? {} : { local }),
      ...(srcport === undefined || srcport[0] === 0 ? {} : { sourcePortRange: srcport }),
    });
    return { parts: { kind: 'raw', families: sockets.families }, close: () => sockets.close() };
  };
  const families = vxlanFamilies(options);
  try {
    return open(families);
  } catch (error) {
    // As vxlan_open: a device of both does without IPv6 where the host does.
    const isOptional = families.length > 1 && error instanceof SystemError && error.errno === EAFNOSUPPORT;
    if (!isOptional) throw error;
    return open([4]);
  }
}

async function openPcap(
  options: VxlanOptions,
  { receiveBuffer }: UnderlayBuffers,
  log: (line: string) => void,
): Promise<OpenedUnderlay> {
  const { dev = '', dstport, udp6zerocsumrx } = options;
  const local = boundTo(options);
  const capture = await Capture.open({
    dev,
    port: dstport,
    ...(local === undefined ? {} : { local: formatIp(local) }),
    receiveBuffer,
    udp6ZeroChecksum: udp6zerocsumrx,
    log,
  });
  return { parts: { kind: 'pcap', receiveFd: capture.receiveFd }, close: () => capture.close() };
}
