/** What people and programs do to an endpoint while it carries traffic: edits, reloads, saves, monitors, new addresses. */
import { connect } from 'node:net';
import { request } from '../../src/control/client.js';
import { run } from '../netns/process.js';
import type { Topology } from '../netns/topology.js';
import { strangerFrame } from './traffic.js';

/** An answer that took longer is a breach. */
const ANSWER_MS = 2000;

export class Changes {
  /** What was done, by what it is. */
  readonly done = new Map<string, number>();
  slowest = 0;
  events = 0;
  private readonly topology: Topology;
  private readonly socket: string;
  private turn = 0;

  constructor(topology: Topology, socket: string) {
    this.topology = topology;
    this.socket = socket;
  }

  /** Asks the daemon; rejects where it refuses, or takes long. */
  async ask(what: string, ...argv: readonly string[]): Promise<string> {
    const began = performance.now();
    let out = '';
    let err = '';
    const output = {
      out: (text: string) => {
        out += text;
      },
      err: (text: string) => {
        err += text;
      },
    };
    const code = await request(argv, output, this.socket);
    const took = performance.now() - began;
    this.slowest = Math.max(this.slowest, took);
    if (code !== 0) throw new Error(`vtep ${argv.join(' ')}: exit ${code}: ${err}`);
    if (took > ANSWER_MS) throw new Error(`vtep ${argv.join(' ')} was answered after ${Math.round(took)} ms`);
    this.count(what);
    return out;
  }

  /** One round of everything. */
  async round(): Promise<void> {
    const n = this.turn++;
    const filter = `dev vxlan0 ingress protocol ip pref ${100 + (n % 7)}`.split(' ');
    const key = `flower enc_key_id ${1000 + (n % 50)} ip_proto tcp dst_port ${1 + (n % 60_000)}`.split(' ');
    const action = ['action', 'drop'];
    await this.ask('filters added', 'tc', 'filter', 'replace', ...filter, 'handle', '1', ...key, ...action);
    await this.ask('filters shown', 'tc', '-s', 'filter', 'show', 'dev', 'vxlan0', 'ingress');
    if (n % 2 === 1) await this.ask('filters deleted', 'tc', 'filter', 'del', ...filter);
    const mac = `02:00:00:5b:00:${(n & 0xff).toString(16).padStart(2, '0')}`;
    const entry = ['dev', 'vx5', 'dst', this.topology.outer.a];
    await this.ask('entries made', 'bridge', 'fdb', 'replace', mac, ...entry);
    if (n % 3 === 2) await this.ask('entries deleted', 'bridge', 'fdb', 'del', mac, 'dev', 'vx5');
    await this.monitor();
    if (n % 5 === 1) await this.strangers(n);
    if (n % 5 === 2) await this.ask('reloads', 'reload');
    if (n % 5 === 3) await this.ask('saves', 'save');
    if (n % 5 === 4) await this.ask('states saved', 'save', '--state');
  }

  private count(what: string, by = 1): void {
    this.done.set(what, (this.done.get(what) ?? 0) + by);
  }

  /** New addresses for a table to learn, and to forget again. */
  private async strangers(n: number): Promise<void> {
    const { a } = this.topology;
    const lines = Array.from({ length: 50 }, (_, i) => strangerFrame(n * 10 + i));
    const { code, stderr } = await run(a.argv(a.tool('send-frames', 'vx5')), { input: `${lines.join('\n')}\n` });
    if (code !== 0) throw new Error(stderr);
    this.count('new addresses sent', lines.length);
  }

  /** One that watches for a moment and goes without a word. */
  private monitor(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.socket);
      socket.setEncoding('utf8');
      socket.on('data', (text: string) => {
        this.events += text.split('\n').length - 1;
      });
      socket.once('error', reject);
      socket.write('{"argv":["monitor"]}\n', () => {
        setTimeout(() => {
          socket.destroy();
          this.count('monitors');
          resolve();
        }, 100);
      });
    });
  }
}
