/** What a published state is. */
import assert from 'node:assert/strict';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import type { ClassifierSnapshot } from '../classifier.js';
import { type ConformanceCase, find, IPV4, keyOf, open, PORT, rule, tableOf, VNI } from './support.js';

export const snapshotCases: readonly ConformanceCase[] = [
  {
    title: 'a snapshot does not see later edits, however many',
    run(create) {
      const table = tableOf(create, rule(0, { [PORT]: 0 }), rule(1, { [VNI]: 4 }));
      const before = table.publish();
      const reader = open(before);
      for (let port = 1; port < 500; port++) {
        table.insert(rule(port + 1, { [PORT]: port }));
        table.remove(port);
        if (port % 50 === 0) table.publish();
      }
      assert.equal(find(before, { [PORT]: 0 }), 0);
      assert.equal(find(before, { [VNI]: 4, [PORT]: 7 }), 1);
      assert.equal(find(before, { [PORT]: 499 }), -1);
      assert.equal(reader.find(keyOf({ [VNI]: 4, [PORT]: 499 }), 0, 0, IPV4, 0), 1);
      assert.equal(find(table.publish(), { [VNI]: 4, [PORT]: 7 }), -1);
      assert.equal(find(table.publish(), { [PORT]: 499 }), 500);
    },
  },
  {
    title: 'a snapshot passes through a message port',
    run(create) {
      const table = tableOf(create, rule(1, { [PORT]: 80 }), rule(2, { [VNI]: 5 }, { chain: 3 }));
      const { port1, port2 } = new MessageChannel();
      port1.postMessage(table.publish());
      const received = receiveMessageOnPort(port2)?.message as ClassifierSnapshot;
      port1.close();
      table.remove(1);
      table.publish();
      assert.equal(find(received, { [PORT]: 80 }), 1);
      assert.equal(find(received, { [VNI]: 5 }, { chain: 3 }), 2);
      assert.equal(find(received, { [VNI]: 5 }), -1);
    },
  },
];
