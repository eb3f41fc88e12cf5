/** The running daemon as what a state is taken of, and given back to. */
import type { Datapath } from '../dataplane/datapath.js';
import { RtnetlinkClient } from '../io/rtnetlink/client.js';
import { actionKinds } from '../iproute/action-kinds.js';
import { VXLAN_AGEING, vxlanLearns } from '../iproute/vxlan-options.js';
import { type Device, isHere } from './device-registry.js';
import type { Devices } from './devices.js';
import {
  type EndpointState,
  type StateEndpoint,
  type StatefulDevice,
  takeState,
  takeStateInSlices,
} from './endpoint-state.js';
import { addressBytes } from './fdb-entries.js';
import { type RestoreTarget, reportSentence, restoreState } from './restore-state.js';
import type { Rules } from './rules.js';
import { momentNow } from './state-file.js';

export interface StatefulParts {
  readonly datapath: Datapath;
  readonly devices: Devices;
  readonly rules: Rules;
}

/** What it has counted and learned. The counters that the kernel keeps must be up to date (`refreshCounters`). */
export function stateNow(parts: StatefulParts): EndpointState {
  return withLinks((links) => takeState(endpointOf(parts, links), momentNow()));
}

/** As `stateNow`, with other work between; the filters have to stay the same meanwhile. */
export async function stateInSlices(parts: StatefulParts): Promise<EndpointState> {
  const links = new RtnetlinkClient();
  try {
    return await takeStateInSlices(endpointOf(parts, links), momentNow());
  } finally {
    links.close();
  }
}

/** Gives a state back; resolves with what became of it, as a sentence. */
export async function giveBack(state: EndpointState, parts: StatefulParts): Promise<string> {
  const links = new RtnetlinkClient();
  try {
    const report = await restoreState(state, targetOf(parts, links), momentNow());
    // Some of it may be due soon.
    parts.devices.forwarding.upkeep.age();
    return reportSentence(report);
  } finally {
    links.close();
  }
}

function withLinks<T>(work: (links: RtnetlinkClient) => T): T {
  const links = new RtnetlinkClient();
  try {
    return work(links);
  } finally {
    links.close();
  }
}

/** TAPs of mirror receivers come and go by themselves, and begin anew. */
function statefulDevices({ devices }: StatefulParts): StatefulDevice[] {
  const own = devices.registry.list().filter((device) => isHere(device) && !device.mirror);
  return [...own, ...devices.hostPorts.list()];
}

function endpointOf(parts: StatefulParts, links: RtnetlinkClient): StateEndpoint {
  const { datapath, rules } = parts;
  return {
    devices: statefulDevices(parts),
    rules,
    counters: datapath.counters,
    actionCounters: datapath.actionCounters,
    fdb: datapath.fdb,
    interfaceName: (ifindex) => links.link(ifindex)?.name,
  };
}

function targetOf(parts: StatefulParts, links: RtnetlinkClient): RestoreTarget {
  const { datapath, devices, rules } = parts;
  return {
    devices: statefulDevices(parts),
    rules,
    fdb: datapath.fdb,
    interfaceName: (ifindex) => links.link(ifindex)?.name,
    interfaceIndex: (name) => links.link(name)?.index,
    findAction: (kind, index) => {
      const known = actionKinds.find((each) => each === kind);
      return known && rules.actions.find(known, index);
    },
    learns: ({ index }, vni, bytes) => {
      const device = devices.registry.get(index);
      return device && keeps(device, vni, bytes);
    },
    restoreHostQueue: (index, packets) => devices.restoreHostQueue(index, packets),
    addCounts: (counts) => datapath.apply({ type: 'restore-counts', counts }),
  };
}

/** For how many seconds a device keeps what it has learned of a VNI; undefined: it learns nothing of it. */
function keeps({ vxlan, filter, sockets }: Device, vni: number, bytes: number): number | undefined {
  if (!vxlan || sockets?.isOpen !== true || !vxlanLearns(vxlan) || addressBytes(vxlan) !== bytes) return undefined;
  const takes = filter ? filter.has(vni) : vni === (vxlan.id ?? 0);
  return takes ? (vxlan.ageing ?? VXLAN_AGEING) : undefined;
}
