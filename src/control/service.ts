/** An endpoint as a service: what its manager is told, from the start to the end. Without a manager nothing is told. */
import type { Datapath } from '../dataplane/datapath.js';
import { addPeers } from '../devices/fdb-peers.js';
import { sendUnixDatagram } from '../io/unix-datagram.js';
import { SystemError } from '../native/errno.js';
import type { Devices } from './devices.js';
import type { Rules } from './rules.js';
import type { ServiceEnvironment } from './service-environment.js';
import { ServiceNotifier } from './service-notifier.js';
import { StatusTicker, statusSentence } from './status.js';
import { Watchdog } from './watchdog.js';

/** A start, or an end, that takes longer than this asks for more time, and so often; and for how much, in ms. */
const LONG_MS = 5000;
const MORE_MS = 60_000;

export interface ServedParts {
  readonly datapath: Datapath;
  readonly devices: Devices;
  readonly rules: Rules;
}

export class Service {
  private readonly notifier: ServiceNotifier;
  private readonly log: (line: string) => void;
  private readonly within: number | undefined;
  private ticker: StatusTicker | undefined;
  private watchdog: Watchdog | undefined;
  private sentence: () => string = () => '';
  private asked = performance.now();
  /** Reloads that are on, and what became of the last one. */
  private reloads = 0;
  private reloadExit = 0;

  constructor({ notifySocket, watchdog, notes }: ServiceEnvironment, log: (line: string) => void) {
    this.notifier = new ServiceNotifier({ path: notifySocket, send: sendUnixDatagram, log });
    this.log = log;
    this.within = watchdog;
    for (const note of notes) log(note);
  }

  /** So much of the batch has been carried out. A start that takes long gets the time that it needs. */
  starting(done: number, total: number | undefined): void {
    if (performance.now() - this.asked < LONG_MS) return;
    this.asked = performance.now();
    const share = total === undefined || total === 0 ? '' : ` (${Math.floor((100 * done) / total)} %)`;
    this.notifier.extend(MORE_MS, `Carrying out the batch${share}`);
  }

  /** Every device and rule is in place. */
  ready(parts: ServedParts): void {
    const { notifier } = this;
    if (!notifier.isOn) return;
    this.sentence = () => sentenceOf(parts);
    notifier.ready(this.sentence());
    this.ticker = new StatusTicker(
      () => this.status(),
      (sentence) => {
        if (this.reloads === 0) notifier.say(sentence);
      },
    );
    this.ticker.look();
    if (this.within === undefined) return;
    const { log, within } = this;
    this.watchdog = new Watchdog({ within, datapath: parts.datapath, alive: () => notifier.alive(), log });
  }

  /** What `work` comes to; the manager waits until the last of several is done with. */
  async reloading(work: () => Promise<number>): Promise<number> {
    this.reloads++;
    this.notifier.reloading();
    try {
      this.reloadExit = 1;
      this.reloadExit = await work();
      return this.reloadExit;
    } finally {
      if (--this.reloads === 0) this.notifier.ready(this.status());
    }
  }

  private status(): string {
    return `${this.sentence()}${this.reloadExit === 0 ? '' : '; the last reload failed'}`;
  }

  stopping(): void {
    this.ticker?.close();
    this.notifier.stopping();
  }

  /** It could not start. */
  failed(error: unknown): void {
    const { message } = error instanceof Error ? error : new Error(String(error));
    const cause = error instanceof Error ? (error.cause ?? error) : undefined;
    const lines = message.split('\n').filter((line) => line !== '');
    this.notifier.failed(lines.join('; '), cause instanceof SystemError ? cause.errno : 0);
  }

  close(): void {
    this.ticker?.close();
    this.watchdog?.close();
    this.notifier.close();
  }
}

function sentenceOf({ datapath, devices, rules }: ServedParts): string {
  const peers = new Set<string>();
  addPeers(datapath.fdb.buffer, peers);
  rules.actions.addPeers(peers);
  // The address that stands for none.
  for (const none of ['00000000', '0'.repeat(32)]) peers.delete(none);
  const present = devices.registry.present();
  return statusSentence({ devices: present.length, filters: rules.filterCount, peers: peers.size });
}
