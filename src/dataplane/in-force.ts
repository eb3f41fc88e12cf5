/**
 * What a worker has been told and is still so: the instructions that bring another thread, which begins with nothing, to
 * where this one was. What has been replaced or taken back is not among them.
 */
import type { UnderlayParts } from '../io/underlay-parts.js';
import type { HookRules, Instruction } from './messages.js';

type UnderlayOpen = Extract<Instruction, { readonly type: 'underlay-open' }>;
type RulesInForce = Extract<Instruction, { readonly type: 'rules' }>;
type CapturesInForce = Extract<Instruction, { readonly type: 'captures' }>;

export class InForce {
  private readonly actionCounters: Instruction[] = [];
  private readonly buckets: Instruction[] = [];
  /** By device; the same place for what is read and written, and for what is only written. */
  private readonly ports = new Map<number, Instruction>();
  private readonly underlays = new Map<number, UnderlayOpen>();
  /** By device. */
  private readonly uses = new Map<number, Instruction>();
  private readonly mirrors = new Map<number, Instruction>();
  /** By device: who may send to it. */
  private readonly peers = new Map<number, Instruction>();
  private captures: CapturesInForce | undefined;
  private neighbours: Instruction | undefined;
  private programs: RulesInForce['programs'] | undefined;
  private readonly hooks = new Map<string, HookRules>();

  /** A worker has carried an instruction out. Every type has its line here: one without does not compile. */
  note(instruction: Instruction): void {
    switch (instruction.type) {
      case 'action-counters':
        this.actionCounters.push(instruction);
        break;
      case 'buckets':
        this.buckets.push(instruction);
        break;
      case 'port-open':
      case 'output-open':
        this.ports.set(instruction.device, instruction);
        break;
      case 'port-close':
      case 'output-close':
        this.ports.delete(instruction.device);
        break;
      case 'underlay-open':
        this.underlays.set(instruction.underlay, instruction);
        break;
      case 'underlay-serve':
        this.serve(instruction);
        break;
      case 'underlay-close':
        this.underlays.delete(instruction.underlay);
        break;
      case 'underlay-use':
        if (instruction.underlay < 0) this.uses.delete(instruction.device);
        else this.uses.set(instruction.device, instruction);
        break;
      case 'neighbours':
        this.neighbours = instruction;
        break;
      case 'rules':
        this.programs = instruction.programs;
        for (const hook of instruction.hooks) this.hook(hook);
        break;
      case 'mirror-taps':
        // Those that were refused had an answer to a question; another thread asks its own.
        this.mirrors.set(instruction.device, { ...instruction, refused: new Int32Array(0) });
        break;
      case 'peers':
        if (instruction.words === undefined) this.peers.delete(instruction.device);
        else this.peers.set(instruction.device, instruction);
        break;
      case 'captures':
        this.captures = instruction.captures.length === 0 ? undefined : instruction;
        break;
      // Done once for all: the counters hold what was added to them, and a new thread has the rights that the control
      // thread has kept, less what it gives up itself (worker.ts).
      case 'restore-counts':
      case 'count-overflows':
      case 'confine':
      case 'stop':
        break;
      // An object of this process, which goes to no thread that could die without it.
      case 'port-give':
        break;
      default:
        instruction satisfies never;
    }
  }

  /**
   * The instructions, in an order in which they can be carried out, and underlays last: what comes in meets all that
   * holds, peers among it.
   */
  instructions(): Instruction[] {
    const { programs } = this;
    return [
      ...this.actionCounters,
      ...this.buckets,
      ...this.ports.values(),
      ...(programs === undefined ? [] : [{ type: 'rules' as const, programs, hooks: [...this.hooks.values()] }]),
      ...(this.neighbours === undefined ? [] : [this.neighbours]),
      ...this.mirrors.values(),
      ...this.peers.values(),
      ...(this.captures === undefined ? [] : [this.captures]),
      ...this.underlays.values(),
      ...this.uses.values(),
    ];
  }

  /** A worker has let go of a port by itself. */
  forgetPort(device: number): void {
    this.ports.delete(device);
  }

  /** What queues have lost is counted up to here, by receive descriptor: whoever reads them next goes on from there. */
  countedUpTo(drops: ReadonlyMap<number, number>): void {
    for (const [number, open] of this.underlays) {
      this.underlays.set(number, { ...open, parts: open.parts.map((parts) => goOn(parts, drops)) });
    }
  }

  private serve({ underlay, owner, takers }: Extract<Instruction, { readonly type: 'underlay-serve' }>): void {
    const open = this.underlays.get(underlay);
    if (!open) return;
    const { takers: _before, ...rest } = open;
    this.underlays.set(underlay, { ...rest, owner, ...(takers && { takers }) });
  }

  private hook(hook: HookRules): void {
    const key = `${hook.device} ${hook.direction}`;
    if (hook.snapshot === undefined) this.hooks.delete(key);
    else this.hooks.set(key, hook);
  }
}

function goOn(parts: UnderlayParts, drops: ReadonlyMap<number, number>): UnderlayParts {
  const from = <T extends { readonly receiveFd: number }>(one: T): T => {
    const dropsBefore = drops.get(one.receiveFd);
    return dropsBefore === undefined ? one : { ...one, dropsBefore };
  };
  switch (parts.kind) {
    case 'udp':
      return { ...parts, sockets: parts.sockets.map(from) };
    case 'raw':
      return { ...parts, families: parts.families.map(from) };
    case 'pcap':
      return from(parts);
    case 'own':
      return parts;
  }
}
