import { createServer, type Server, type Socket } from 'node:net';
import { CommandError } from '../iproute/commands.js';
import { errorText } from '../native/errno.js';
import { type BatchHandler, gathering, type Hoard } from './gather-batch.js';
import { peerGroups, peerRefusal, peerUser } from './peer.js';
import { MAX_REQUEST, parseRequest, type Reply, replyLine, type Say } from './protocol.js';
import { admit, removeFile, removeStaleSocket } from './socket-file.js';
import type { SocketAccess } from './socket-path.js';

/**
 * What runs a request: says what to print through `say`, resolves with the exit code. Never rejects. What has no end of
 * its own ends when `until()` resolves: the client has sent something more, or is gone.
 */
export type Handler = (argv: readonly string[], say: Say, until: () => Promise<void>) => Promise<number>;

type Answerer = (argv: readonly string[], say: Say) => Promise<number>;

/** sizeof(sockaddr_un.sun_path), less the zero at its end. */
const LONGEST_PATH = 107;

/** What all clients together may take of the daemon. */
export interface ServerBounds {
  /** Connections at a time; one more is told so, and closed. */
  readonly clients: number;
  /** Characters of requests that have not ended; whoever adds to more is told so, and its connection closed. */
  readonly unfinished: number;
  /** Characters of batches that have not ended. */
  readonly gathered: number;
}

const BOUNDS: ServerBounds = { clients: 1024, unfinished: 64 * MAX_REQUEST, gathered: 2 ** 29 };

/** The control socket. Requests of one connection run one after the other. */
export class ControlServer {
  private readonly server: Server;
  private readonly connections = new Set<Socket>();
  private readonly path: string;
  private readonly bounds: ServerBounds;
  private readonly hoard: Hoard;
  /** Members of this group may give commands too. */
  private readonly group: number | undefined;
  /** Characters of unfinished requests that are held. */
  private unfinished = 0;

  private constructor(server: Server, path: string, bounds: ServerBounds, group: number | undefined) {
    this.server = server;
    this.path = path;
    this.bounds = bounds;
    this.group = group;
    this.hoard = { held: 0, most: bounds.gathered };
  }

  /**
   * Listens at `path`, which a lock has shown to be no other vtep's: a stale socket there is removed. Throws CommandError
   * where that cannot be.
   */
  static async listen(
    path: string,
    handler: Handler,
    batchHandler: BatchHandler = noBatches,
    access: SocketAccess = {},
    bounds = BOUNDS,
  ): Promise<ControlServer> {
    if (Buffer.byteLength(path) > LONGEST_PATH) {
      // libuv would cut it, and listen elsewhere.
      throw new CommandError(`vtep: control socket: longer than ${LONGEST_PATH} bytes: ${path}`, 1);
    }
    await removeStaleSocket(path);
    // Who has said all that he will say may still listen.
    const server = createServer({ allowHalfOpen: true });
    const control = new ControlServer(server, path, bounds, access.gid);
    server.on('connection', (socket) => control.serve(socket, handler, batchHandler));
    return new Promise((resolve, reject) => {
      const refuse = (error: Error): void =>
        reject(new CommandError(`vtep: control socket: ${path}: ${errorText(error)}`, 1));
      server.once('error', refuse);
      // The socket is nobody else's from the first moment on, not only after a chmod.
      const umask = process.umask(0o177);
      server.listen(path, () => {
        server.off('error', refuse);
        // Of a connection that could not be accepted (no descriptor left): whoever made it is told, and may try again.
        server.on('error', () => undefined);
        try {
          admit(path, access);
          resolve(control);
        } catch (error) {
          server.close();
          refuse(error instanceof Error ? error : new Error(String(error)));
        }
      });
      process.umask(umask); // listen has bound the path by now
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => resolve());
    });
    for (const socket of this.connections) socket.destroy();
    await closed;
    removeFile(this.path);
  }

  private serve(socket: Socket, handler: Handler, batchHandler: BatchHandler): void {
    this.connections.add(socket);
    socket.setEncoding('utf8');
    socket.on('close', () => this.connections.delete(socket));
    // A client that goes away in the middle takes only its own answers with it.
    socket.on('error', () => socket.destroy());
    // The socket's mode keeps others out; somebody may have changed it.
    const isOfGroup = this.group !== undefined && peerGroups(socket).includes(this.group);
    const refusal = peerRefusal(peerUser(socket), process.getuid?.() ?? 0, isOfGroup);
    if (refusal !== undefined) {
      dismiss(socket, refusal);
      return;
    }
    if (this.connections.size > this.bounds.clients) {
      dismiss(socket, `there are ${this.bounds.clients} clients, and may be no more`);
      return;
    }
    const { handle: gather, forget } = gathering(batchHandler, undefined, this.hoard);
    let pending = '';
    let counted = 0;
    const count = (length: number): void => {
      this.unfinished += length - counted;
      counted = length;
    };
    socket.on('close', () => {
      forget();
      count(0);
    });
    let isBusy = false;
    let heard: () => void = () => undefined;
    const until = (): Promise<void> =>
      new Promise((resolve) => {
        heard = resolve;
        if (pending !== '' || socket.destroyed || socket.readableEnded) resolve();
        else socket.resume();
      });
    const left = new AbortController();
    socket.on('close', () => left.abort());
    const isGone = (): AbortSignal => {
      if (isBusy && pending === '') socket.resume();
      return left.signal;
    };
    // One request at a time, and nothing more is read meanwhile: what a client has in hand here is bounded.
    const work = async (): Promise<void> => {
      isBusy = true;
      socket.pause();
      for (let end = pending.indexOf('\n'); end >= 0 && end <= MAX_REQUEST; end = pending.indexOf('\n')) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 1);
        await this.answer(socket, line, (argv, say) => handler(argv, say, until), gather, isGone);
      }
      count(socket.destroyed ? 0 : pending.length);
      const excess =
        pending.length > MAX_REQUEST
          ? `a request is longer than ${MAX_REQUEST} characters`
          : this.unfinished > this.bounds.unfinished
            ? `unfinished requests of all clients together are longer than ${this.bounds.unfinished} characters`
            : undefined;
      if (excess !== undefined) {
        pending = '';
        count(0);
        socket.removeAllListeners('data');
        dismiss(socket, excess);
        return;
      }
      isBusy = false;
      if (socket.readableEnded) socket.end();
      else socket.resume();
    };
    socket.on('data', (text: string) => {
      pending += text;
      if (isBusy) socket.pause();
      heard();
      if (!isBusy) void work();
    });
    socket.on('end', () => {
      heard();
      if (!isBusy) socket.end();
      // Whether anybody listens still shows when something is said.
      else write(socket, { out: '' });
    });
    socket.on('close', () => heard());
  }

  private async answer(
    socket: Socket,
    line: string,
    handler: Answerer,
    batchHandler: BatchHandler,
    gone: () => AbortSignal,
  ): Promise<void> {
    const request = parseRequest(line);
    if (typeof request === 'string') {
      await refuse(socket, request)?.catch(() => undefined);
      return;
    }
    const say: Say = Object.assign((reply: Reply) => write(socket, reply), { gone });
    const exit = 'batch' in request ? await batchHandler(request.batch, say) : await handler(request.argv, say);
    // Nothing more is read from a client that does not take its answers.
    await write(socket, { exit })?.catch(() => undefined);
  }
}

const noBatches: BatchHandler = async (_batch, say) => {
  say({ err: 'vtep: batches are not understood here\n' });
  return 1;
};

function refuse(socket: Socket, sentence: string): Promise<void> | undefined {
  write(socket, { err: `vtep: ${sentence}\n` });
  return write(socket, { exit: 1 });
}

/** Longest that a dismissed client may take to go. */
const FAREWELL_MS = 1000;

/** Refuses, and closes. What the client still sends is read and left: a close before would take the answer from it. */
function dismiss(socket: Socket, sentence: string): void {
  refuse(socket, sentence);
  socket.end();
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
  socket.once('close', () => clearTimeout(timer));
}

/** Gives back a promise where the client is slow: it resolves when there is room again, rejects when it is gone. */
function write(socket: Socket, reply: Reply): Promise<void> | undefined {
  if (socket.destroyed) return handled(Promise.reject(new CommandError('vtep: the client is gone', 1)));
  return socket.write(replyLine(reply)) ? undefined : handled(room(socket));
}

/** Who waits for room already: many may say something meanwhile. */
const waiting = new WeakMap<Socket, Promise<void>>();

function room(socket: Socket): Promise<void> {
  const known = waiting.get(socket);
  if (known) return known;
  const promise = new Promise<void>((resolve, reject) => {
    const drained = (): void => {
      waiting.delete(socket);
      socket.off('close', closed);
      resolve();
    };
    const closed = (): void => {
      waiting.delete(socket);
      socket.off('drain', drained);
      reject(new CommandError('vtep: the client is gone', 1));
    };
    socket.once('drain', drained);
    socket.once('close', closed);
  });
  waiting.set(socket, promise);
  return promise;
}

/** Not everybody who says something waits. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}
