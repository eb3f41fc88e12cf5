/** What an endpoint is made of, begun in its order and ended in the other. */
import type { ClassifierTable } from '../classifier/classifier.js';
import { createTable } from '../classifier/create-table.js';
import { Devices } from '../control/devices.js';
import { EventLog } from '../control/events.js';
import { Interpreter } from '../control/interpreter.js';
import { NamespaceLock } from '../control/namespace-lock.js';
import { admitObservers, tellDeaths } from '../control/observers.js';
import { asCommandError } from '../control/report.js';
import { Rules } from '../control/rules.js';
import { ControlServer } from '../control/server.js';
import { controlPath, makeSocketDirectory } from '../control/socket-path.js';
import { Datapath } from '../dataplane/datapath.js';
import { OwnWorker } from '../dataplane/own-worker.js';
import { startProbes } from '../io/probe/start-probes.js';
import { SYSTEM_CLOCK } from '../memory/clock.js';
import { DeviceCounter } from '../memory/counters.js';
import { GATHER_BYTES } from './frame-reader.js';
import { PacketUnderlays } from './packet-underlays.js';
import { ProcessHost } from './process-host.js';
import type { LinkCounts } from './process-links.js';
import type { EndpointOptions } from './types.js';

const QUEUE_BYTES = 4 * 1024 * 1024;
const TUN = '/dev/net/tun';

export interface Parts {
  readonly datapath: Datapath;
  /** The worker on this thread; undefined where they have threads of their own. */
  readonly own: OwnWorker | undefined;
  readonly host: ProcessHost;
  readonly devices: Devices;
  readonly rules: Rules;
  readonly interpreter: Interpreter;
  readonly events: EventLog;
  readonly packets: PacketUnderlays | undefined;
  readonly log: (line: string) => void;
  /** Ends all of it, whatever of it fails; with `undo` nothing new is to stay. */
  end(undo: boolean): Promise<void>;
}

/** Throws what refuses, with everything undone. */
export async function beginParts(options: EndpointOptions): Promise<Parts> {
  const { log = () => undefined, underlay = 'udp', devices: where = 'process', workers = 0 } = options;
  const { queueBytes = QUEUE_BYTES } = options;
  const stopping = new AbortController();
  const endings: ((undo: boolean) => Promise<void>)[] = [];
  const end = async (undo: boolean): Promise<void> => {
    stopping.abort();
    for (const one of endings.reverse()) {
      try {
        await one(undo);
      } catch (error) {
        log(`vtep: ${asCommandError(error).message}`);
      }
    }
  };
  try {
    const path = controlOf(options);
    if (path !== undefined) {
      makeSocketDirectory(path);
      const lock = NamespaceLock.take(path);
      endings.push(async () => lock.release());
    }
    const packets = underlay === 'udp' ? undefined : new PacketUnderlays(underlay, queueBytes);
    const { datapath, own } = await beginDatapath(workers, packets, options.seed);
    endings.push(() => datapath.stop());
    tellDeaths(datapath, log);
    for (const note of startProbes().notes) log(note);
    const events = new EventLog();
    const counts = (ifindex: number): LinkCounts | undefined => countsOf(devices, datapath, ifindex);
    const host = new ProcessHost({
      all: where === 'process',
      hasKernel: packets === undefined,
      tun: TUN,
      queueBytes,
      counts,
      ...(packets && { openUnderlay: packets.openUnderlay }),
    });
    const vanished = (index: number): void => {
      interpreter.vanished(index).catch((error: unknown) => log(asCommandError(error).message));
    };
    const devices: Devices = new Devices(datapath, { tun: TUN, log, logOnce: log, vanished, events, host });
    endings.push((undo) => devices.close(undo));
    const newTable = (): ClassifierTable => createTable('tuple-space');
    const rules = new Rules(datapath, devices.registry, newTable, events);
    datapath.on('note', (row) => {
      const note = rules.actions.noteOf(row);
      if (note !== undefined) log(note);
    });
    const interpreter: Interpreter = new Interpreter(
      devices,
      rules,
      datapath.counters.sets,
      stopping.signal,
      events,
      host.tool,
    );
    const observers = admitObservers(interpreter, { datapath, devices, rules });
    endings.push(async () => observers.close());
    endings.push(() => interpreter.idle());
    if (path !== undefined) {
      const server = await ControlServer.listen(
        path,
        (argv, say, until) => interpreter.request(argv, say, until),
        (batch, say) => interpreter.batch(batch, say),
      );
      endings.push(() => server.close());
    }
    return { datapath, own, host, devices, rules, interpreter, events, packets, log, end };
  } catch (error) {
    await end(true);
    throw error;
  }
}

async function beginDatapath(
  workers: number,
  packets: PacketUnderlays | undefined,
  seed: number | undefined,
): Promise<{ readonly datapath: Datapath; readonly own: OwnWorker | undefined }> {
  if (workers > 0) return { datapath: await Datapath.start({ coalesce: true, workers }), own: undefined };
  let own: OwnWorker | undefined;
  const datapath = await Datapath.start({
    coalesce: true,
    newWorker: (start, owner) => {
      own = new OwnWorker(start, owner, { turned: () => packets?.flush() }, GATHER_BYTES + 4096);
      return own;
    },
  });
  const engine = own?.worker.engine;
  // Where packets go is no business of the kernel's.
  if (packets) engine?.setRoutes(null);
  if (seed !== undefined) engine?.makeRepeatable(SYSTEM_CLOCK, seed);
  return { datapath, own };
}

function controlOf({ control, devices = 'process' }: EndpointOptions): string | undefined {
  if (typeof control === 'string') return control;
  return (control ?? devices === 'host') ? controlPath() : undefined;
}

/** What the host would have counted: received is what has been written to it. */
function countsOf({ registry }: Devices, { counters }: Datapath, ifindex: number): LinkCounts | undefined {
  const device = registry.list().find((one) => one.ifindex === ifindex);
  if (!device || device.vxlan) return undefined;
  const value = (counter: number): number => counters.deviceValue(device.index, counter);
  return {
    rxPackets: value(DeviceCounter.TX_PACKETS),
    rxBytes: value(DeviceCounter.TX_BYTES),
    txPackets: value(DeviceCounter.RX_PACKETS),
    txBytes: value(DeviceCounter.RX_BYTES),
    txDropped: value(DeviceCounter.RX_DROPPED),
  };
}
