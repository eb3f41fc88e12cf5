import test from 'ava';
import { RecentRates, type Snapshot } from './rates.js';

/** Each look finds a hundred more. */
function counting(): { readonly take: () => Snapshot; readonly looks: () => number } {
  let looks = 0;
  const take = (): Snapshot => ({ time: performance.now(), counts: new Map([['drops', 100 * ++looks]]) });
  return { take, looks: () => looks };
}

test('nobody looks before somebody asks, and the first who asks is told a rate', async (t) => {
  const { take, looks } = counting();
  const rates = new RecentRates(take, { step: 60_000, firstLook: 20, forget: 60_000 });
  t.teardown(() => rates.close());
  t.false(rates.isLooking);
  t.is(looks(), 0);
  const before = performance.now();
  const rate = (await rates.rates()).get('drops') ?? 0;
  const seconds = (performance.now() - before) / 1000;
  t.true(rates.isLooking);
  t.is(looks(), 2);
  t.true(rate >= 100 / seconds && rate <= 100 / 0.019, `${rate} in ${seconds} s`);
});

test('who has not been asked for a while does not look any more, and begins again when asked', async (t) => {
  const { take, looks } = counting();
  const rates = new RecentRates(take, { step: 5, firstLook: 1, forget: 30 });
  t.teardown(() => rates.close());
  await rates.rates();
  const deadline = performance.now() + 10_000;
  while (rates.isLooking && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  t.false(rates.isLooking);
  const then = looks();
  t.true((await rates.rates()).has('drops'));
  t.true(looks() > then && rates.isLooking);
});

test('who was closed looks no more, whoever asks', async (t) => {
  const { take } = counting();
  const rates = new RecentRates(take);
  rates.close();
  t.is((await rates.rates()).size, 0);
  t.false(rates.isLooking);
});
