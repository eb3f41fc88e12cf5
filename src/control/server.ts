import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { CommandError } from '../iproute/commands.js';
import { MAX_REQUEST, parseRequest, type Reply, replyLine } from './protocol.js';

/** What runs a request: says what to print through `reply`, resolves with the exit code. Never rejects. */
export type Handler = (argv: readonly string[], reply: (reply: Reply) => void) => Promise<number>;

/** sizeof(sockaddr_un.sun_path), less the zero at its end. */
const LONGEST_PATH = 107;

/** The control socket. Requests of one connection run one after the other. */
export class ControlServer {
  private readonly server: Server;
  private readonly connections = new Set<Socket>();
  private readonly path: string;

  private constructor(server: Server, path: string) {
    this.server = server;
    this.path = path;
  }

  /**
   * Listens at `path`, which a lock has shown to be nobody's: a stale socket there is removed. Throws CommandError
   * where that cannot be.
   */
  static listen(path: string, handler: Handler): Promise<ControlServer> {
    if (Buffer.byteLength(path) > LONGEST_PATH) {
      // libuv would cut it, and listen elsewhere.
      return Promise.reject(new CommandError(`vtep: control socket: longer than ${LONGEST_PATH} bytes: ${path}`, 1));
    }
    const server = createServer();
    const control = new ControlServer(server, path);
    server.on('connection', (socket) => control.serve(socket, handler));
    return new Promise((resolve, reject) => {
      const refuse = (error: Error): void => reject(new CommandError(`vtep: control socket: ${error.message}`, 1));
      server.once('error', refuse);
      rmSync(path, { force: true });
      // The socket is nobody else's from the first moment on, not only after a chmod.
      const umask = process.umask(0o177);
      server.listen(path, () => {
        server.off('error', refuse);
        resolve(control);
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
    rmSync(this.path, { force: true });
  }

  private serve(socket: Socket, handler: Handler): void {
    this.connections.add(socket);
    socket.setEncoding('utf8');
    socket.on('close', () => this.connections.delete(socket));
    // A client that goes away in the middle takes only its own answers with it.
    socket.on('error', () => socket.destroy());
    let pending = '';
    let isBusy = false;
    // One request at a time, and nothing more is read meanwhile: what a client has in hand here is bounded.
    const work = async (): Promise<void> => {
      isBusy = true;
      socket.pause();
      for (let end = pending.indexOf('\n'); end >= 0 && end <= MAX_REQUEST; end = pending.indexOf('\n')) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 1);
        await this.answer(socket, line, handler);
      }
      if (pending.length > MAX_REQUEST) {
        pending = '';
        refuse(socket, `a request is longer than ${MAX_REQUEST} characters`);
        socket.end(() => socket.destroy());
        return;
      }
      isBusy = false;
      socket.resume();
    };
    socket.on('data', (text: string) => {
      pending += text;
      if (!isBusy) void work();
    });
  }

  private async answer(socket: Socket, line: string, handler: Handler): Promise<void> {
    const request = parseRequest(line);
    if (typeof request === 'string') {
      refuse(socket, request);
      return;
    }
    const exit = await handler(request.argv, (reply) => write(socket, reply));
    write(socket, { exit });
    if (!socket.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      socket.once('drain', resolve);
      socket.once('close', () => resolve());
    });
  }
}

function refuse(socket: Socket, sentence: string): void {
  write(socket, { err: `vtep: ${sentence}\n` });
  write(socket, { exit: 1 });
}

function write(socket: Socket, reply: Reply): void {
  if (!socket.destroyed) socket.write(replyLine(reply));
}
