import { createLookup } from '../classifier/open-lookup.js';
import { DeviceTable } from '../devices/device-table.js';
import { FdbRecords } from '../devices/fdb-records.js';
import { Arena } from '../memory/arena.js';
import type { Clock } from '../memory/clock.js';
import { ActionCounters, Counters } from '../memory/counters.js';
import { SampleRing } from '../memory/sample-ring.js';
import { VniCounters } from '../memory/vni-counters.js';
import { ENGINE_ARENA_BYTES, Engine, type EngineClasses } from './engine.js';
import type { Instruction } from './messages.js';

/** What an engine that is watched is made with: parts that tell of what they do. */
export interface Watched {
  readonly classes: EngineClasses;
  readonly counters: Counters;
  readonly actionCounters: ActionCounters;
}

/**
 * A datapath on the calling thread: an engine whose ports and underlays are objects of this process, for whoever gives
 * it frames by hand. It does its work when it is asked to (`engine`), and takes rules over at once.
 */
export class LocalDatapath {
  readonly devices = new DeviceTable();
  readonly fdb = new FdbRecords();
  readonly vniCounters = new VniCounters();
  readonly counters: Counters;
  readonly actionCounters: ActionCounters;
  readonly samples = new SampleRing();
  readonly arena: Arena;
  readonly engine: Engine;

  readonly clock: Clock;

  /** `seed`: what chance begins with, any 32 bits but 0. */
  constructor(clock: Clock, seed: number, watched?: Watched) {
    this.clock = clock;
    this.counters = watched?.counters ?? new Counters();
    this.actionCounters = watched?.actionCounters ?? new ActionCounters();
    this.arena = new Arena(ENGINE_ARENA_BYTES);
    this.engine = new Engine(
      this.arena,
      this.devices,
      this.counters,
      this.actionCounters,
      this.samples,
      this.fdb.buffer,
      this.vniCounters,
      undefined,
      watched?.classes,
    );
    this.engine.makeRepeatable(clock, seed);
  }

  /** Carries out what the rules ask for. Everything else is the caller's to say to the engine. */
  async apply(instruction: Instruction): Promise<void> {
    if (instruction.type !== 'rules') throw new Error(`a local datapath has no ${instruction.type}`);
    const { programs, hooks } = instruction;
    const lookups = hooks.map(({ snapshot }) => (snapshot ? createLookup(snapshot) : null));
    this.engine.usePrograms(programs);
    hooks.forEach(({ device, direction }, n) => {
      this.engine.useRules(device, direction, lookups[n] ?? null);
    });
  }

  /** Makes sure that there are `rows` rows of action counters. */
  ensureActionCounters(rows: number): void {
    while (this.actionCounters.capacity < rows) this.actionCounters.grow();
  }
}
