/** Metrics over HTTP, on loopback unless told otherwise: GET /metrics, and nothing else. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { CommandError } from '../iproute/commands.js';
import { errorText } from '../native/errno.js';

export interface MetricsAddress {
  readonly host: string;
  /** 0: the kernel chooses one. */
  readonly port: number;
}

export interface Scrape {
  readonly type: string;
  readonly text: string;
}

/** Nobody keeps more of them open; a scrape is one. */
const CONNECTIONS = 16;
const REQUEST_MS = 5000;

export class MetricsServer {
  private readonly server: Server;
  /** Whoever asks while one is made gets that one. */
  private making: Promise<Scrape> | undefined;
  private readonly make: () => Promise<Scrape>;

  private constructor(make: () => Promise<Scrape>) {
    this.make = make;
    this.server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
      this.answer(request, response).catch((error: unknown) => {
        refuse(response, 500, error instanceof Error ? error.message : String(error));
      });
    });
    this.server.maxConnections = CONNECTIONS;
  }

  /** Listens; throws CommandError where it cannot. */
  static listen({ host, port }: MetricsAddress, make: () => Promise<Scrape>): Promise<MetricsServer> {
    const metrics = new MetricsServer(make);
    return new Promise((resolve, reject) => {
      metrics.server.once('error', (error: NodeJS.ErrnoException) => {
        reject(new CommandError(`vtep: --metrics ${urlHost(host)}:${port}: ${errorText(error)}`, 1));
      });
      metrics.server.listen({ host, port, exclusive: true }, () => resolve(metrics));
    });
  }

  get url(): string {
    const { address, port } = this.server.address() as AddressInfo;
    return `http://${urlHost(address)}:${port}/metrics`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => resolve());
    });
    this.server.closeAllConnections();
    await closed;
  }

  private async answer({ method, url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (url.split('?', 1)[0] !== '/metrics') {
      refuse(response, 404, 'metrics are at /metrics');
    } else if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      refuse(response, 405, 'metrics are only read');
    } else {
      this.making ??= this.make().finally(() => {
        this.making = undefined;
      });
      const { type, text } = await this.making;
      response.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
      response.end(method === 'HEAD' ? undefined : text);
    }
  }
}

function refuse(response: ServerResponse, status: number, sentence: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${sentence}\n`);
}

function urlHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
