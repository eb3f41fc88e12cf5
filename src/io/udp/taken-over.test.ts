// Sockets that another thread has used before: their mode, and what they have lost already.
import test from 'ava';
import { ReceivedDatagrams } from '../../memory/received.js';
import { TUNNEL_CSUM, TUNNEL_DONT_FRAGMENT } from '../../memory/tunnel.js';
import { EMSGSIZE } from '../../native/errno.js';
import { Endpoint } from '../testing/loopback.js';
import { UdpReceiver } from './receiver.js';
import { UdpUnderlay } from './underlay.js';

const bytes = (count: number): Uint8Array => new Uint8Array(count);

test('a socket that was left with DF is without it for who takes it over', (t) => {
  const from = new Endpoint(4, { sourcePorts: 1 });
  const to = new Endpoint(4);
  t.teardown(() => {
    from.close();
    to.close();
  });
  // Over loopback (MTU 65,536) only a bundle is too long for one packet: refused with DF, cut without.
  from.record(0, to.sockets.port, { FLAGS: TUNNEL_CSUM | TUNNEL_DONT_FRAGMENT });
  from.add([bytes(60000), bytes(60000)], 0, 0, 60000);
  from.send();
  t.deepEqual(from.errnos(), [EMSGSIZE]);
  from.clear();
  const next = new UdpUnderlay(from.arena, [from.sockets], { receive: 64, send: 256 });
  from.record(1, to.sockets.port);
  from.add([bytes(60000), bytes(60000)], 1, 0, 60000);
  next.send(from.vector, from.tunnels);
  t.deepEqual(from.errnos(), [0]);
  t.is(to.collect(2).length, 2);
});

test('what the queue had lost when another took over is not told twice, and what it loses between is told', (t) => {
  const from = new Endpoint(4, {}, false);
  const to = new Endpoint(4, { receiveBuffer: 4096 });
  t.teardown(() => {
    from.close();
    to.close();
  });
  from.record(0, to.sockets.port);
  const flood = (): void => {
    for (let i = 0; i < 100; i++) from.add([bytes(900 + (i & 1))], 0);
    from.send();
    from.clear();
  };
  flood();
  let received = 0;
  while (to.underlay.receive(0, to.batch) > 0) received += to.batch.count;
  const told = to.underlay.takeOverflow();
  t.is(received + told, 100);
  const [[fd, dropsBefore] = [-1, 0]] = to.underlay.dropsTold();
  t.is(fd, to.sockets.receiveFd);
  t.is(dropsBefore, told);
  flood();
  const next = new UdpReceiver(to.arena, { ...to.sockets, dropsBefore }, 64);
  const batch = new ReceivedDatagrams(to.arena, 64, 0);
  while (next.receive(batch) > 0) received += batch.count;
  t.is(received + told + next.takeOverflow(), 200);
});
