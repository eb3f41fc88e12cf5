/** Opening the underlays of a vxlan device that are not UDP sockets: `underlay raw` and `underlay pcap`. */
import { MissingPackageError } from '../io/optional-package.js';
import { Capture, CaptureError } from '../io/pcap/capture.js';
import { openRawSockets } from '../io/raw/sockets.js';
import type { UnderlayParts } from '../io/underlay-parts.js';
import { formatIp } from '../iproute/address.js';
import { CommandError, type VxlanOptions } from '../iproute/commands.js';
import { vxlanFamilies } from '../iproute/vxlan-options.js';
import type { Identity } from '../native/credentials.js';
import { EAFNOSUPPORT, EPERM, errnoText, SystemError } from '../native/errno.js';
import { rtnetlinkAnswers } from './refusal.js';

export interface OpenedUnderlay {
  /** For each worker. Groups are joined through the first one's. */
  readonly parts: readonly UnderlayParts[];
  /** Has the processes that it takes become another user; absent: it takes none. */
  confine?(identity: Identity): Promise<void>;
  /** Closes everything, once the worker has let go of it. */
  close(): void | Promise<void>;
}

export interface UnderlayBuffers {
  /** Bytes asked of each receive queue, and of each send queue. */
  readonly receiveBuffer: number;
  readonly sendBuffer: number;
}

/**
 * Opens what the options ask for. The first of `workers` receives what the one producer hands over; all of them send. Throws CommandError, in the kernel's words where they are the kernel's, and leaves
 * nothing open then. `log` is told what becomes of it later.
 */
export async function openOtherUnderlay(
  kind: 'raw' | 'pcap',
  options: VxlanOptions,
  buffers: UnderlayBuffers,
  workers: number,
  log: (line: string) => void,
): Promise<OpenedUnderlay> {
  try {
    return kind === 'raw' ? openRaw(options, buffers, workers) : await openPcap(options, buffers, workers, log);
  } catch (error) {
    throw asAnswer(kind, options, error);
  }
}

const NEEDS_RAW =
  'it needs CAP_NET_RAW: run as root, or in a user namespace; behind --user, --keep-caps net_raw keeps it';

function asAnswer(kind: 'raw' | 'pcap', { dev = '' }: VxlanOptions, error: unknown): unknown {
  if (error instanceof MissingPackageError || (error instanceof CaptureError && error.isMissing))
    return new CommandError(`vtep: ${error.message}`, 2);
  if (error instanceof CaptureError) {
    const hint = /permi(t|ss)/i.test(error.message) ? ` (${NEEDS_RAW})` : '';
    return new CommandError(`vtep: underlay pcap on ${dev}: ${error.message}${hint}`, 2);
  }
  // The package raw-socket tells it in words alone.
  const isRaws = kind === 'raw' && error instanceof Error && error.message === errnoText(EPERM);
  if (isRaws || (error instanceof SystemError && error.errno === EPERM))
    return new CommandError(`vtep: underlay ${kind}: ${NEEDS_RAW}`, 2);
  if (error instanceof SystemError) return rtnetlinkAnswers(errnoText(error.errno));
  return error;
}

/** The address that the device is bound to, unless it is "any". */
function boundTo({ local }: VxlanOptions): Uint8Array | undefined {
  return local?.some((byte) => byte !== 0) ? local : undefined;
}

function openRaw(options: VxlanOptions, buffers: UnderlayBuffers, workers: number): OpenedUnderlay {
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
    const close = (): void => sockets.close();
    try {
      const parts = Array.from({ length: workers }, (_, worker): UnderlayParts => {
        return { kind: 'raw', families: worker === 0 ? sockets.families : sockets.senders() };
      });
      return { parts, close };
    } catch (error) {
      close();
      throw error;
    }
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
  workers: number,
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
  const parts = Array.from({ length: workers }, (_, worker): UnderlayParts => {
    return { kind: 'pcap', receiveFd: worker === 0 ? capture.receiveFd : -1 };
  });
  return { parts, confine: (identity) => capture.confine(identity), close: () => capture.close() };
}
