/** Mistakes that are often made, pointed out by name. */
import { KEY_TUNNEL, KEY_WORDS } from '../../classifier/flow-key.js';
import type { Filter } from '../../control/filter.js';
import { unreachedAction } from '../../control/lint/unreached-action.js';
import type { ReasonName } from '../../memory/reasons.js';
import type { LocalEndpoint } from '../local-endpoint.js';
import type { Arrival } from './flow-words.js';
import type { StepReport } from './report.js';
import { outerWords } from './sentences.js';
import type { PacketState } from './watch.js';

/** Filters that look at metadata where there is none. */
export function* hookHints(
  endpoint: LocalEndpoint,
  name: string,
  hook: 'ingress' | 'egress',
  filters: Iterable<Filter>,
  { tunnel }: PacketState,
): Generator<string> {
  if (tunnel) return;
  const blind = [...filters].filter(looksAtTunnel);
  const [first] = blind;
  if (!first) return;
  const more = blind.length === 1 ? '' : ` and ${blind.length - 1} more`;
  const rules = `filters there with enc_* keys (pref ${first.pref} handle 0x${first.handle.toString(16)}${more})`;
  const device = endpoint.devices.get(name);
  if (device?.vxlan && !device.vxlan.external) {
    yield `${name} is not external: it hands on no tunnel metadata, so ${rules} never match. Make it with "ip link add ${name} type vxlan external …", or leave these keys out`;
  } else if (device?.kind === 'tap' && hook === 'ingress') {
    yield `what the host sends on ${name} has no tunnel metadata, so ${rules} never match`;
  } else {
    yield `the packet has no tunnel metadata at the ${hook} of ${name} (it never had, or "tunnel_key unset" took it), so ${rules} do not match it`;
  }
}

function looksAtTunnel({ shape }: Filter): boolean {
  for (let word = KEY_TUNNEL; word < KEY_WORDS; word++) if (shape.words[word] !== 0) return true;
  return false;
}

/** What a filter that was met says, and does not do. */
export function* filterHints({ pref, handle, actions }: Filter): Generator<string> {
  const found = unreachedAction(actions.map(({ content }) => content));
  if (found)
    yield `of pref ${pref} handle 0x${handle.toString(16)} ${found.sentence.replace(/^its /, '')}: ${found.remedy}`;
}

/** Why nobody took what came. */
export function* arrivalHints({ devices }: LocalEndpoint, arrival: Arrival, isTaken: boolean): Generator<string> {
  if (arrival.from === 'host') {
    const { name, up } = arrival.device;
    if (!up) yield `${name} is down, and takes no frames: "ip link set ${name} up"`;
    return;
  }
  if (isTaken) return;
  const outer = outerWords(arrival.bytes);
  if (!outer?.ports) {
    yield 'it is not UDP, and so for no vxlan device';
    return;
  }
  const { destination: port } = outer.ports;
  const tunnels = [...devices.values()].flatMap(({ name, vxlan, up }) => (vxlan ? [{ name, vxlan, up }] : []));
  const fit = tunnels.filter(({ vxlan }) => vxlan.dstport === port);
  for (const { name, up } of fit) {
    yield up
      ? `${name} receives on port ${port}, but not at address ${outer.destination}`
      : `${name} is down, and receives nothing: "ip link set ${name} up"`;
  }
  if (fit.length > 0) return;
  const ports = tunnels.map(({ name, vxlan }) => `${name} receives on port ${vxlan.dstport}`);
  yield `it is for UDP port ${port}; ${ports.length === 0 ? 'there is no vxlan device' : ports.join(', ')}`;
}

const NO_NEIGHBOURS = 'a trace knows no neighbours of the host (ip neigh), by which a vtep that runs answers';

const REMEDIES: Partial<Record<ReasonName, (device: string) => string>> = {
  'tap-unmatched': (device) =>
    `no filter at the ingress of ${device} took the frame, and nothing else would: add one, such as "… flower action mirred egress redirect dev DEV"`,
  'proxy-silent': () => NO_NEIGHBOURS,
  'no-tunnel-metadata': (device) =>
    `${device} is external, and needs to be told where to: "action tunnel_key set src_ip … dst_ip … id …" before the redirect`,
};

/** What a trace does not have. */
export function* missingHints({ devices }: LocalEndpoint, steps: readonly StepReport[]): Generator<string> {
  for (const step of steps) {
    const prefix = step.kind === 'hook' ? devices.get(step.device)?.vxlan?.tapPrefix : undefined;
    if (step.kind !== 'hook' || prefix === undefined) continue;
    yield `${step.device} gives each VNI a TAP of its own (${prefix}…), where the frame would go unless a filter said otherwise; a trace has none of them`;
  }
}

/** What to do about how it ended. */
export function* outcomeHints(steps: readonly StepReport[]): Generator<string> {
  for (const step of steps) {
    if (step.kind === 'reason') {
      const remedy = REMEDIES[step.reason as ReasonName];
      if (remedy) yield remedy(step.device);
    } else if (step.kind === 'hook' || step.kind === 'action') yield* outcomeHints(step.steps);
  }
}
