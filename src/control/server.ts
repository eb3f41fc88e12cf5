import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { MAX_REQUEST, parseRequest, type Reply, replyLine } from './protocol.js';

/** What runs a request: says what to print through `reply`, resolves with the exit code. Never rejects. */
export type Handler = (argv: readonly string[], reply: (reply: Reply) => void) => Promise<number>;

/** The control socket. Requests of one connection run one after the other. */
export class ControlServer {
  private readonly server: Server;
  private readonly connections = new Set<Socket>();
  private readonly path: string;

  private constructor(server: Server, path: string) {
    this.server = server;
    this.path = path;
  }

  /** Listens at `path`, which a lock has shown to be nobody's: a stale socket there is removed. */
  static listen(path: string, handler: Handler): Promise<ControlServer> {
    rmSync(path, { force: true });
    const server = createServer();
    const control = new ControlServer(server, path);
    server.on('connection', (socket) => control.serve(socket, handler));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      // The socket is nobody else's from the first moment on, not only after a chmod.
      const umask = process.umask(0o177);
      server.listen(path, () => {
        chmodSync(path, 0o600);
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
    let turn: Promise<unknown> = Promise.resolve();
    socket.on('data', (text: string) => {
      pending += text;
      for (let end = pending.indexOf('\n'); end >= 0; end = pending.indexOf('\n')) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 1);
        turn = turn.then(() => this.answer(socket, line, handler));
      }
      if (pending.length > MAX_REQUEST) {
        pending = '';
        socket.end(
          `${replyLine({ err: `vtep: a request is longer than ${MAX_REQUEST} bytes\n` })}${replyLine({ exit: 1 })}`,
        );
      }
    });
  }

  private async answer(socket: Socket, line: string, handler: Handler): Promise<void> {
    const say = (reply: Reply): void => {
      if (!socket.destroyed) socket.write(replyLine(reply));
    };
    const request = parseRequest(line);
    if (typeof request === 'string') {
      say({ err: `vtep: ${request}\n` });
      say({ exit: 1 });
      return;
    }
    say({ exit: await handler(request.argv, say) });
  }
}
