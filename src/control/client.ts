import { connect, type Socket } from 'node:net';
import { CommandError } from '../iproute/commands.js';
import { errorText } from '../native/errno.js';
import { parseReply, type Reply, type Request } from './protocol.js';
import { clientPath, nobodyListens, trustedOwner } from './socket-path.js';

export interface Output {
  out(text: string): void;
  err(text: string): void;
  /** Bytes of a file. */
  data?(bytes: Buffer): void;
  /** A command of a batch failed, after what it said. */
  failed?(index: number): void;
}

interface Waiting {
  readonly output: Output;
  readonly resolve: (exit: number) => void;
  readonly reject: (error: CommandError) => void;
}

/** A connection to a daemon: one request at a time. */
export class Connection {
  private readonly socket: Socket;
  private readonly path: string;
  private waiting: Waiting | undefined;
  private failure: CommandError | undefined;
  private pending = '';
  /** What is to be sent, as long as it is not known who listens. */
  private held: string[] | undefined = [];

  /**
   * To the daemon of this network namespace, unless a path is given. What fails is told to the next request; `atEnd`:
   * what is said of a daemon that ends meanwhile.
   */
  constructor(path: string = clientPath(), atEnd = 'the daemon ended before it answered') {
    this.path = path;
    this.socket = connect(path);
    this.socket.setEncoding('utf8');
    this.socket.once('connect', () => {
      this.begin().catch((error: unknown) => this.refuse(errorText(error)));
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => this.failed(error));
    // Whichever of these comes first decides.
    this.socket.once('close', () => this.fail(atEnd));
  }

  /** Sends a request and passes on what it prints; resolves with its exit code. */
  ask(request: Request, output: Output): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.failure) {
        reject(this.failure);
        return;
      }
      this.waiting = { output, resolve, reject };
      this.send(`${JSON.stringify(request)}\n`);
    });
  }

  /** Ends what has no end of its own; it answers with its exit code then. */
  interrupt(): void {
    this.send('\n');
  }

  close(): void {
    this.socket.end();
  }

  private send(text: string): void {
    if (this.held) this.held.push(text);
    else this.socket.write(text);
  }

  /** What listens there may be a stranger's, who would read what is asked and say what he likes: neither, before that is known. */
  private async begin(): Promise<void> {
    const refusal = await this.ownerRefusal();
    if (refusal !== undefined) {
      this.refuse(refusal);
      return;
    }
    this.socket.on('data', (text: string) => this.heard(text));
    for (const text of this.held ?? []) this.socket.write(text);
    this.held = undefined;
  }

  private async ownerRefusal(): Promise<string | undefined> {
    const trusted = trustedOwner(this.path);
    if (trusted === 'anybody') return undefined;
    // It loads the C library, which nothing else of a client needs.
    const { daemonRefusal, peerUser } = await import('./peer.js');
    return daemonRefusal(peerUser(this.socket), process.getuid?.() ?? 0, trusted);
  }

  private heard(text: string): void {
    const lines = (this.pending + text).split('\n');
    this.pending = lines.pop() ?? '';
    for (const line of lines) {
      const reply = parseReply(line);
      if (reply === undefined) {
        this.refuse('what answers there is no vtep');
        return;
      }
      this.take(reply);
    }
  }

  private take(reply: Reply): void {
    const { waiting } = this;
    if (!waiting) return;
    if ('out' in reply) waiting.output.out(reply.out);
    else if ('err' in reply) waiting.output.err(reply.err);
    else if ('data' in reply) waiting.output.data?.(Buffer.from(reply.data, 'base64'));
    else if ('failed' in reply) waiting.output.failed?.(reply.failed);
    else {
      this.waiting = undefined;
      waiting.resolve(reply.exit);
    }
  }

  private failed(error: NodeJS.ErrnoException): void {
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return; // `close` says it
    const isDenied = error.code === 'EACCES' || error.code === 'EPERM';
    const isAbsent = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
    if (isDenied) this.fail(`${this.path}: that daemon is another user's, who alone (and root) may speak to it`);
    else if (isAbsent) this.fail(`${nobodyListens(this.path)}; start one with: vtep run -b FILE`);
    else this.fail(`${this.path}: ${errorText(error)}`);
  }

  private refuse(why: string): void {
    this.fail(`${this.path}: ${why}`);
    this.socket.destroy();
  }

  private fail(sentence: string): void {
    this.failure ??= new CommandError(`vtep: ${sentence}`, 1);
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.reject(this.failure);
  }
}

/** Sends one request to the daemon of this network namespace and passes on what it prints; resolves with the exit code. */
export async function request(argv: readonly string[], output: Output, path?: string, atEnd?: string): Promise<number> {
  const connection = new Connection(path, atEnd);
  try {
    return await connection.ask({ argv }, output);
  } finally {
    connection.close();
  }
}
