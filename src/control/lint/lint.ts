/** What is wrong with the rules of a daemon, or of a file: nothing is asked of the datapath, and nothing changed. */
import { KEY_TUNNEL, KEY_WORDS } from '../../classifier/flow-key.js';
import { formatIp } from '../../iproute/address.js';
import type { ActionDetail, VxlanOptions } from '../../iproute/commands.js';
import { encodeKeys } from '../encode-keys.js';
import type { Filter } from '../filter.js';
import type { FilterBlock } from '../filter-block.js';
import type { RulePlace } from '../rule-places.js';
import { Coverage, type CoverRule } from './covered.js';
import { CHECKS, type CheckName, type Finding, ruleWords } from './finding.js';
import { chainsOf, goesOn, mayContinue, reachedActions } from './outcomes.js';
import { unreachedAction } from './unreached-action.js';

/** A device that rules may hang on, or send to. */
export interface LintDevice {
  readonly name: string;
  /** ifindex that `indev` is compared with; absent where nobody knows it. */
  readonly ifindex?: number;
  /** Absent: no vxlan device. */
  readonly vxlan?: VxlanOptions;
  /** Absent where nobody knows. */
  readonly up?: boolean;
}

export interface LintSubject {
  /** By name. */
  readonly devices: ReadonlyMap<string, LintDevice>;
  /** Names of interfaces that there are besides. */
  readonly hosts: ReadonlySet<string>;
  /** The hooks of a device, by name. */
  readonly blocks: (device: string) => ReadonlyMap<string, FilterBlock>;
  readonly lineOf?: (filter: Filter) => number | undefined;
  /** The interface by which packets to an address (4 or 16 bytes) leave; `''`: there is no route; undefined: nobody knows. */
  readonly wayTo?: (address: Uint8Array) => string | undefined;
}

/** Everything that is found, by device, hook, and filters in the order in which they are tried. `only`: of these. */
export function* lint(subject: LintSubject, only?: ReadonlySet<Filter>): Generator<Finding> {
  const redirected = ingressTargets(subject);
  const wanted = only && new Set([...only].map(({ dev }) => dev));
  for (const { name } of subject.devices.values()) {
    if (wanted && !wanted.has(name)) continue;
    for (const [hook, block] of subject.blocks(name)) {
      const checker = new HookChecker(subject, name, hook, block, redirected);
      yield* checker.findings(only);
    }
  }
}

class HookChecker {
  private readonly subject: LintSubject;
  private readonly device: LintDevice;
  private readonly hook: string;
  private readonly block: FilterBlock;
  private readonly isRedirectedTo: boolean;
  private mayHaveTunnel: boolean | undefined;

  constructor(subject: LintSubject, name: string, hook: string, block: FilterBlock, redirected: ReadonlySet<string>) {
    this.subject = subject;
    this.device = subject.devices.get(name) ?? { name };
    this.hook = hook;
    this.block = block;
    this.isRedirectedTo = redirected.has(name);
  }

  *findings(only?: ReadonlySet<Filter>): Generator<Finding> {
    const reached = this.reachedChains();
    for (const chain of this.block.chainNumbers) {
      const coverage = new Coverage();
      const owners = new Map<CoverRule, Filter>();
      let isFirst = true;
      for (const filter of this.block.inMaskOrder(chain)) {
        const actions = actionsOf(filter);
        const rule = coverRule(filter, actions);
        const by = coverage.next(rule);
        if (!rule.mayContinue) owners.set(rule, filter);
        if (only && !only.has(filter)) continue;
        if (isFirst && !reached.has(chain)) yield this.unreached(filter);
        isFirst = false;
        const owner = by && owners.get(by);
        if (owner) yield this.covered(filter, owner);
        yield* this.keys(filter);
        yield* this.chains(filter, actions);
        yield* this.actions(filter, actions);
      }
    }
  }

  private reachedChains(): ReadonlySet<number> {
    const reached = new Set([0]);
    for (const chain of reached) {
      if (!this.block.hasChain(chain)) continue;
      for (const filter of this.block.inMaskOrder(chain)) for (const to of chainsOf(actionsOf(filter))) reached.add(to);
    }
    return reached;
  }

  private unreached(filter: Filter): Finding {
    return this.found(
      'unreached-chain',
      filter,
      `nothing leads to chain ${filter.chain} of ${this.device.name} ${this.hook}: none of its filters ever matches`,
      `lead to it from chain 0 ("action goto chain ${filter.chain}"), or remove it`,
    );
  }

  private covered(filter: Filter, by: Filter): Finding {
    const line = this.subject.lineOf?.(by);
    const where = `${ruleWords(this.place(by))}${line === undefined ? '' : ` (line ${line})`}`;
    return this.found(
      'covered',
      filter,
      `it never matches: whatever it would take is taken before by ${where}`,
      'remove it, or give it a lower pref than the other',
    );
  }

  private *keys(filter: Filter): Generator<Finding> {
    const { vxlan, name, ifindex } = this.device;
    const words = filter.shape.words;
    const isIngress = this.hook === 'ingress';
    const isExternal = vxlan?.external === true;
    if (isIngress && !isExternal && !this.isRedirectedTo && looksAtTunnel(words)) {
      yield this.found(
        'enc-keys',
        filter,
        `it looks at the tunnel (${tunnelKeys(filter)}), but ${name} is not external: its frames have no such metadata`,
        vxlan
          ? `make ${name} external, or leave these keys out`
          : 'put it on the external vxlan device, or leave these keys out',
      );
    }
    const key = filter.keys.find((one) => one.name === 'enc_dst_port');
    if (key && isIngress && isExternal && !this.isRedirectedTo && key.mask.every((byte) => byte === 0xff)) {
      const port = ((key.value[0] ?? 0) << 8) | (key.value[1] ?? 0);
      if (port !== vxlan.dstport) {
        yield this.found(
          'enc-dst-port',
          filter,
          `it wants enc_dst_port ${port}, but ${name} receives on port ${vxlan.dstport} alone`,
          `say enc_dst_port ${vxlan.dstport}, or leave the key out`,
        );
      }
    }
    if (isIngress && !this.isRedirectedTo && filter.indev !== 0 && ifindex !== undefined && filter.indev !== ifindex) {
      yield this.found(
        'indev-elsewhere',
        filter,
        `it wants frames that came in on another device than ${name}, and at the ingress of ${name} there are none`,
        `leave indev out, or put the filter on that device`,
      );
    }
  }

  private *chains(filter: Filter, actions: readonly ActionDetail[]): Generator<Finding> {
    for (const chain of new Set(chainsOf(actions))) {
      if (this.block.hasChain(chain) && !this.block.inMaskOrder(chain).next().done) continue;
      yield this.found(
        'empty-chain',
        filter,
        `it leads to chain ${chain}, which has no filters: nothing is done with the frame there`,
        `add filters to chain ${chain}, or end with another action`,
      );
    }
  }

  private *actions(filter: Filter, actions: readonly ActionDetail[]): Generator<Finding> {
    const { devices, hosts, wayTo } = this.subject;
    const reached = reachedActions(actions);
    const isOpen = goesOn(actions);
    const unreached = unreachedAction(actions);
    if (unreached) yield this.found('unreached-action', filter, unreached.sentence, unreached.remedy);
    let set: Extract<ActionDetail, { kind: 'tunnel_key'; mode: 'set' }> | undefined;
    let isSetUsed = true;
    for (const action of reached) {
      if (action.kind === 'tunnel_key') {
        if (set && !isSetUsed) yield this.unusedKey(filter);
        set = action.mode === 'set' ? action : undefined;
        isSetUsed = set === undefined;
        if (set && wayTo?.(set.dstIp) === '') {
          yield this.found(
            'no-route',
            filter,
            `there is no route to ${formatIp(set.dstIp)}, the dst_ip of its tunnel_key set`,
            `add one (ip route), or correct the address`,
          );
        }
      }
      if (action.kind !== 'mirred') continue;
      const target = devices.get(action.dev);
      if (!target && !hosts.has(action.dev)) {
        yield this.found(
          'missing-device',
          filter,
          `it sends to ${action.dev === '*' ? 'a device that is gone' : `${action.dev}, and there is no such device`}`,
          action.dev === '*'
            ? 'make the device, and the filter again'
            : `make ${action.dev}, or say --host ${action.dev} where the host has it`,
        );
      }
      if (target?.up === false) {
        yield this.found(
          'target-down',
          filter,
          `it sends to ${action.dev}, which is down: what is redirected there is dropped`,
          `ip link set ${action.dev} up`,
        );
      }
      const isTunnel = action.direction === 'egress' && target?.vxlan?.external === true;
      if (isTunnel && set) isSetUsed = true;
      if (isTunnel && set && wayTo?.(set.dstIp) === action.dev) {
        yield this.found(
          'route-loop',
          filter,
          `the way to ${formatIp(set.dstIp)}, the dst_ip of its tunnel_key set, leads through ${action.dev} itself: the frame is dropped`,
          'correct the address, or the route to it',
        );
      }
      // At the ingress of the other device somebody may use it.
      if (!target || action.direction === 'ingress' || this.hasEgress(action.dev)) isSetUsed = true;
      if (isTunnel && !set && !this.hasTunnelBefore() && !this.hasEgress(action.dev)) {
        yield this.found(
          'no-tunnel-key',
          filter,
          `it sends to ${action.dev}, which is external, and no tunnel_key set before says where to: the frame is dropped`,
          'say it before: "action tunnel_key set src_ip … dst_ip … id …"',
        );
      }
    }
    // At the egress of an external device the frame itself goes on into the tunnel.
    const isOut = this.hook === 'egress' && this.device.vxlan?.external === true;
    if (set && !isSetUsed && !isOpen && !isOut) yield this.unusedKey(filter);
  }

  private unusedKey(filter: Filter): Finding {
    return this.found(
      'tunnel-key-unused',
      filter,
      'its tunnel_key set is for nothing: no redirect or mirror to an external vxlan device follows',
      'redirect to the external vxlan device behind it, or remove it',
    );
  }

  /** Whether a frame may come here with a tunnel_key set that another filter has done. */
  private hasTunnelBefore(): boolean {
    this.mayHaveTunnel ??= this.isRedirectedTo || this.hook === 'egress' || this.setsAndGoesOn();
    return this.mayHaveTunnel;
  }

  private setsAndGoesOn(): boolean {
    for (const filter of this.block.each()) {
      const actions = actionsOf(filter);
      if (!goesOn(actions)) continue;
      if (actions.some((action) => action.kind === 'tunnel_key' && action.mode === 'set')) return true;
    }
    return false;
  }

  private hasEgress(name: string): boolean {
    const block = this.subject.blocks(name).get('egress');
    return block !== undefined && !block.each().next().done;
  }

  private place(filter: Filter): RulePlace {
    const { chain, pref, handle } = filter;
    return { dev: this.device.name, hook: this.hook, chain, pref, handle };
  }

  private found(check: CheckName, filter: Filter, sentence: string, remedy: string): Finding {
    const line = this.subject.lineOf?.(filter);
    return {
      check,
      level: CHECKS[check],
      ...(line !== undefined && { line }),
      rule: this.place(filter),
      sentence,
      remedy,
    };
  }
}

/** Devices that some rule sends to the ingress of: frames come there with what they had before. */
function ingressTargets({ devices, blocks }: LintSubject): ReadonlySet<string> {
  const targets = new Set<string>();
  const seen = new Set<ActionDetail>();
  for (const name of devices.keys()) {
    for (const block of blocks(name).values()) {
      for (const { actions } of block.each()) {
        for (const { content } of actions) {
          if (seen.has(content)) continue;
          seen.add(content);
          if (content.kind === 'mirred' && content.direction === 'ingress') targets.add(content.dev);
        }
      }
    }
  }
  return targets;
}

function actionsOf({ actions }: Filter): ActionDetail[] {
  return actions.map(({ content }) => content);
}

const scratch = new Int32Array(KEY_WORDS);

function coverRule(filter: Filter, actions: readonly ActionDetail[]): CoverRule {
  const key = new Int32Array(KEY_WORDS);
  scratch.fill(0);
  encodeKeys(filter.keys, filter.indev, key, scratch);
  const { pref, protocol } = filter;
  return { pref, protocol, key, mask: filter.shape.words, mayContinue: mayContinue(actions) };
}

function looksAtTunnel(mask: Int32Array): boolean {
  for (let word = KEY_TUNNEL; word < KEY_WORDS; word++) if (mask[word] !== 0) return true;
  return false;
}

function tunnelKeys({ keys }: Filter): string {
  return keys
    .filter(({ name }) => name.startsWith('enc_') || name === 'vxlan_opts')
    .map(({ name }) => name)
    .join(', ');
}
